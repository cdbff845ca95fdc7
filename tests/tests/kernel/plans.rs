//! Plans that are written down: refused before anything runs, or written whole.

use goalwright_application::Error;
use goalwright_application::planning::{DecomposeRequest, ImportRequest};
use goalwright_domain::goal::DraftGoal;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use crate::lifecycle::PLAN;

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
    let told = app.events_of("goal.decomposed").await;
    assert_eq!(told.len(), 2, "a dry run is told of too");
    assert_eq!(told[0].changes, json!({"tasks_created": 2, "dependencies_created": 1}));
    assert_eq!(told[1].metadata["dry_run"], true);
    assert_eq!(app.events_of("goal.decomposition_failed").await.len(), 1);
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
