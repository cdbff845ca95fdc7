//! Goals that models break down: what is asked, what goes back, what is written, what it costs.

use std::time::Duration;

use goalwright_application::planning::{DecomposeRequest, Decomposition, DecompositionStatus, Mode, Planner};
use goalwright_application::ports::Stop;
use goalwright_application::{Error, Precondition};

use goalwright_application::read::{EventFilter, EventView, PageRequest};
use goalwright_application::tasks::NewTask;
use goalwright_application::usage::UsageBy;
use goalwright_application::workspaces::Settle;
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId};
use goalwright_domain::model::{Cause, Content, Role};
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_domain::workspace::SettingsEdit;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

fn task(key: &str, title: &str, depends_on: &[&str]) -> Value {
    json!({
        "key": key, "title": title, "description": "", "task_type": "general", "estimate_minutes": 30, "complexity": 3,
        "complexity_reason": "nothing special", "labels": [], "parallel": false, "depends_on": depends_on, "use": null,
    })
}

fn bread() -> Value {
    json!({"tasks": [task("T001", "Knead", &[]), task("T002", "Bake", &["T001"]), task("T003", "Eat", &["T002"])]})
}

fn by_model() -> DecomposeRequest {
    DecomposeRequest { planner: Planner::Llm, ..DecomposeRequest::default() }
}

async fn goal(app: &TestApp) -> GoalId {
    let draft = DraftGoal { title: "Bread".into(), description: "Two loaves".into(), ..DraftGoal::default() };
    app.services.goals.create(&app.ada, draft).await.expect("made").state.id
}

async fn decompose(app: &TestApp, id: GoalId, request: &DecomposeRequest) -> Result<Decomposition, Error> {
    app.services.planning.decompose(&app.ada, id, request).await
}

async fn events(app: &TestApp, name: &str) -> Vec<EventView> {
    app.sequence().await;
    let filter = EventFilter { event_type: Some(name.into()), ..EventFilter::default() };
    let page = app.services.queries.events(app.ada.workspace(), &filter, &PageRequest::first(100)).await;
    page.expect("lists").items
}

/// Calls and tokens of the workspace until now.
async fn spent(app: &TestApp) -> (u64, u64) {
    let figures = app.services.usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    figures
        .rows
        .iter()
        .fold((0, 0), |(calls, tokens), row| (calls + row.calls, tokens + row.usage.cost_tokens()))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_s_plan_is_written_with_tasks_edges_event_and_cost(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/claude-sonnet-4-5");
    app.models.form(&bread());
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");

    assert_eq!(
        (made.status, made.plan.tasks.len(), made.task_ids.len()),
        (DecompositionStatus::Applied, 3, 3)
    );
    let tasks = app.tasks(id).await;
    assert_eq!(tasks.len(), 3);
    assert!(tasks.iter().all(|task| task.state.goal_id == Some(id)));
    let bake = app.task(id, "T002").await;
    assert_eq!(
        (bake.state.title.as_str(), bake.state.complexity, bake.depends_on.len()),
        ("Bake", Some(3), 1)
    );
    assert_eq!(bake.state.complexity_reason.as_deref(), Some("nothing special"));
    let asked = app.models.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].system.contains("file.read"), "the tools are told");
    let Content::Text { text } = &asked[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("Two loaves"), "{text}");

    let told = events(&app, "goal.decomposed").await;
    assert_eq!(told[0].changes, json!({"tasks_created": 3, "dependencies_created": 2}));
    let metadata = &told[0].metadata;
    for (field, value) in [
        ("planner", json!("llm")),
        ("model", json!("anthropic/claude-sonnet-4-5")),
        ("prompt_version", json!("goalwright-1")),
        ("cost_tokens", json!(120)),
        ("input_tokens", json!(100)),
        ("output_tokens", json!(20)),
        ("attempts", json!(1)),
        ("repairs", json!(0)),
        ("dry_run", json!(false)),
        // 100 tokens at 3 dollars and 20 at 15 for a million.
        ("cost_usd", json!(0.0006)),
    ] {
        assert_eq!(metadata[field], value, "{field}");
    }
    assert_eq!(spent(&app).await, (1, 120));
    let by_goal = app.services.usage.usage(&app.ada, UsageBy::Goal, None, None).await.expect("sums");
    assert_eq!((by_goal.rows[0].goal_id, by_goal.rows[0].cost.nanos()), (Some(id), 600_000));
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    assert_eq!((budget.spent.tokens, budget.reserved.tokens), (120, 0));
    let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
    assert_eq!(kept, made);
    let history = app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
    assert_eq!((history.items[0].tasks, history.items[0].dependencies), (3, 2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_used_goes_back_with_all_its_problems_and_is_kept(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.form_text("Sure! {\"tasks\": [", Stop::Finished);
    let circle = json!({"tasks": [
        task("T001", "Knead", &["T002"]), task("T002", "Bake", &["T001"]), task("T002", " ", &[]),
    ]});
    app.models.form(&circle);
    app.models.form_text(&format!("```json\n{}\n```", bread()), Stop::Finished);
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.making.repairs, made.making.attempts, made.plan.tasks.len()), (2, 3, 3));
    assert_eq!(made.making.usage.cost_tokens(), 360);
    let codes = |at: usize| -> Vec<&str> {
        made.making.rejected[at].problems.iter().map(|problem| problem.code.as_str()).collect()
    };
    assert_eq!(codes(0), ["not_json"]);
    assert_eq!(codes(1), ["empty_title", "duplicate_key", "dependency_cycle"], "all at once");
    let asked = app.models.asked();
    let last = &asked[2].messages;
    assert_eq!(last.len(), 5, "the conversation goes on");
    assert_eq!(last[3].role, Role::Assistant);
    let Content::Text { text } = &last[4].content[0] else { panic!("words") };
    assert!(text.contains("T001 → T002 → T001") && text.contains("duplicate_key"), "{text}");
    assert_eq!(app.services.planning.get(&app.ada, made.id).await.expect("kept").making, made.making);
    assert_eq!(spent(&app).await, (1, 360));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_that_stays_wrong_is_never_written(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for _ in 0..3 {
        app.models.form(&json!({"tasks": [task("T001", "Knead", &["T404"])]}));
    }
    let id = goal(&app).await;
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    let Error::Invalid { code: "invalid_plan", violations, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(
        (violations[0].path.as_str(), violations[0].code.as_str()),
        ("tasks[0].depends_on[0]", "unknown_dependency")
    );
    assert_eq!(app.tasks(id).await.len(), 0);
    let history = app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
    let failed = app.services.planning.get(&app.ada, history.items[0].id).await.expect("kept");
    assert_eq!((failed.status, failed.making.rejected.len()), (DecompositionStatus::Failed, 3));
    let told = events(&app, "goal.decomposition_failed").await;
    assert_eq!(
        (&told[0].metadata["code"], &told[0].metadata["cost_tokens"]),
        (&json!("invalid_plan"), &json!(360))
    );
    assert_eq!(spent(&app).await, (1, 360), "what it cost is not forgotten");
    for wrong in [
        json!({"tasks": []}),
        json!({"tasks": (0..4).map(|n| task(&format!("T{n}"), "x", &[])).collect::<Vec<_>>()}),
    ] {
        (0..3).for_each(|_| app.models.form(&wrong));
        let request = DecomposeRequest { max_tasks: Some(3), ..by_model() };
        assert_eq!(decompose(&app, id, &request).await.expect_err("refused").code(), "invalid_plan");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_answer_that_is_cut_off_goes_on_in_parts(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let whole = bread().to_string();
    app.models.form_text(&whole[..whole.find("Eat").expect("there")], Stop::Length);
    app.models.form(&json!({"tasks": [task("T003", "Eat", &["T002"])]}));
    let id = goal(&app).await;
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.plan.tasks.len(), made.plan.dependencies.len(), made.making.repairs), (3, 2, 0));
    let asked = app.models.asked();
    let Content::Text { text } = &asked[1].messages[2].content[0] else { panic!("words") };
    assert!(text.contains("`T002`"), "{text}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_thinks_until_its_limit_is_given_more_room_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    app.models.form_text("", Stop::Length);
    app.models.form(&bread());
    let made = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!((made.making.repairs, made.making.attempts, made.making.rejected.len()), (0, 2, 0));
    assert_eq!(made.making.usage.cost_tokens(), 240, "the thoughts are paid, too");
    let asked = app.models.asked();
    assert!(asked[0].max_output_tokens < asked[1].max_output_tokens);
    assert_eq!(asked[0].messages, asked[1].messages, "the same is asked again");

    // It is remembered, and with all the room there is, it is a problem like others.
    app.models.form_text("{\"tasks\": [{\"key\": \"T0", Stop::Length);
    app.models.form(&json!({"tasks": [task("T010", "Sleep", &[])]}));
    let more = decompose(&app, id, &by_model()).await.expect("made");
    assert_eq!(app.models.asked()[2].max_output_tokens, asked[1].max_output_tokens);
    assert_eq!((more.making.repairs, more.making.rejected[0].problems[0].code.as_str()), (1, "cut_off"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn more_room_is_kept_where_it_led_to_an_answer_and_taken_back_where_it_took_too_long(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let limits = || app.models.asked().iter().map(|asked| asked.max_output_tokens).collect::<Vec<_>>();
    let after = Duration::from_secs(60);
    let time_out = || (0..3).for_each(|_| app.models.fail(Cause::TimedOut { after }));
    let ask = async || {
        let request = by_model();
        let mut asked = std::pin::pin!(decompose(&app, id, &request));
        loop {
            tokio::select! {
                outcome = &mut asked => return outcome,
                _ = app.clock.skip_pause(after) => {}
            }
        }
    };
    // It thinks until its limit, and then for longer than anybody waits: what follows is asked as before.
    app.models.form_text("", Stop::Length);
    time_out();
    ask().await.expect_err("it took too long");
    app.models.form_text("", Stop::Length);
    app.models.form(&bread());
    ask().await.expect("made");
    let tokens = limits();
    let (usual, generous) = (tokens[0], tokens[1]);
    assert!(usual < generous);
    assert_eq!(tokens, [usual, generous, generous, generous, usual, generous]);
    // That led to an answer, and is kept until it takes too long. What another workspace pays for is its own.
    time_out();
    ask().await.expect_err("it took too long");
    app.models.form(&json!({"tasks": [task("T010", "Sleep", &[])]}));
    ask().await.expect("made");
    assert_eq!(limits()[6..], [generous, generous, generous, usual]);

    // An endpoint that allows less is asked for no more, and nothing more is promised to it.
    app.models.allow_output(4_096);
    app.models.form_text("", Stop::Length);
    app.models.form(&json!({"tasks": [task("T011", "Wake", &[])]}));
    let made = ask().await.expect("made");
    assert_eq!((made.making.repairs, made.making.rejected[0].problems[0].code.as_str()), (1, "cut_off"));
    assert_eq!(limits()[10..], [4_096, 4_096]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_budget_bears_what_was_promised_to_calls_that_tell_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let usage = &app.services.usage;
    usage.set_budget(&app.ada, None, Some(40_000), &Precondition::Any).await.expect("set");
    let after = Duration::from_secs(60);
    let ask = async || {
        let request = by_model();
        let mut asked = std::pin::pin!(decompose(&app, id, &request));
        loop {
            tokio::select! {
                outcome = &mut asked => return outcome.expect_err("no answer"),
                _ = app.clock.skip_pause(after) => {}
            }
        }
    };
    // What is refused at once consumed nothing.
    app.models.fail(Cause::Credentials { setting: "OPENAI_API_KEY", status: 401 });
    ask().await;
    assert_eq!(usage.budget(&app.ada).await.expect("a budget").spent.tokens, 0);
    // Nobody knows what calls without an end consumed; they cannot be repeated for ever for nothing.
    let mut spent = Vec::new();
    let refused = loop {
        (0..3).for_each(|_| app.models.fail(Cause::TimedOut { after }));
        let refused = ask().await;
        let budget = usage.budget(&app.ada).await.expect("a budget");
        assert_eq!(budget.reserved.tokens, 0);
        spent.push(budget.spent.tokens);
        if refused.code() == "budget_exhausted" || spent.len() > 9 {
            break refused;
        }
    };
    assert_eq!(refused.code(), "budget_exhausted", "{spent:?}");
    assert!(spent[0] > 8_192 && spent[1] == 2 * spent[0], "{spent:?}");
    let sums = usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    assert_eq!((sums.rows[0].usage.cost_tokens(), sums.rows[0].cost.nanos()), (0, 0), "what was told");
    assert_eq!(sums.rows[0].unpriced_calls, u64::try_from(spent.len()).expect("few") - 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_an_attempt_without_an_end_cost_is_not_known_and_never_too_small(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let after = Duration::from_secs(60);
    for (lost, known) in [
        (Cause::TimedOut { after }, false),
        (Cause::CutOff, false),
        (Cause::Server { status: 504, retry_after: None }, false),
        (Cause::Server { status: 500, retry_after: None }, true),
        (Cause::Overloaded { retry_after: None }, true),
    ] {
        let id = goal(&app).await;
        app.models.fail(lost.clone());
        app.models.form(&bread());
        let request = by_model();
        let asked = decompose(&app, id, &request);
        let passes = async {
            while app.clock.next_sleep().await > Duration::from_secs(10) {}
            app.clock.advance(Duration::from_secs(30));
        };
        let (made, ()) = tokio::join!(asked, passes);
        let made = made.expect("made");
        assert_eq!((made.making.usage.cost_tokens(), made.making.attempts), (120, 2), "{lost:?}");
        assert_eq!(made.making.cost.is_some(), known, "{lost:?}");
        let kept = app.services.planning.get(&app.ada, made.id).await.expect("kept");
        assert_eq!(kept.making.cost, made.making.cost);
        assert_eq!(events(&app, "goal.decomposed").await[0].metadata["cost_usd"].is_null(), !known);
    }
    let sums = app.services.usage.usage(&app.ada, UsageBy::Model, None, None).await.expect("sums");
    assert_eq!((sums.rows[0].calls, sums.rows[0].unpriced_calls), (5, 3));
    assert_eq!(sums.rows[0].usage.cost_tokens(), 600, "what was told is counted");
    let budget = app.services.usage.budget(&app.ada).await.expect("a budget");
    // 100 tokens at 15 cents and 20 at 60 cents for a million, five times.
    assert_eq!(budget.spent.money.nanos(), 135_000, "a budget bears what is known");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_shown_is_applied_without_asking_again_while_the_goal_is_the_same(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let planning = &app.services.planning;
    let id = goal(&app).await;
    let dry = DecomposeRequest { dry_run: true, ..by_model() };
    let show = async || {
        app.models.form(&bread());
        decompose(&app, id, &dry).await.expect("shown")
    };
    let (first, second, third) = (show().await, show().await, show().await);
    assert_eq!((first.status, app.tasks(id).await.len()), (DecompositionStatus::Proposed, 0));
    let calls = app.models.asked().len();

    let other = planning.accept(&app.ada, first.id, "sha256:00").await.expect_err("another plan");
    assert_eq!(other.code(), "plan_outdated");
    let rejected = planning.reject(&app.ada, second.id, Some("too long")).await.expect("rejected");
    assert_eq!(rejected.status, DecompositionStatus::Rejected);
    let applied = planning.accept(&app.ada, first.id, &first.plan_hash).await.expect("applied");
    assert_eq!(
        (applied.status, applied.id, applied.task_ids.len()),
        (DecompositionStatus::Applied, first.id, 3)
    );
    assert_eq!(app.tasks(id).await.len(), 3);
    assert_eq!(app.models.asked().len(), calls, "nobody was asked again");
    for (one, hash) in [(&first, &first.plan_hash), (&second, &second.plan_hash)] {
        let again = planning.accept(&app.ada, one.id, hash).await.expect_err("decided");
        assert_eq!(again.code(), "decomposition_decided");
    }
    let outdated = planning.accept(&app.ada, third.id, &third.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated", "the goal has tasks now");
    assert_eq!(planning.get(&app.ada, third.id).await.expect("kept").status, DecompositionStatus::Proposed);

    let told = events(&app, "decomposition.applied").await;
    assert_eq!(told[0].changes, json!({"status": {"from": "proposed", "to": "applied"}}));
    assert_eq!(told[0].metadata["tasks_created"], 3);
    assert_eq!(events(&app, "decomposition.rejected").await[0].metadata["reason"], "too long");
    assert_eq!(events(&app, "goal.decomposed").await.len(), 3, "one for each that was made");
    assert_eq!(spent(&app).await, (3, 360));

    let edited = GoalEdit { title: Some("Cake".into()), ..GoalEdit::default() };
    let empty = goal(&app).await;
    app.models.form(&bread());
    let shown = decompose(&app, empty, &dry).await.expect("shown");
    app.services.goals.edit(&app.ada, empty, edited, &Precondition::Any).await.expect("edited");
    let outdated = planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect_err("outdated");
    assert_eq!(outdated.code(), "plan_outdated");
    let stranger = app.user("eve").await;
    for refused in [
        planning.accept(&stranger, shown.id, &shown.plan_hash).await.map(|_| ()),
        planning.reject(&stranger, shown.id, None).await.map(|_| ()),
        planning.get(&stranger, shown.id).await.map(|_| ()),
        planning.history(&stranger, empty, &PageRequest::first(1)).await.map(|_| ()),
    ] {
        assert_eq!(refused.expect_err("not hers").code(), "not_found");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_by_a_model_touches_nothing_that_is_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = app
        .import("# Bread\n\n- [x] T001 Knead\n- [ ] T002 Bake (depends on T001)\n- [ ] T003 Slice (depends on T002)\n")
        .await;
    // Other words for what is done, for what is not; one goes, one comes, and the nameless one stays.
    let draft = DraftTask { title: "Clean up".into(), goal_id: Some(id), ..DraftTask::default() };
    app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    app.models.form(&json!({"tasks": [
        task("T001", "Knead longer", &[]), task("T002", "Bake slowly", &["T001"]), task("N001", "Clean up", &[]),
        task("T009", "Eat", &["T002"]),
    ]}));
    let request = DecomposeRequest { dry_run: true, mode: Mode::Update, ..by_model() };
    let shown = decompose(&app, id, &request).await.expect("shown");
    assert_eq!(shown.changes.add, ["T009"]);
    assert_eq!(shown.changes.remove, ["T003"]);
    let changed: Vec<&str> = shown.changes.change.iter().map(|one| one.key.as_str()).collect();
    assert!(changed.contains(&"T002") && !changed.contains(&"T001"), "{changed:?}");
    assert!(
        shown.findings.iter().any(|finding| finding.code == "finished_task_changed"),
        "{:?}",
        shown.findings
    );
    let Content::Text { text } = &app.models.asked()[0].messages[0].content[0] else { panic!("words") };
    assert!(text.contains("T001 is completed"), "{text}");

    app.services.planning.accept(&app.ada, shown.id, &shown.plan_hash).await.expect("applied");
    let done = app.task(id, "T001").await;
    assert_eq!((done.state.title.as_str(), done.state.status), ("Knead", TaskStatus::Completed));
    assert_eq!(app.task(id, "T002").await.state.title, "Bake slowly");
    assert_eq!(app.task(id, "T009").await.depends_on.len(), 1);
    let titles: Vec<String> = app.tasks(id).await.into_iter().map(|task| task.state.title).collect();
    assert!(!titles.contains(&"Slice".to_owned()) && titles.contains(&"Clean up".to_owned()), "{titles:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_update_never_removes_what_the_model_did_not_see(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = app.import("# Bread\n\n- [ ] T001 Knead\n- [ ] T002 Bake (depends on T001)\n").await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&json!({"tasks": [task("T001", "Knead", &[])]}));
    let request = DecomposeRequest { mode: Mode::Update, ..by_model() };
    let asked = decompose(&app, id, &request);
    let meanwhile = async {
        // The model is overloaded at first; while it is waited for, somebody adds a task.
        while app.clock.next_sleep().await > Duration::from_secs(10) {}
        let draft = DraftTask { title: "Ring the bell".into(), goal_id: Some(id), ..DraftTask::default() };
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
        app.clock.advance(Duration::from_secs(30));
    };
    let (refused, ()) = tokio::join!(asked, meanwhile);
    assert_eq!(refused.expect_err("outdated").code(), "plan_outdated");
    assert_eq!(app.tasks(id).await.len(), 3);
    assert_eq!(spent(&app).await, (1, 120), "what it cost is counted");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_spent_on_a_goal_that_is_gone_is_counted(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = goal(&app).await;
    app.models.offer("openai/gpt-4o-mini");
    app.models.fail(Cause::Overloaded { retry_after: None });
    app.models.form(&bread());
    let request = by_model();
    let asked = decompose(&app, id, &request);
    let meanwhile = async {
        while app.clock.next_sleep().await > Duration::from_secs(10) {}
        app.services.goals.delete(&app.ada, id, &Precondition::Any).await.expect("gone");
        app.clock.advance(Duration::from_secs(30));
    };
    let (refused, ()) = tokio::join!(asked, meanwhile);
    assert_eq!(refused.expect_err("gone").code(), "not_found");
    assert_eq!(spent(&app).await, (1, 120));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_spent_budget_refuses_before_anything_is_spent(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("openai/gpt-4o-mini");
    let id = goal(&app).await;
    let usage = &app.services.usage;
    let any = Precondition::Any;
    usage.set_budget(&app.ada, None, Some(1_000), &any).await.expect("set");
    app.models.form(&bread());
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    assert_eq!(refused.code(), "budget_exhausted");
    assert!(matches!(refused, Error::Limited { retry_after, .. } if retry_after > Duration::from_secs(3600)));
    assert_eq!((app.models.asked().len(), app.models.left()), (0, 1), "nobody was asked");
    let told = events(&app, "budget.exhausted").await;
    assert_eq!((told.len(), &told[0].metadata["limit"]), (1, &json!("1000 tokens")));
    assert_eq!(events(&app, "goal.decomposition_failed").await[0].metadata["code"], "budget_exhausted");
    assert_eq!(spent(&app).await, (0, 0));
    // With room, it is asked, and nothing stays promised.
    let set = usage
        .set_budget(&app.ada, Some(5.0), Some(1_000_000), &Precondition::OneOf(vec![1]))
        .await
        .expect("set");
    assert_eq!(set.budget.revision, 2);
    decompose(&app, id, &by_model()).await.expect("made");
    let left = usage.budget(&app.ada).await.expect("a budget");
    assert_eq!((left.spent.tokens, left.reserved.tokens, left.reserved.money.nanos()), (120, 0, 0));
    // 100 tokens at 15 cents and 20 at 60 cents for a million.
    assert_eq!(left.spent.money.nanos(), 27_000);
    usage.set_budget(&app.ada, Some(0.0), None, &any).await.expect("set");
    assert_eq!(decompose(&app, id, &by_model()).await.expect_err("refused").code(), "budget_exhausted");
    let stale =
        usage.set_budget(&app.ada, None, None, &Precondition::OneOf(vec![1])).await.expect_err("stale");
    assert_eq!(stale.code(), "precondition_failed");
    let wrong = usage.set_budget(&app.ada, Some(-1.0), Some(u64::MAX), &any).await.expect_err("wrong");
    assert!(matches!(wrong, Error::Invalid { violations, .. } if violations.len() == 2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_gives_no_answer_leaves_an_event_and_nothing_else(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = goal(&app).await;
    let missing = decompose(&app, id, &by_model()).await.expect_err("no model");
    assert_eq!(missing.code(), "model_not_configured");
    let causes = [
        (Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 }, "model_credentials"),
        (Cause::TooLong { asked: Some(300_000), limit: Some(200_000) }, "model_context_too_long"),
        (Cause::Quota { message: "spent".to_owned() }, "model_unavailable"),
    ];
    for (cause, code) in causes {
        app.models.fail(cause);
        assert_eq!(decompose(&app, id, &by_model()).await.expect_err("no answer").code(), code);
    }
    app.models.form_text("", Stop::Refused { category: Some("violence".to_owned()) });
    let refused = decompose(&app, id, &by_model()).await.expect_err("refused");
    assert_eq!(refused.code(), "model_refused");
    assert!(refused.to_string().contains("violence"), "{refused}");
    let told = events(&app, "goal.decomposition_failed").await;
    let codes: Vec<&str> = told.iter().filter_map(|event| event.metadata["code"].as_str()).collect();
    assert_eq!(
        codes,
        [
            "model_refused",
            "model_unavailable",
            "model_context_too_long",
            "model_credentials",
            "model_not_configured"
        ]
    );
    assert_eq!(app.tasks(id).await.len(), 0);
    let before = events(&app, "goal.decomposition_failed").await.len();
    for wrong in [
        DecomposeRequest { model: Some("claude".into()), ..by_model() },
        DecomposeRequest { max_tasks: Some(0), ..by_model() },
        DecomposeRequest { prompt_version: Some("none".into()), ..by_model() },
        DecomposeRequest { outline: "- [ ] a".into(), ..by_model() },
        DecomposeRequest { instructions: Some("x".repeat(20_001)), ..by_model() },
    ] {
        assert_eq!(decompose(&app, id, &wrong).await.expect_err("wrong").code(), "invalid_input");
    }
    assert_eq!(events(&app, "goal.decomposition_failed").await.len(), before);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_version_of_the_prompt_is_named_and_never_changed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let planning = &app.services.planning;
    planning.add_prompt(&app.ada, "short-1", "Be short.").await.expect("added");
    let again = planning.add_prompt(&app.ada, "short-1", "Be shorter.").await.expect_err("taken");
    assert_eq!(again.code(), "name_taken");
    assert_eq!(
        planning.add_prompt(&app.ada, "goalwright-1", "x").await.expect_err("taken").code(),
        "name_taken"
    );
    let wrong = planning.add_prompt(&app.ada, "a b", " ").await.expect_err("wrong");
    assert!(matches!(wrong, Error::Invalid { violations, .. } if violations.len() == 2));
    let names: Vec<String> =
        planning.prompts(&app.ada).await.expect("lists").into_iter().map(|one| one.version).collect();
    assert_eq!(names, ["goalwright-1", "short-1"]);
    app.models.form(&bread());
    let request = DecomposeRequest { prompt_version: Some("short-1".into()), ..by_model() };
    let made = decompose(&app, goal(&app).await, &request).await.expect("made");
    assert_eq!(made.making.prompt_version.as_deref(), Some("short-1"));
    assert!(app.models.asked()[0].system.starts_with("Be short."));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_model_is_that_of_the_request_else_of_the_workspace_else_the_usual_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/usual");
    let asked = async |request: &DecomposeRequest| {
        app.models.form(&bread());
        let made = decompose(&app, goal(&app).await, request).await.expect("made");
        assert_eq!(app.models.asked().pop().map(|asked| asked.model.to_string()), made.making.model);
        made.making.model
    };
    assert_eq!(asked(&by_model()).await.as_deref(), Some("anthropic/usual"));
    let model = "openai/ours".parse().ok();
    let edit = SettingsEdit { model: Some(model), ..SettingsEdit::default() };
    let settle = Settle { edit, default_agent: None };
    app.services.workspaces.settle(&app.ada, &settle, &Precondition::Any).await.expect("settled");
    assert_eq!(asked(&by_model()).await.as_deref(), Some("openai/ours"));
    let named = DecomposeRequest { model: Some("openai/mine".into()), ..by_model() };
    assert_eq!(asked(&named).await.as_deref(), Some("openai/mine"));
}

/// Whatever a model answers: either everything is written, or nothing but the record of the failure; and what it cost is
/// counted in both cases.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn any_answer_is_written_whole_or_not_at_all(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut chance: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut draw = move |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        usize::try_from(chance % u64::try_from(below).expect("small")).expect("small")
    };
    let scraps =
        ["", "\u{0}", "\"", "}", "null", "T001", "[]", "7", "\\u0000", "é", "depends_on", ",", "-1", "1e99"];
    let (mut tokens, mut calls, mut written, mut refused) = (0, 0, 0, 0);
    for round in 0..60 {
        let id = goal(&app).await;
        let count = 1 + draw(4);
        let tasks: Vec<Value> = (0..count)
            .map(|index| {
                let waits: Vec<String> = (0..draw(2) * index.min(1))
                    .map(|_| format!("T{}", if draw(6) == 0 { draw(count + 1) } else { draw(index) }))
                    .collect();
                let waits: Vec<&str> = waits.iter().map(String::as_str).collect();
                let mut one = task(
                    &format!("T{index}"),
                    ["Knead", "Bake", "", "Eat\u{0}"][draw(4).min(round % 4)],
                    &waits,
                );
                if draw(3) == 0 {
                    let tool = ["file.read", "file.nothing", "shell.run"][draw(3)];
                    let parameters = ["{\"path\": \"a\"}", "{}", "[1", "{\"path\": \"{T0}\"}"][draw(4)];
                    one["use"] = json!({"tool": tool, "parameters": parameters});
                }
                one
            })
            .collect();
        let mut answer = json!({"tasks": tasks}).to_string();
        if draw(3) == 0 {
            let mut at = draw(answer.len());
            while !answer.is_char_boundary(at) {
                at -= 1;
            }
            let end = (at + draw(6)..answer.len())
                .find(|end| answer.is_char_boundary(*end))
                .unwrap_or(answer.len());
            answer.replace_range(at..end, scraps[draw(scraps.len())]);
        }
        let before = app.models.asked().len();
        for _ in 0..3 {
            app.models.form_text(&answer, Stop::Finished);
        }
        let outcome = decompose(&app, id, &by_model()).await;
        let asked = app.models.asked().len() - before;
        for _ in asked..3 {
            // What was not needed is not for the next goal.
            let _ =
                decompose(&app, goal(&app).await, &DecomposeRequest { dry_run: true, ..by_model() }).await;
        }
        calls = app.models.asked().len();
        tokens = 120 * u64::try_from(calls).expect("small");
        let present = app.tasks(id).await;
        let history =
            app.services.planning.history(&app.ada, id, &PageRequest::first(5)).await.expect("lists");
        assert_eq!(history.items.len(), 1, "{answer}");
        match outcome {
            Ok(made) => {
                written += 1;
                assert_eq!((made.making.repairs, asked), (0, 1));
                assert_eq!(present.len(), made.plan.tasks.len(), "{answer}");
                let edges: usize = present.iter().map(|task| task.depends_on.len()).sum();
                assert_eq!(edges, made.plan.dependencies.len(), "{answer}");
                assert_eq!(history.items[0].status, DecompositionStatus::Applied);
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), "invalid_plan", "{answer}: {error}");
                assert_eq!((present.len(), asked), (0, 3), "{answer}");
                assert_eq!(history.items[0].status, DecompositionStatus::Failed);
            }
        }
        assert_eq!(spent(&app).await.1, tokens, "{answer}");
    }
    assert!(
        written > 5 && refused > 5,
        "{written} were written and {refused} refused, {calls} calls, {tokens} tokens"
    );
}
