use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::planning::{DecomposeRequest, ImportRequest};
use goalwright_application::read::{EventFilter, GoalFilter, PageRequest};
use goalwright_application::tasks::NewTask;
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::{DraftGoal, GoalStatus};
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

const PLAN: &str = r#"# Two steps

## Phase 1: Work

- [ ] T001 Make a number
  use: probe.none {"name": "one", "result": {"n": 41}}
- [ ] T002 Use it (depends on T001)
  use: text.render {"template": "n is {T001.n + 1}"}
"#;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_becomes_a_goal_whose_tasks_hand_results_on_until_it_is_achieved(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Pending);
    app.drain().await;
    let second = app.task(goal, "T002").await;
    assert_eq!(second.state.status, TaskStatus::Completed);
    assert_eq!(second.state.result, Some(json!("n is 42")));
    let progress = app.progress(goal).await;
    assert_eq!((progress.percentage, progress.completed, progress.total), (100.0, 2, 2));
    let goal = app.services.goals.get(&app.ada, goal).await.expect("there");
    assert_eq!(goal.state.status, GoalStatus::Achieved);
    assert_eq!(app.experiences().await.len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_retryable_failure_is_tried_again_after_its_delay_and_a_final_one_is_not(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Flaky\n  use: probe.none {\"name\": \"flaky\", \"fail\": 2}\n\
                - [ ] T002 [P] Broken\n  use: probe.none {\"name\": \"broken\", \"fail\": 9, \"retryable\": false}\n\
                - [ ] T003 Behind (depends on T002)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready, "waits for its delay");
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(60));
        app.drain().await;
    }
    let flaky = app.task(goal, "T001").await;
    assert_eq!((flaky.state.status, flaky.state.attempt), (TaskStatus::Completed, 3));
    assert_eq!(app.tools.calls("flaky").len(), 3);
    let broken = app.task(goal, "T002").await;
    assert_eq!(broken.state.status, TaskStatus::Failed);
    assert_eq!(broken.state.error.expect("why").kind, "Probed");
    assert_eq!(app.tools.calls("broken").len(), 1);

    let progress = app.progress(goal).await;
    let codes: Vec<&str> = progress.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["task_failed", "dependency_failed"]);
    assert_eq!(progress.reasons[1].task_ids, [app.task(goal, "T003").await.state.id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn attempts_end_after_max_attempts(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import("# P\n\n- [ ] T001 Fails\n  use: probe.none {\"name\": \"x\", \"fail\": 99}\n").await;
    for _ in 0..6 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(120));
    }
    assert_eq!(app.tools.calls("x").len(), 3);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_irreversible_effect_is_tried_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import("# P\n\n- [ ] T001 Once\n  use: probe.irreversible {\"name\": \"x\", \"fail\": 1}\n")
        .await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    assert_eq!((task.state.status, task.state.max_attempts), (TaskStatus::Failed, 1));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sleeping_task_holds_no_lease_and_wakes_by_itself(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# P\n\n- [ ] T001 Sleep\n  use: time.sleep {\"seconds\": 90}\n").await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    assert_eq!(task.state.status, TaskStatus::Waiting);
    assert!(task.state.waiting.expect("why").until.is_some());
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE lease_token IS NOT NULL").await, 0);
    app.clock.advance(Duration::from_secs(91));
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts").await, 1, "waking up is the same attempt");
    assert_eq!(app.db.number("SELECT fence FROM attempts").await, 2, "under a new fence");
    assert_eq!(app.experiences().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_cycle_is_named_task_by_task_and_writes_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 A (depends on T003)\n- [ ] T002 B (depends on T001)\n- [ ] T003 C (depends on T002)\n";
    let request = ImportRequest { content: plan.into(), ..ImportRequest::default() };
    let before = app.db.number("SELECT COUNT(*) FROM events").await;
    let refused = app.services.planning.import(&app.ada, request).await.expect_err("a cycle");
    let Error::Invalid { code, violations, .. } = refused else { panic!("{refused}") };
    assert_eq!(code, "invalid_plan");
    let cycle = violations.iter().find(|violation| violation.code == "dependency_cycle").expect("named");
    for key in ["T001", "T002", "T003"] {
        assert!(cycle.message.contains(key), "{}", cycle.message);
    }
    for table in ["goals", "tasks", "task_dependencies", "runs", "decompositions"] {
        assert_eq!(app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM events").await, before);
}

#[rstest]
#[case::unknown_tool("use: file.lsit {}", "tool_unavailable")]
#[case::wrong_type("use: time.sleep {\"seconds\": \"long\"}", "parameter_invalid")]
#[case::missing_parameter("use: file.read {\"pth\": \"x\"}", "parameter_unknown")]
#[case::unknown_task("use: text.render {\"template\": \"{T999.x}\"}", "unknown_reference")]
#[case::unknown_path("use: text.render {\"template\": \"{T001.nowhere}\"}", "unknown_path")]
#[tokio::test]
async fn what_can_be_known_before_running_is_refused_before_running(
    #[case] action: &str,
    #[case] code: &str,
) {
    let Some(app) = TestApp::start(Backend::Sqlite).await else { return };
    let plan = format!("# P\n\n- [ ] T001 List\n  use: file.list {{}}\n- [ ] T002 Then\n  {action}\n");
    let request = ImportRequest { content: plan, ..ImportRequest::default() };
    let refused = app.services.planning.import(&app.ada, request).await.expect_err("refused");
    let Error::Invalid { violations, .. } = refused else { panic!("{refused}") };
    assert!(violations.iter().any(|violation| violation.code == code), "{violations:?}");
    assert!(violations.iter().all(|violation| violation.message.contains("line 6")), "{violations:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_template_that_finds_nothing_fails_the_execution_with_its_path(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Make\n  use: probe.none {\"name\": \"a\", \"result\": {\"n\": 1}}\n\
                - [ ] T002 Use\n  use: text.render {\"template\": \"{T001.m}\"}\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let failed = app.task(goal, "T002").await;
    assert_eq!(failed.state.status, TaskStatus::Failed);
    assert!(failed.state.error.expect("why").message.contains("T001.m"));
    let record = app.experiences().await.pop().expect("recorded");
    assert_eq!(record.content["structured"]["status"], "failed");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_achieved_goal_is_active_again_when_a_task_is_added(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    app.drain().await;
    let draft = DraftTask { title: "One more".into(), goal_id: Some(goal), ..DraftTask::default() };
    let task =
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    assert_eq!(task.state.status, TaskStatus::Ready, "plain words go to the person");
    let view = app.services.goals.get(&app.ada, goal).await.expect("there");
    assert_eq!(view.state.status, GoalStatus::Active);
    app.sequence().await;
    let filter = EventFilter { event_type: Some("goal.reopened".into()), ..EventFilter::default() };
    let events = app
        .services
        .queries
        .events(app.ada.workspace(), &filter, &PageRequest::first(9))
        .await
        .expect("lists");
    assert_eq!(events.items.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_waits_for_others_becomes_ready_with_the_last_of_them(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let make = |title: &str, depends_on| NewTask {
        draft: DraftTask {
            title: title.into(),
            action: Some(Action::Tool {
                tool: "time".into(),
                operation: "now".into(),
                parameters: json!({}),
            }),
            ..DraftTask::default()
        },
        depends_on,
    };
    let a = app.services.tasks.create(&app.ada, make("A", vec![])).await.expect("made").state.id;
    let b = app.services.tasks.create(&app.ada, make("B", vec![])).await.expect("made").state.id;
    let c = app.services.tasks.create(&app.ada, make("C", vec![a, b])).await.expect("made");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Pending, 2));
    app.step(1).await;
    let c = app.services.tasks.get(&app.ada, c.state.id).await.expect("there");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Pending, 1));
    app.step(1).await;
    let c = app.services.tasks.get(&app.ada, c.state.id).await.expect("there");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Ready, 0));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_nobody_can_do_stays_pending_with_the_reason(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.services.goals.create(&app.ada, DraftGoal { title: "G".into(), ..DraftGoal::default() }).await;
    let goal = goal.expect("made").state.id;
    let draft = DraftTask {
        title: "For a worker outside".into(),
        goal_id: Some(goal),
        action: Some(Action::External),
        ..DraftTask::default()
    };
    let task =
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    assert_eq!((task.state.status, task.state.agent_id), (TaskStatus::Pending, None));
    let progress = app.progress(goal).await;
    assert_eq!(progress.reasons[0].code, "no_capable_agent");
    assert_eq!(progress.reasons[0].task_ids, [task.state.id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn decompose_adds_to_a_goal_all_or_nothing_and_tells_of_failures(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.services.goals.create(&app.ada, DraftGoal { title: "G".into(), ..DraftGoal::default() }).await;
    let goal = goal.expect("made").state.id;
    let outline = |text: &str, dry_run| DecomposeRequest {
        outline: text.into(),
        dry_run,
        ..DecomposeRequest::default()
    };
    let shown = app.services.planning.decompose(&app.ada, goal, &outline(PLAN, true)).await.expect("shown");
    assert!(shown.dry_run && !shown.applied() && shown.task_ids.is_empty() && shown.event_id.is_some());
    assert_eq!(app.tasks(goal).await.len(), 0);
    let made = app.services.planning.decompose(&app.ada, goal, &outline(PLAN, false)).await.expect("made");
    assert_eq!((made.task_ids.len(), made.plan_hash), (2, shown.plan_hash));
    let again =
        app.services.planning.decompose(&app.ada, goal, &outline(PLAN, false)).await.expect_err("same keys");
    assert_eq!(again.code(), "invalid_plan");
    app.sequence().await;
    let of_type = async |name: &str| {
        let filter = EventFilter { event_type: Some(name.into()), ..EventFilter::default() };
        let page = app.services.queries.events(app.ada.workspace(), &filter, &PageRequest::first(9)).await;
        page.expect("lists").items
    };
    let told = of_type("goal.decomposed").await;
    assert_eq!(told.len(), 2, "a dry run is told of too");
    assert_eq!(told[0].changes, json!({"tasks_created": 2, "dependencies_created": 1}));
    assert_eq!(told[1].metadata["dry_run"], true);
    assert_eq!(of_type("goal.decomposition_failed").await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn large_plans_are_refused_with_the_limit_or_imported_whole(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let refuse = async |content: String| {
        let request = ImportRequest { content, ..ImportRequest::default() };
        app.services.planning.import(&app.ada, request).await.expect_err("too large")
    };
    let line = |n: usize| format!("- [ ] T{n:05} [P] Task number {n}\n");
    let phases = |each: usize| {
        let phase = |from: usize| (from..from + each).map(line).collect::<String>();
        format!("# P\n\n## Phase 1: A\n\n{}\n## Phase 2: B\n\n{}", phase(1), phase(1 + each))
    };
    let too_many = refuse((1..=50_000).map(line).collect()).await.to_string();
    assert!(too_many.contains("50,000") || too_many.contains("50000"), "{too_many}");
    let too_long = refuse(format!("# P\n\n- [ ] T001 {}\n", "x".repeat(10 << 20))).await.to_string();
    assert!(
        too_long.contains("4194304") || too_long.contains("4,194,304") || too_long.contains("4 MiB"),
        "{too_long}"
    );
    let too_dense = refuse(phases(1_000)).await.to_string();
    assert!(too_dense.contains("1000000") || too_dense.contains("1,000,000"), "{too_dense}");
    // 300 × 300 edges pass.
    let goal = app.import(&phases(300)).await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM task_dependencies").await, 90_000);
    let progress = app.progress(goal).await;
    assert_eq!((progress.total, progress.by_status.ready, progress.by_status.pending), (600, 300, 300));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_sees_what_belongs_to_another_workspace(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let task = app.task(goal, "T001").await.state.id;
    let eve = app.user("eve").await;
    let page = PageRequest::first(9);
    assert!(
        app.services.goals.list(&eve, &GoalFilter::default(), &page).await.expect("lists").items.is_empty()
    );
    assert_eq!(app.services.goals.get(&eve, goal).await.expect_err("hidden").code(), "not_found");
    assert_eq!(app.services.tasks.get(&eve, task).await.expect_err("hidden").code(), "not_found");
    let completion = Default::default();
    assert_eq!(
        app.services.tasks.complete(&eve, task, &completion).await.expect_err("hidden").code(),
        "not_found"
    );
    let draft = DraftTask { title: "x".into(), goal_id: Some(goal), ..DraftTask::default() };
    let refused = app
        .services
        .tasks
        .create(&eve, NewTask { draft, depends_on: vec![task] })
        .await
        .expect_err("foreign");
    let Error::Invalid { violations, .. } = refused else { panic!("{refused}") };
    assert_eq!(violations.len(), 2, "{violations:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_default_agent_takes_over_and_names_are_unique(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = |name: &str| DraftAgent {
        name: name.into(),
        kind: AgentKind::External,
        capabilities: vec!["build".into()],
        max_concurrency: Some(2),
        is_default: true,
        user_id: None,
        llm: None,
    };
    let made = app.services.agents.create(&app.ada, draft("outside")).await.expect("made");
    let page = PageRequest::first(9);
    let agents = app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let defaults: Vec<_> =
        agents.iter().filter(|agent| agent.state().is_default).map(|agent| agent.id()).collect();
    assert_eq!((agents.len(), defaults), (3, vec![made.id()]));
    let again = app.services.agents.create(&app.ada, draft("outside")).await.expect_err("taken");
    assert_eq!(again.code(), "name_taken");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_agent_is_given_what_nobody_could_do(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let external = |title: &str, depends_on| NewTask {
        draft: DraftTask { title: title.into(), action: Some(Action::External), ..DraftTask::default() },
        depends_on,
    };
    let first = app.services.tasks.create(&app.ada, external("First", vec![])).await.expect("made").state.id;
    let second =
        app.services.tasks.create(&app.ada, external("Second", vec![first])).await.expect("made").state.id;
    let draft = DraftAgent {
        name: "outside".into(),
        kind: AgentKind::External,
        capabilities: vec![],
        max_concurrency: None,
        is_default: false,
        user_id: None,
        llm: None,
    };
    let agent = app.services.agents.create(&app.ada, draft).await.expect("made").id();
    let first = app.services.tasks.get(&app.ada, first).await.expect("there").state;
    assert_eq!((first.status, first.agent_id), (TaskStatus::Ready, Some(agent)));
    let second = app.services.tasks.get(&app.ada, second).await.expect("there").state;
    assert_eq!((second.status, second.agent_id), (TaskStatus::Pending, Some(agent)));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_with_a_time_of_its_own_is_not_begun_before_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let at: goalwright_domain::Timestamp = "2026-01-01T13:00:00Z".parse().expect("a time");
    let draft = DraftTask {
        title: "Later".into(),
        scheduled_at: Some(at),
        action: Some(Action::Tool { tool: "time".into(), operation: "now".into(), parameters: json!({}) }),
        ..DraftTask::default()
    };
    let task =
        app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await.expect("made");
    app.drain().await;
    let view = app.services.tasks.get(&app.ada, task.state.id).await.expect("there").state;
    assert_eq!((view.status, view.scheduled_at), (TaskStatus::Ready, Some(at)));
    app.clock.advance(Duration::from_secs(3600));
    app.drain().await;
    let view = app.services.tasks.get(&app.ada, task.state.id).await.expect("there").state;
    assert_eq!((view.status, view.scheduled_at), (TaskStatus::Completed, Some(at)));
}
