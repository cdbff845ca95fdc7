//! What only computes is done in the unit that claims it.

use std::time::Duration;

use goalwright_application::execution::{Claimed, Settings};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

const PLAN: &str = "# P\n\n- [ ] T001 Tell the time\n  use: time.now\n\
                    - [ ] T002 Say it (depends on T001)\n  use: text.render {\"template\": \"it is {T001.date}\"}\n\
                    - [ ] T003 Count it (depends on T002)\n  use: text.stats {\"text\": \"{T002}\"}\n";

/// Looks for work until there is none; gives what was computed, and performs and settles what was not.
async fn work_off(app: &TestApp) -> usize {
    let mut computed = 0;
    loop {
        app.clock.advance(Duration::from_millis(1));
        let claimed = app.kernel.claim_or_compute(4, 16).await.expect("claims");
        if claimed.computed == 0 && claimed.assignments.is_empty() {
            return computed;
        }
        computed += claimed.computed;
        for assignment in claimed.assignments {
            let settlement = app.perform(&assignment).await;
            app.kernel.settle(&[settlement]).await.expect("settles");
        }
    }
}

/// The types of a task's events, in their order.
async fn told(app: &TestApp, goal: GoalId, key: &str) -> Vec<String> {
    let id = app.task(goal, key).await.state.id;
    app.sequence().await;
    let sql = format!("SELECT event_type FROM events WHERE entity_id = '{id}' ORDER BY position");
    app.db.texts(&sql).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_computes_leaves_the_record_of_a_performance(#[case] backend: Backend) {
    let (Some(app), Some(other)) = (TestApp::start(backend).await, TestApp::start(backend).await) else {
        return;
    };
    let (goal, performed) = (app.import(PLAN).await, other.import(PLAN).await);
    assert_eq!(work_off(&app).await, 3);
    other.drain().await;

    assert_eq!(app.task(goal, "T002").await.state.result, Some("it is 2026-01-01".into()));
    for key in ["T001", "T002", "T003"] {
        let (one, same) = (app.task(goal, key).await, other.task(performed, key).await);
        assert_eq!(one.state.status, TaskStatus::Completed, "{key}");
        assert_eq!((&one.state.result, one.state.attempt), (&same.state.result, same.state.attempt), "{key}");
        assert_eq!(one.revision, same.revision, "{key}");
        assert_eq!(told(&app, goal, key).await, told(&other, performed, key).await, "{key}");
    }
    let (mut ours, mut theirs) = (app.experiences().await, other.experiences().await);
    for records in [&mut ours, &mut theirs] {
        records.sort_by_key(|record| record.content["structured"]["task_slug"].to_string());
    }
    for (one, same) in ours.iter().zip(&theirs) {
        for field in ["status", "attempt", "retry_of", "scheduled_vs_manual", "task_config_digest", "error"] {
            assert_eq!(one.content["structured"][field], same.content["structured"][field], "{field}");
        }
        assert_eq!(one.content["text"], same.content["text"]);
        assert_eq!(one.content["structured"]["io"]["tool_calls"].as_array().map(Vec::len), Some(1));
        assert_eq!(one.causes.len(), same.causes.len());
    }
    for table in ["attempts", "tool_calls", "runs", "experiences", "events"] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(app.db.number(&count).await, other.db.number(&count).await, "{table}");
    }
    let leases =
        "SELECT COUNT(*) FROM attempts WHERE lease_token IS NOT NULL OR ended_at IS NULL OR fence <> 1";
    assert_eq!(app.db.number(leases).await, 0);
    assert_eq!(app.progress(goal).await.percentage, other.progress(performed).await.percentage);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failure_that_is_computed_is_a_failure(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Look\n  use: json.query {\"value\": {\"a\": 1}, \"path\": \"\"}\n\
                - [ ] T003 [P] Look elsewhere\n  use: json.query {\"value\": {\"a\": 1}, \"path\": \"/b\"}\n\
                - [ ] T002 [P] Use it (depends on T001)\n  use: text.render {\"template\": \"{T001.b}\"}\n";
    let goal = app.import(plan).await;
    assert_eq!(work_off(&app).await, 2, "a template that fails is performed, which tells why");
    for (key, kind) in [("T002", "TemplateError"), ("T003", "PathNotFound")] {
        let task = app.task(goal, key).await.state;
        assert_eq!(task.status, TaskStatus::Failed, "{key}");
        assert_eq!(task.error.expect("an error").kind, kind);
    }
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    let failed =
        app.experiences().await.into_iter().filter(|e| e.content["structured"]["status"] == "failed");
    assert_eq!(failed.count(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_more_than_computing_is_held_under_a_lease(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let long = "word ".repeat(4_000);
    app.import(&format!(
        "# P\n\n- [ ] T001 [P] Large\n  use: text.stats {{\"text\": \"{long}\"}}\n\
         - [ ] T005 [P] A pattern\n  use: text.match {{\"text\": \"a\", \"pattern\": \"a\"}}\n\
         - [ ] T002 [P] A folder\n  use: file.list\n- [ ] T003 [P] A wait\n  use: time.sleep {{\"seconds\": 1}}\n\
         - [ ] T004 [P] Small\n  use: time.now\n"
    ))
    .await;
    let Claimed { assignments, computed, .. } = app.kernel.claim_or_compute(9, 9).await.expect("claims");
    assert_eq!(computed, 1);
    let mut held: Vec<&str> = assignments.iter().filter_map(|one| one.task.key.as_deref()).collect();
    held.sort_unstable();
    assert_eq!(held, ["T001", "T002", "T003", "T005"], "both kinds come of one look");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await, 4);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn not_more_is_held_than_there_is_room_for(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let lines: String = (1..=8).map(|n| format!("- [ ] T{n:03} [P] Look {n}\n  use: file.list\n")).collect();
    app.import(&format!("# P\n\n{lines}")).await;
    let claimed = app.kernel.claim_or_compute(2, 64).await.expect("claims");
    assert_eq!((claimed.assignments.len(), claimed.computed), (2, 0));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, 6);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts").await, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_written_at_once_is_held_and_harms_nobody(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import(
            "# P\n\n- [ ] T001 [P] Tell the time\n  use: time.now\n\
             - [ ] T002 [P] Count\n  use: text.stats {\"text\": \"one two\"}\n",
        )
        .await;
    let refuse = match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON tool_calls WHEN NEW.operation = 'stats' \
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        }
        Backend::Postgres => {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.operation = 'stats' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON tool_calls FOR EACH ROW EXECUTE FUNCTION refuse()"
        }
    };
    app.db.execute(refuse).await.expect("a trigger");
    let claimed = app.kernel.claim_or_compute(4, 16).await.expect("claims");
    assert_eq!(claimed.computed, 0);
    let mut held = claimed.assignments;
    if held.is_empty() {
        // PostgreSQL may not have rolled back yet what could not be written; the next look finds it.
        app.db.until_rolled_back().await;
        held = app.kernel.claim(4).await.expect("claims");
    }
    assert_eq!(held.len(), 2);
    for assignment in &held {
        let settlement = app.perform(assignment).await;
        let settled = app.kernel.settle(&[settlement]).await;
        assert_eq!(settled.is_ok(), assignment.task.key.as_deref() == Some("T001"));
    }
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_compute_at_once_each_does_other_tasks(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let lines: String = (1..=120).map(|n| format!("- [ ] T{n:03} [P] Tick {n}\n  use: time.now\n")).collect();
    let goal = app.import(&format!("# P\n\n{lines}")).await;
    let kernels: Vec<_> = (0..4).map(|_| app.kernel_with(Settings::default())).collect();
    let mut done = 0;
    while done < 120 {
        let looks = kernels.iter().map(|kernel| kernel.claim_or_compute(3, 7));
        for claimed in futures::future::join_all(looks).await {
            let claimed = claimed.expect("claims");
            assert!(claimed.assignments.is_empty());
            done += claimed.computed;
        }
    }
    assert_eq!(done, 120);
    assert_eq!(app.progress(goal).await.completed, 120);
    for (what, count) in [("attempts", 120), ("tool_calls", 120), ("experiences", 120)] {
        assert_eq!(app.db.number(&format!("SELECT COUNT(*) FROM {what}")).await, count, "{what}");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE number <> 1").await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_of_a_goal_that_rests_is_computed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tell the time\n  use: time.now\n").await;
    // As if it was put to rest between the look at the queue and the one at the goal.
    app.db.execute("UPDATE goals SET status = 'abandoned'").await.expect("rests");
    let claimed = app.kernel.claim_or_compute(4, 16).await.expect("claims");
    assert_eq!((claimed.assignments.len(), claimed.computed), (1, 0));
    assert!(claimed.assignments[0].goal_rests);
}
