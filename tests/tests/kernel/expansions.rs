//! Tasks that are broken further down.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::planning::{DecomposeRequest, Decomposition, DecompositionStatus, Mode, Planner};
use goalwright_application::read::{EventFilter, EventView, PageRequest, TaskView};
use goalwright_application::tasks::{Ending, NewTask};
use goalwright_application::usage::UsageBy;
use goalwright_application::{Context, Error};
use goalwright_domain::goal::GoalId;
use goalwright_domain::model::{Cause, Content};
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

const PLAN: &str = "# Bread\n\n- [ ] T001 Knead\n  use: time.now\n- [ ] T002 Bake (depends on T001)\n  use: time.now\n\
                    - [ ] T003 Eat (depends on T002)\n  use: time.now\n";
const PARTS: &str = "- [ ] Heat the oven\n  use: time.now\n- [ ] Put it in\n  use: time.now\n";

fn outline(text: &str) -> DecomposeRequest {
    DecomposeRequest { outline: text.to_owned(), ..DecomposeRequest::default() }
}

fn by_model() -> DecomposeRequest {
    DecomposeRequest { planner: Planner::Llm, ..DecomposeRequest::default() }
}

fn part(key: &str, title: &str, depends_on: &[&str]) -> Value {
    json!({
        "key": key, "title": title, "description": "", "task_type": "general", "estimate_minutes": 5, "complexity": 2,
        "complexity_reason": "small", "labels": [], "parallel": false, "depends_on": depends_on, "use": null,
    })
}

async fn expand(app: &TestApp, id: TaskId, request: &DecomposeRequest) -> Result<Decomposition, Error> {
    app.services.planning.expand(&app.ada, id, request).await
}

async fn find(app: &TestApp, goal: GoalId, key: &str) -> TaskId {
    app.task(goal, key).await.state.id
}

/// The keys of what it waits for.
async fn waits(app: &TestApp, goal: GoalId, key: &str) -> Vec<String> {
    let tasks = app.tasks(goal).await;
    let of = tasks.iter().find(|task| task.state.key.as_deref() == Some(key)).expect("it is there");
    let name = |id: TaskId| tasks.iter().find(|task| task.state.id == id)?.state.key.clone();
    let mut names: Vec<String> = of.depends_on.iter().filter_map(|edge| name(edge.task_id)).collect();
    names.sort_unstable();
    names
}

async fn told(app: &TestApp, name: &str) -> Vec<EventView> {
    app.sequence().await;
    let filter = EventFilter { event_type: Some(name.into()), ..EventFilter::default() };
    let page = app.services.queries.events(app.ada.workspace(), &filter, &PageRequest::first(100)).await;
    page.expect("lists").items
}

async fn count(app: &TestApp, table: &str) -> i64 {
    app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_waits_for_its_parts_and_they_for_what_it_waits_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let made = expand(&app, bake, &outline(PARTS)).await.expect("made");
    assert_eq!(
        (made.status, made.goal_id, made.expanded),
        (DecompositionStatus::Applied, Some(goal), Some(bake))
    );
    assert_eq!(made.changes.add, ["T002_1", "T002_2"]);
    assert!(made.findings.is_empty(), "nobody is told of names that nothing has: {:?}", made.findings);
    let [changed] = made.changes.change.as_slice() else { panic!("{:?}", made.changes) };
    assert_eq!((changed.key.as_str(), changed.task_id), ("T002", bake));
    assert_eq!(changed.fields[0].to, json!(["T001", "T002_1", "T002_2"]));
    assert_eq!(waits(&app, goal, "T002_1").await, ["T001"]);
    assert_eq!(waits(&app, goal, "T002_2").await, ["T001", "T002_1"]);
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2"]);
    assert_eq!(waits(&app, goal, "T003").await, ["T002"]);

    let event = &told(&app, "goal.decomposed").await[0];
    assert_eq!(event.changes, json!({"tasks_created": 2, "dependencies_created": 5}));
    assert_eq!(event.metadata["expanded_task_id"], json!(bake));
    let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
    assert_eq!((kept.expanded, kept.task_ids.len()), (Some(bake), 2));

    app.drain().await;
    let tasks = app.tasks(goal).await;
    let done = |key: &str| {
        let of = |task: &&TaskView| task.state.key.as_deref() == Some(key);
        let task = tasks.iter().find(of).expect("it is there");
        assert_eq!(task.state.status, TaskStatus::Completed, "{key}");
        task.updated_at
    };
    assert!(done("T001") <= done("T002_1") && done("T002_1") <= done("T002_2"));
    assert!(done("T002_2") <= done("T002") && done("T002") <= done("T003"));
    assert_eq!(app.progress(goal).await.completed, 5);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ready_task_gives_its_run_back_until_its_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    let parts = "- [x] T010 Buy flour\n- [-] T011 Sing\n- [ ] T012 Weigh it\n  use: time.now\n";
    expand(&app, knead, &outline(parts)).await.expect("made");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Pending);
    assert_eq!(app.task(goal, "T010").await.state.status, TaskStatus::Completed);
    assert_eq!(app.task(goal, "T011").await.state.status, TaskStatus::Skipped);
    let claimed = app.kernel.claim(9).await.expect("claims");
    let claimed: Vec<&str> = claimed.iter().map(|one| one.task.title.as_str()).collect();
    assert_eq!(claimed, ["Weigh it"]);
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    app.clock.advance(Duration::from_secs(60));
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);

    // Parts that are all done free it at once.
    let goal = app.import("# Cake\n\n- [ ] T001 Stir\n  use: time.now\n").await;
    let stir = find(&app, goal, "T001").await;
    expand(&app, stir, &outline("- [x] Whisk\n")).await.expect("made");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_who_was_asked_is_asked_again_when_the_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import("# Bread\n\n- [ ] T001 Bake for everybody\n- [ ] T002 Eat (depends on T001)\n").await;
    let bake = find(&app, goal, "T001").await;
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Waiting);
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Waiting, "nothing is written");
    app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    let waiting = app.task(goal, "T001").await.state;
    assert_eq!((waiting.status, waiting.waiting), (TaskStatus::Pending, None));
    assert_eq!(app.progress(goal).await.by_status.pending, 3);
    app.drain().await;
    let again = app.task(goal, "T001").await.state;
    assert_eq!((again.status, again.attempt), (TaskStatus::Waiting, 2), "the parts are done");
    app.services.tasks.complete(&app.ada, bake, &Default::default()).await.expect("done");
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Ready);
    let runs = app.db.number("SELECT COUNT(*) FROM runs WHERE status NOT IN ('succeeded', 'queued')").await;
    assert_eq!(runs, 0, "no run is left over");
    // Every attempt has its experience, also the one that was given back.
    let of_bake = app
        .experiences()
        .await
        .into_iter()
        .filter(|one| one.content.to_string().contains("Bake for"))
        .count();
    assert!(of_bake >= 2, "{of_bake}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_broken_down_is_refused_and_nothing_changes(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Running\n  use: time.now\n- [x] T002 [P] Completed\n- [ ] T003 [P] Cancelled\n\
                - [-] T004 [P] Skipped\n- [ ] T005 [P] Recurring\n  use: time.now\n- [ ] T006 [P] Open\n";
    let goal = app.import(plan).await;
    let ids: Vec<TaskId> = app.tasks(goal).await.iter().map(|task| task.state.id).collect();
    app.services.tasks.end(&app.ada, ids[2], Ending::Cancelled, "").await.expect("cancelled");
    let schedule = Schedule::read(&json!({"frequency": "hourly"}), "schedule").expect("a schedule");
    let recurring = TaskEdit { schedule: Some(Some(schedule)), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, ids[4], recurring, &Precondition::Any).await.expect("recurs");
    let draft = DraftTask { title: "Homeless".into(), ..DraftTask::default() };
    let homeless =
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    let claimed = app.kernel.claim(1).await.expect("claims");
    assert_eq!(claimed[0].task.id, ids[0]);
    // A workspace of her own is made for her.
    let eve: Context = app.user("eve").await;

    let before =
        (count(&app, "events").await, count(&app, "tasks").await, count(&app, "decompositions").await);
    for request in [outline("- [ ] A\n"), by_model()] {
        for id in &ids[..5] {
            let refused = expand(&app, *id, &request).await.expect_err("refused");
            assert_eq!(refused.code(), "invalid_transition", "{refused}");
        }
        let refused = expand(&app, homeless.state.id, &request).await.expect_err("refused");
        assert_eq!(refused.code(), "goal_needed");
        let refused = app.services.planning.expand(&eve, ids[5], &request).await.expect_err("not hers");
        assert_eq!(refused.code(), "not_found");
    }
    let after =
        (count(&app, "events").await, count(&app, "tasks").await, count(&app, "decompositions").await);
    assert_eq!(after, before, "nothing is written, and nothing is told");
    assert!(app.models.asked().is_empty());

    for (text, code) in [("only words", "not_a_plan"), ("- [ ] T001 Taken\n", "invalid_plan")] {
        let refused = expand(&app, ids[5], &outline(text)).await.expect_err("refused");
        assert_eq!(refused.code(), code, "{refused}");
    }
    assert_eq!(count(&app, "tasks").await, before.1);
    let failed = told(&app, "goal.decomposition_failed").await;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|event| event.metadata["expanded_task_id"] == json!(ids[5])));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_breaks_a_task_down_and_what_was_shown_is_applied(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    // A key that the goal has, then parts that hold.
    app.models.form(&json!({"tasks": [part("T001", "Heat", &[])]}));
    let parts = json!({"tasks": [part("T002_1", "Heat", &[]), part("T002_2", "Wait", &["T002_1"])]});
    app.models.form(&parts);
    let dry = DecomposeRequest { dry_run: true, ..by_model() };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    assert_eq!((shown.status, shown.making.repairs), (DecompositionStatus::Proposed, 1));
    assert_eq!(shown.making.rejected[0].problems[0].code, "duplicate_key");
    assert_eq!((app.tasks(goal).await.len(), shown.changes.add.len()), (3, 2));
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("Break the task `T002` further down") && text.contains("Eat"), "{text}");

    // What happens to other tasks does not matter.
    let other = TaskEdit { title: Some("Devour".into()), ..TaskEdit::default() };
    let eat = find(&app, goal, "T003").await;
    app.services.tasks.edit(&app.ada, eat, other, &Precondition::Any).await.expect("edited");
    let applied = app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    assert_eq!((applied.status, applied.task_ids.len()), (DecompositionStatus::Applied, 2));
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2"]);
    assert_eq!(told(&app, "decomposition.applied").await[0].metadata["expanded_task_id"], json!(bake));
    let usage = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!((usage.rows[0].goal_id, usage.rows[0].usage.cost_tokens()), (Some(goal), 240));
    let spent = app.db.texts("SELECT purpose FROM model_calls WHERE task_id IS NOT NULL").await;
    assert_eq!(spent, ["expand"]);

    // Once more: the new part does not wait for the earlier ones.
    app.models.form(&json!({"tasks": [part("T002_3", "Open a window", &[])]}));
    expand(&app, bake, &by_model()).await.expect("made");
    assert_eq!(waits(&app, goal, "T002_3").await, ["T001"]);
    assert_eq!(waits(&app, goal, "T002").await, ["T001", "T002_1", "T002_2", "T002_3"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_shown_for_a_task_is_not_applied_to_another_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let dry = |text: &str| DecomposeRequest { dry_run: true, ..outline(text) };
    let planning = &app.services.planning;
    let edited = expand(&app, bake, &dry(PARTS)).await.expect("shown");
    for other in ["NULL", "id"] {
        let moved = app.db.execute(&format!("UPDATE decompositions SET expanded_task_id = {other}")).await;
        assert!(moved.is_err(), "it keeps the task that it breaks down");
    }
    let retitled = TaskEdit { title: Some("Bake slowly".into()), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, bake, retitled, &Precondition::Any).await.expect("edited");
    let outdated = planning.accept(&app.ada, edited.id, &edited.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");

    // Of two that were shown, the second was made for a task without parts.
    let (one, two) = (dry(PARTS), dry("- [ ] Slowly\n"));
    let first = expand(&app, bake, &one).await.expect("shown");
    let second = expand(&app, bake, &two).await.expect("shown");
    planning.accept(&app.ada, first.id, &first.plan_hash).await.expect("applied");
    let outdated = planning.accept(&app.ada, second.id, &second.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    let third = expand(&app, bake, &two).await.expect("shown");
    app.services.tasks.delete(&app.ada, bake, &Precondition::Any).await.expect("gone");
    let outdated = planning.accept(&app.ada, third.id, &third.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    planning.reject(&app.ada, third.id, None).await.expect("rejected");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_changes_while_the_model_thinks_keeps_what_it_waits_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n").await;
    let knead = find(&app, goal, "T001").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [part("T001_1", "Weigh", &[])]}));
    let request = by_model();
    let asked = expand(&app, knead, &request);
    let meanwhile = async {
        while app.clock.next_sleep().await > Duration::from_secs(10) {}
        app.services.tasks.end(&app.ada, knead, Ending::Skipped, "").await.expect("skipped");
        app.clock.advance(Duration::from_secs(30));
    };
    let (refused, ()) = tokio::join!(asked, meanwhile);
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.tasks(goal).await.len(), 1);
    let usage = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!(usage.rows[0].usage.cost_tokens(), 120, "what it cost is counted");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_starts_while_the_model_thinks_is_not_broken_down(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [part("T001_1", "Weigh", &[])]}));
    let request = by_model();
    let asked = expand(&app, knead, &request);
    let meanwhile = async {
        while app.clock.next_sleep().await > Duration::from_secs(10) {}
        assert_eq!(app.kernel.claim(1).await.expect("claims").len(), 1);
        app.clock.advance(Duration::from_secs(5));
    };
    let (refused, ()) = tokio::join!(asked, meanwhile);
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Running);
    assert_eq!(app.tasks(goal).await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_break_the_same_task_down_at_once_give_it_the_parts_of_both(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let knead = find(&app, goal, "T001").await;
    let request = outline(PARTS);
    let (one, two) = tokio::join!(expand(&app, knead, &request), expand(&app, knead, &request));
    one.expect("made");
    two.expect("made");
    assert_eq!(waits(&app, goal, "T001").await, ["T001_1", "T001_2", "T001_3", "T001_4"]);
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

/// Waits until so many units wait for locks of others.
async fn until_waiting(app: &TestApp, units: i64) {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while app.db.number(waiting).await < units {
        tokio::task::yield_now().await;
    }
}

#[rstest]
#[case::an_expansion(true)]
#[case::an_update(false)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_becomes_ready_while_its_plan_changes_leaves_no_run_behind(#[case] expands: bool) {
    // SQLite has one writer at a time.
    let Some(app) = TestApp::start(Backend::Postgres).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let held = app.kernel.claim(1).await.expect("claims");
    // The settlement writes tasks and runs, and then waits for the goal's counters.
    let counters = app.ports.transactions.begin().await.expect("begins");
    counters.goals().lock_counts(&[goal]).await.expect("locks");
    let settled = [app.done(&held[0], json!({}))];
    let settlement = app.kernel.settle(&settled);
    let changed = async {
        until_waiting(&app, 1).await;
        if expands {
            return expand(&app, bake, &outline(PARTS)).await;
        }
        let text = "# Bread\n\n- [ ] T001 Knead\n  use: time.now\n- [ ] [P] T004 Heat the oven\n  use: time.now\n\
                    - [ ] T002 Bake (depends on T001, T004)\n  use: time.now\n- [ ] T003 Eat (depends on T002)\n  use: time.now\n";
        let request = DecomposeRequest { mode: Mode::Update, ..outline(text) };
        app.services.planning.decompose(&app.ada, goal, &request).await
    };
    let release = async {
        // It looked at the runs, and waits for the tasks.
        until_waiting(&app, 2).await;
        counters.commit().await.expect("commits");
    };
    let (settled, changed, ()) = tokio::join!(settlement, changed, release);
    assert_eq!(settled.expect("settles"), [Ok(())]);
    changed.expect("changed, on a second look");
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Pending);
    let left = format!("SELECT COUNT(*) FROM runs WHERE status = 'queued' AND task_id = '{bake}'");
    assert_eq!(app.db.number(&left).await, 0, "nobody can claim it");
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_has_failed_is_retried_when_its_parts_are_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Broken\n  use: probe.none {\"name\": \"b\", \"fail\": 1, \"retryable\": false}\n\
                - [ ] T002 Behind (depends on T001)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let broken = find(&app, goal, "T001").await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed);
    let made = expand(&app, broken, &outline(PARTS)).await.expect("made");
    let [finding] = made.findings.as_slice() else { panic!("{:?}", made.findings) };
    assert_eq!(&*finding.code, "failed_whole");
    let refused = app.services.tasks.retry(&app.ada, broken, "").await.expect_err("its parts are not done");
    assert_eq!(refused.code(), "dependencies_open");
    app.drain().await;
    assert_eq!(app.task(goal, "T001_2").await.state.status, TaskStatus::Completed);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed, "as was said");
    app.services.tasks.retry(&app.ada, broken, "").await.expect("tried again");
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_read_what_their_whole_waits_for_and_no_other_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    // The reader calls the first of these parts T001; the goal has another task of that name.
    let parts = "- [ ] Put it in\n  use: time.now\n- [ ] Say it\n  use: text.render {\"template\": \"at {T001.date}\"}\n";
    let Err(Error::Invalid { code: "invalid_plan", violations, .. }) =
        expand(&app, bake, &outline(parts)).await
    else {
        panic!("one of two is read")
    };
    assert_eq!((violations[0].code.as_ref(), violations.len()), ("ambiguous_reference", 1), "{violations:?}");
    assert!(violations[0].message.starts_with("line 4:") && violations[0].message.contains("in line 1"));
    let named = parts.replace("Put", "T020 Put").replace("Say", "T021 Say");
    expand(&app, bake, &outline(&named)).await.expect("made");
    app.drain().await;
    let said = app.task(goal, "T021").await.state;
    assert_eq!(said.status, TaskStatus::Completed, "{:?}", said.error);
    assert_eq!(app.progress(goal).await.percentage, 100.0);

    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let before = count(&app, "tasks").await;
    for (root, code) in
        [("T002", "unknown_reference"), ("T003", "unknown_reference"), ("T001.nothing", "unknown_path")]
    {
        let text = format!(
            "- [ ] T020 First\n  use: time.now\n- [ ] T021 Say it\n  use: text.render {{\"template\": \"{{{root}}}\"}}\n"
        );
        let Err(Error::Invalid { code: "invalid_plan", violations, .. }) =
            expand(&app, bake, &outline(&text)).await
        else {
            panic!("{root} is read")
        };
        assert_eq!((violations[0].code.as_ref(), violations.len()), (code, 1), "{violations:?}");
        assert!(violations[0].message.starts_with("line 4:"), "{violations:?}");
    }
    assert_eq!(count(&app, "tasks").await, before);

    // A model may do the same.
    app.models.offer("openai/gpt-4o-mini");
    let reading = |root: &str| {
        let mut part = part("T002_1", "Say it", &[]);
        let parameters = json!({"template": format!("at {{{root}}}")}).to_string();
        part["use"] = json!({"tool": "text.render", "parameters": parameters});
        json!({"tasks": [part]})
    };
    app.models.form(&reading("T003.date"));
    app.models.form(&reading("T001.date"));
    let made = expand(&app, bake, &by_model()).await.expect("made");
    assert_eq!(made.making.rejected[0].problems[0].code, "unknown_reference");
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("of what `T002` waits for, and of no other task"), "{text}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_begin_no_earlier_than_their_whole_and_are_as_urgent(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# Bread\n\n- [ ] T001 Knead\n  use: time.now\n").await;
    let knead = find(&app, goal, "T001").await;
    let monday = app.ports.clock.now() + Duration::from_secs(3_600);
    let edit = TaskEdit { scheduled_at: Some(Some(monday)), priority: Some(5), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, knead, edit, &Precondition::Any).await.expect("edited");
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, knead, &dry).await.expect("shown");
    let later =
        TaskEdit { scheduled_at: Some(Some(monday + Duration::from_secs(60))), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, knead, later, &Precondition::Any).await.expect("edited");
    let outdated =
        app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("later");
    assert_eq!(outdated.code(), "plan_outdated");
    expand(&app, knead, &outline(PARTS)).await.expect("made");
    let part = app.task(goal, "T001_1").await.state;
    assert_eq!((part.priority, part.scheduled_at), (5, Some(monday + Duration::from_secs(60))));
    app.drain().await;
    assert_eq!(app.progress(goal).await.completed, 0, "it is not Monday yet");
    app.clock.advance(Duration::from_secs(3_700));
    app.drain().await;
    assert_eq!(app.progress(goal).await.percentage, 100.0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_that_is_taken_meanwhile_makes_what_was_shown_outdated(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let bake = find(&app, goal, "T002").await;
    let dry = DecomposeRequest { dry_run: true, ..outline(PARTS) };
    let shown = expand(&app, bake, &dry).await.expect("shown");
    let draft = DraftTask {
        goal_id: Some(goal),
        key: Some("T002_1".into()),
        title: "Between".into(),
        ..DraftTask::default()
    };
    app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    let outdated =
        app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("taken");
    assert_eq!(outdated.code(), "plan_outdated", "{outdated}");
    let made = expand(&app, bake, &outline(PARTS)).await.expect("made");
    assert_eq!(made.changes.add, ["T002_2", "T002_3"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn parts_of_a_task_without_a_key_have_none(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let draft = DraftTask { goal_id: Some(goal), title: "Sing".into(), ..DraftTask::default() };
    let sing =
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    app.models.offer("openai/gpt-4o-mini");
    app.models.form(&json!({"tasks": [part("N001_1", "Breathe", &[]), part("N001_2", "Hum", &["N001_1"])]}));
    let made = expand(&app, sing.state.id, &by_model()).await.expect("made");
    assert_eq!(made.making.repairs, 0);
    let tasks = app.tasks(goal).await;
    let keys = tasks.iter().filter(|task| matches!(&*task.state.title, "Breathe" | "Hum" | "Sing"));
    assert!(keys.map(|task| &task.state.key).all(Option::is_none), "nobody else knows these names");
    let of = |title: &str| tasks.iter().find(|task| task.state.title == title).expect("it is there");
    assert_eq!(of("Hum").depends_on[0].task_id, of("Breathe").state.id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_answers_with_too_many_parts_may_answer_with_fewer(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let keys: Vec<String> = (1..=100).map(|number| format!("T{number:03}")).collect();
    let before: String = keys.iter().map(|key| format!("- [ ] {key} [P] Knead\n  use: time.now\n")).collect();
    let goal =
        app.import(&format!("# Bread\n\n{before}- [ ] T900 Bake (depends on {})\n", keys.join(", "))).await;
    let bake = find(&app, goal, "T900").await;
    // Each of a thousand parts would wait for a hundred tasks, and the whole for each of them.
    let parts: Vec<Value> =
        (1..=1_000).map(|number| part(&format!("T900_{number}"), "Bake one", &[])).collect();
    app.models.form(&json!({"tasks": parts}));
    app.models
        .form(&json!({"tasks": [part("T900_1", "Heat the oven", &[]), part("T900_2", "Wait", &["T900_1"])]}));
    let request = DecomposeRequest { max_tasks: Some(1_000), ..by_model() };
    let made = expand(&app, bake, &request).await.expect("made");
    let [rejected] = made.making.rejected.as_slice() else { panic!("{:?}", made.making.rejected.len()) };
    let [problem] = rejected.problems.as_slice() else { panic!("{:?}", rejected.problems) };
    assert_eq!((problem.code.as_str(), problem.path.as_str()), ("too_many_dependencies", "tasks"));
    assert!(problem.message.contains("use fewer parts"), "{}", problem.message);
    assert_eq!((made.making.repairs, made.changes.add.len()), (1, 2));
    assert_eq!(waits(&app, goal, "T900_1").await.len(), 100);
}
