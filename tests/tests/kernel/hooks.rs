//! What runs after executions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::experiences::{Direction, Reach, Wanted};
use goalwright_application::hooks::{HOOK_ATTEMPTS, Hook, HookFailure, Hooks, registered};
use goalwright_application::ports::Interest;
use goalwright_application::read::{ExecutionFilter, ExecutionView, HookStatus, PageRequest};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

/// Fails so often, and counts how often it was asked.
struct Stubborn {
    failures: u32,
    retryable: bool,
    asked: AtomicU32,
}

impl Stubborn {
    fn new(failures: u32, retryable: bool) -> Arc<Self> {
        Arc::new(Self { failures, retryable, asked: AtomicU32::new(0) })
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Hook for Stubborn {
    fn name(&self) -> &'static str {
        "stubborn"
    }

    fn interest(&self) -> Interest {
        Interest::Every
    }

    async fn after(&self, _: &Experience) -> Result<Vec<Experience>, HookFailure> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if asked <= self.failures {
            let message = format!("failure {asked}, mail ann@example.org");
            return Err(HookFailure { message, retryable: self.retryable });
        }
        Ok(Vec::new())
    }
}

fn notes(app: &TestApp) -> Hooks {
    Hooks::new(&app.ports, registered(&["notes".to_owned()], &app.ports))
}

async fn settle_down(app: &TestApp, hooks: &Hooks) {
    app.services.experiences.catch_up().await;
    while hooks.tick().await.expect("ticks") > 0 {}
}

async fn of_kind(app: &TestApp, kind: ExperienceType) -> Vec<Experience> {
    app.experiences().await.into_iter().filter(|experience| experience.kind == kind).collect()
}

async fn executions(app: &TestApp) -> Vec<ExecutionView> {
    let page = PageRequest::first(50);
    let filter = ExecutionFilter::default();
    app.services.experiences.executions(&app.ada, &filter, &page).await.expect("lists").items
}

async fn retry_later(app: &TestApp, hooks: &Hooks) {
    app.clock.advance(Duration::from_secs(600));
    hooks.tick().await.expect("ticks");
}

const FLAKY: &str =
    "# P\n\n- [ ] T001 Fetch the weather\n  use: probe.none {\"name\": \"flaky\", \"fail\": 2}\n";
const BROKEN: &str = "# P\n\n- [ ] T001 Fetch the tide\n  use: probe.none {\"name\": \"broken\", \"fail\": 99, \"retryable\": false}\n";

async fn drain_with_retries(app: &TestApp) {
    for _ in 0..4 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(120));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_done_at_last_is_remembered_with_where_it_came_from(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let hooks = notes(&app);
    settle_down(&app, &hooks).await;
    let goal = app.import(FLAKY).await;
    drain_with_retries(&app).await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    settle_down(&app, &hooks).await;
    let attempts = of_kind(&app, ExperienceType::TaskExecution).await;
    let beliefs = of_kind(&app, ExperienceType::Belief).await;
    assert_eq!((attempts.len(), beliefs.len()), (3, 1));
    let belief = &beliefs[0];
    let text = belief.content["text"].as_str().expect("words");
    assert!(text.contains("done at attempt 3, after it had failed with Probed"), "{text}");
    assert_eq!(belief.parents, [attempts[0].id.clone(), attempts[1].id.clone()]);
    assert_eq!(belief.causes, [attempts[2].id.clone()]);

    // The next task finds it by its words, and whoever asks where it came from finds the attempts.
    app.services.experiences.catch_up().await;
    let wanted = Wanted { query: "weather probed failed".to_owned(), kind: None, limit: 10 };
    let found = app.services.experiences.retrieve(app.ada.workspace(), &wanted).await.expect("searches");
    assert!(found.hits.iter().any(|found| found.id == belief.id), "{found:?}");
    let reach = Reach { direction: Direction::Up, ..Reach::default() };
    let lineage = app.services.experiences.lineage(&app.ada, &belief.id, reach).await.expect("walks");
    assert!(attempts.iter().all(|attempt| lineage.nodes.iter().any(|node| node.id == attempt.id)));

    // Once for the run, however often it is looked at, and also when everything that is derived is derived anew.
    app.services.experiences.rebuild().await.expect("rebuilds");
    settle_down(&app, &hooks).await;
    assert_eq!(of_kind(&app, ExperienceType::Belief).await.len(), 1);
    let after = executions(&app).await;
    let done = after.iter().flat_map(|view| &view.hooks).filter(|hook| hook.status == HookStatus::Done);
    assert_eq!(done.count(), 3, "each attempt that was in trouble, or followed one, was looked at");
    let left: Vec<String> =
        after.iter().flat_map(|view| view.hooks.iter().flat_map(|hook| hook.left_behind.clone())).collect();
    assert_eq!(left, std::slice::from_ref(&belief.id));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_failed_for_good_is_remembered_and_what_went_smoothly_is_not(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let hooks = notes(&app);
    settle_down(&app, &hooks).await;
    app.import("# P\n\n- [ ] T001 A\n  use: time.now\n").await;
    let goal = app.import(BROKEN).await;
    app.drain().await;
    settle_down(&app, &hooks).await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM hook_runs").await, 1, "nobody is asked about success");
    let reflections = of_kind(&app, ExperienceType::Reflection).await;
    assert_eq!(reflections.len(), 1);
    assert!(
        reflections[0].content["text"]
            .as_str()
            .expect("words")
            .starts_with("`Fetch the tide` failed for good")
    );

    // A person has it tried again: what the run taught then is another lesson.
    let task = app.task(goal, "T001").await.state.id;
    app.services.tasks.retry(&app.ada, task, "").await.expect("retries");
    app.clock.advance(Duration::from_secs(1));
    app.drain().await;
    settle_down(&app, &hooks).await;
    assert_eq!(of_kind(&app, ExperienceType::Reflection).await.len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_hook_that_fails_is_tried_again_and_no_task_fails_with_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let hook = Stubborn::new(2, true);
    let hooks = Hooks::new(&app.ports, vec![hook.clone()]);
    settle_down(&app, &hooks).await;
    let goal = app.import("# P\n\n- [ ] T001 A\n  use: time.now\n").await;
    app.drain().await;
    settle_down(&app, &hooks).await;
    assert_eq!(hook.asked(), 1, "not again before its time");
    let seen = &executions(&app).await[0].hooks[0];
    assert_eq!((seen.status, seen.attempts), (HookStatus::Queued, 1));
    let error = seen.error.clone().expect("told");
    assert!(error.contains("failure 1") && !error.contains("ann@example.org"), "{error}");
    retry_later(&app, &hooks).await;
    retry_later(&app, &hooks).await;
    assert_eq!(hook.asked(), 3);
    assert_eq!(executions(&app).await[0].hooks[0].status, HookStatus::Done);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    retry_later(&app, &hooks).await;
    assert_eq!(hook.asked(), 3, "what is done is not done again");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_hook_that_never_succeeds_is_given_up_told_of_and_can_be_had_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let hook = Stubborn::new(HOOK_ATTEMPTS, true);
    let hooks = Hooks::new(&app.ports, vec![hook.clone()]);
    settle_down(&app, &hooks).await;
    app.import("# P\n\n- [ ] T001 A\n  use: time.now\n").await;
    app.drain().await;
    settle_down(&app, &hooks).await;
    for _ in 0..2 * HOOK_ATTEMPTS {
        retry_later(&app, &hooks).await;
    }
    assert_eq!(hook.asked(), HOOK_ATTEMPTS);
    let failed = app.services.queries.failed_hooks(10).await.expect("lists");
    assert_eq!((failed.len(), failed[0].attempts), (1, HOOK_ATTEMPTS));
    let told = app.events_of("hook.failed").await;
    assert_eq!((told.len(), told[0].metadata["hook"].clone()), (1, "stubborn".into()));
    assert_eq!(hooks.retry_failed().await.expect("asks"), 1);
    retry_later(&app, &hooks).await;
    assert_eq!(executions(&app).await[0].hooks[0].status, HookStatus::Done);
    assert_eq!(hooks.retry_failed().await.expect("asks"), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_process_took_and_left_is_taken_by_the_next_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let hook = Stubborn::new(0, true);
    let hooks = Hooks::new(&app.ports, vec![hook.clone()]);
    settle_down(&app, &hooks).await;
    app.import("# P\n\n- [ ] T001 A\n  use: time.now\n").await;
    app.drain().await;
    app.services.experiences.catch_up().await;
    let now = || app.ports.clock.now();
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.hooks().enqueue("stubborn", Interest::Every, 100, now()).await.expect("notes");
    let taken = unit.hooks().claim(&["stubborn"], now(), Duration::from_secs(90), 9).await.expect("takes");
    unit.commit().await.expect("commits");
    assert_eq!(taken.len(), 1);
    settle_down(&app, &hooks).await;
    assert_eq!(hook.asked(), 0, "somebody has it");
    retry_later(&app, &hooks).await;
    assert_eq!(hook.asked(), 1, "whoever had it is gone");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let end = goalwright_application::ports::HookEnd::Failed { error: "late".into() };
    assert!(!unit.hooks().conclude(&taken[0], &end, now()).await.expect("refuses"), "too late");
    drop(unit);
    assert_eq!(executions(&app).await[0].hooks[0].status, HookStatus::Done);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn without_hooks_nothing_is_noted_and_what_was_before_a_hook_is_none_of_its_business(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(BROKEN).await;
    app.drain().await;
    settle_down(&app, &Hooks::new(&app.ports, vec![])).await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM hook_runs").await, 0);
    app.clock.advance(Duration::from_secs(1));
    let hooks = notes(&app);
    settle_down(&app, &hooks).await;
    app.services.experiences.rebuild().await.expect("rebuilds");
    settle_down(&app, &hooks).await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM hook_runs").await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_experience_that_cannot_be_read_keeps_nobody_from_those_behind_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(BROKEN).await;
    app.drain().await;
    app.services.experiences.catch_up().await;
    // The parents are no list, and the attempt is no number: one of them stops each database.
    let (json, parents) = match backend {
        Backend::Sqlite => ("AS TEXT", "no list"),
        Backend::Postgres => ("AS JSONB", "[]"),
    };
    let spoiled = format!(
        "INSERT INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts, meta) \
         SELECT 'spoiled', workspace_id, type, CAST('{{\"text\": \"x\", \"structured\": {{\"task_id\": \"t\", \"status\": \"failed\", \"attempt\": \"many\", \"idempotency_key\": \"spoiled\"}}}}' {json}), \
         provenance, CAST('{parents}' {json}), causes, session_id, created_at, ts, meta FROM experiences LIMIT 1"
    );
    app.db.execute(&spoiled).await.expect("plain SQL");
    app.clock.advance(Duration::from_secs(1));
    app.import("# Q\n\n- [ ] T001 Behind it\n  use: time.now\n").await;
    app.drain().await;
    app.services.experiences.catch_up().await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experience_unread WHERE n > 0").await, 0);
    assert_eq!(app.db.texts("SELECT experience_id FROM experiences_set_aside").await, ["spoiled"]);
    assert_eq!(executions(&app).await.len(), 2, "those behind it were read");
    assert_eq!(app.events_of("experience.set_aside").await[0].entity_id, "spoiled");
    // Once it can be read, everything is: it is tried again with everything else.
    let again = app.services.experiences.rebuild().await.expect("rebuilds");
    assert_eq!(again, 3, "it was looked at again");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences_set_aside").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_says_what_a_run_taught_and_is_paid_for_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/claude-sonnet-4-5");
    let lessons = Hooks::new(&app.ports, registered(&["lessons".to_owned()], &app.ports));
    settle_down(&app, &lessons).await;
    app.import("# P\n\n- [ ] T000 Go smoothly\n  use: time.now\n").await;
    app.import(FLAKY).await;
    for _ in 0..4 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(120));
    }
    let answer =
        json!({"lessons": ["The weather service needs a pause; ask ann@example.org", "", "b", "c", "d"]});
    app.models.form(&answer);
    settle_down(&app, &lessons).await;
    let beliefs = of_kind(&app, ExperienceType::Belief).await;
    assert_eq!(beliefs.len(), 3, "three at most, and nothing of a run that went smoothly");
    let first =
        beliefs.iter().find(|one| one.content["text"].as_str().is_some_and(|text| text.contains("pause")));
    let first = first.expect("the first");
    assert!(!first.content["text"].to_string().contains("ann@example.org"), "an audit copy");
    assert_eq!(first.provenance["sources"][1], "model:anthropic/claude-sonnet-4-5");
    assert_eq!((first.parents.len(), first.causes.len()), (2, 1));
    let asked = app.models.asked();
    assert_eq!(asked.len(), 1);
    assert!(format!("{:?}", asked[0].messages).contains("Fetch the weather"));
    let spent = app.services.usage.budget(&app.ada).await.expect("a budget").spent;
    assert_eq!(spent.tokens, 120, "the answer is paid for");
    retry_later(&app, &lessons).await;
    assert_eq!(app.models.asked().len(), 1, "once is enough");

    // What is not of the form is paid for once, and not again and again.
    app.import(BROKEN).await;
    app.drain().await;
    app.models.form_text("no JSON at all", goalwright_application::ports::Stop::Finished);
    settle_down(&app, &lessons).await;
    retry_later(&app, &lessons).await;
    assert_eq!((app.models.asked().len(), app.models.left()), (2, 0));
    assert_eq!(app.services.queries.failed_hooks(10).await.expect("lists").len(), 1);
}
