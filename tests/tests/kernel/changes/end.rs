use goalwright_application::Error;
use goalwright_application::tasks::Ending;
use goalwright_domain::execution::Action;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

async fn end(app: &TestApp, id: TaskId, ending: Ending) -> Result<TaskView, Error> {
    app.services.tasks.end(&app.ada, id, ending, "not wanted").await
}

async fn nothing_is_open(app: &TestApp) {
    for open in [
        "SELECT COUNT(*) FROM runs WHERE status IN ('queued', 'running', 'waiting')",
        "SELECT COUNT(*) FROM attempts WHERE ended_at IS NULL OR lease_token IS NOT NULL",
    ] {
        assert_eq!(app.db.number(open).await, 0, "{open}");
    }
    let ended = app.db.number("SELECT COUNT(*) FROM attempts").await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, ended, "each attempt has one");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_ends_from_wherever_it_stands(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for (ending, over) in [(Ending::Cancelled, TaskStatus::Cancelled), (Ending::Skipped, TaskStatus::Skipped)]
    {
        let goal = goal(&app, over.as_str()).await;
        let broken = tool("probe", "none", json!({"name": over.as_str(), "fail": 9, "retryable": false}));
        let failed = make_in(&app, goal, DraftTask { action: Some(broken), ..words("Failed") }, &[]).await;
        let waiting = make_in(&app, goal, words("Waiting"), &[]).await;
        let asleep = tool("time", "sleep", json!({"seconds": 600}));
        let asleep = make_in(&app, goal, DraftTask { action: Some(asleep), ..words("Asleep") }, &[]).await;
        app.drain().await;
        let ready = make_in(&app, goal, quick("Ready"), &[]).await;
        let pending = make_in(&app, goal, quick("Pending"), &[ready]).await;
        for (id, from) in [
            (pending, TaskStatus::Pending),
            (ready, TaskStatus::Ready),
            (waiting, TaskStatus::Waiting),
            (asleep, TaskStatus::Waiting),
            (failed, TaskStatus::Failed),
        ] {
            assert_eq!(status(&app, id).await, from);
            let view = end(&app, id, ending).await.expect("ends");
            assert_eq!((view.state.status, view.state.waiting), (over, None));
            let event = told(&app, id).await.pop().expect("told");
            assert_eq!(event.event_type, format!("task.{}", over.as_str()));
            assert_eq!(event.metadata["reason"], "not wanted");
            assert_eq!(end(&app, id, ending).await.expect_err("over").code(), "invalid_transition");
        }
        assert_eq!(app.progress(goal).await.total, 0);
        nothing_is_open(&app).await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_attempt_that_waits_ends_with_the_word_of_the_person(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, words("Ask"), &[]).await;
    app.drain().await;
    end(&app, id, Ending::Skipped).await.expect("ends");
    let record = app.experiences().await;
    assert_eq!(record.len(), 1);
    let structured = &record[0].content["structured"];
    assert_eq!((&structured["status"], &structured["attempt"]), (&json!("failed"), &json!(1)));
    assert_eq!(structured["error"]["type"], "Skipped");
    assert_eq!(record[0].provenance["method"], "MANUAL_TASK");
    nothing_is_open(&app).await;
    let too_long = app.services.tasks.end(&app.ada, id, Ending::Skipped, &"x".repeat(1_001)).await;
    assert_eq!(violations(too_long.expect_err("too long"))[0].path, "reason");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_skipped_dependency_satisfies_and_a_cancelled_one_blocks_visibly(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let (skipped, cancelled) =
        (make_in(&app, goal, words("A"), &[]).await, make_in(&app, goal, words("B"), &[]).await);
    let free = make_in(&app, goal, quick("Free"), &[skipped]).await;
    let blocked = make_in(&app, goal, quick("Blocked"), &[cancelled, skipped]).await;
    end(&app, skipped, Ending::Skipped).await.expect("ends");
    end(&app, cancelled, Ending::Cancelled).await.expect("ends");
    assert_eq!(status(&app, free).await, TaskStatus::Ready);
    let view = task(&app, blocked).await;
    assert_eq!((view.state.status, view.blocked_by), (TaskStatus::Pending, vec![cancelled]));
    app.drain().await;
    let progress = app.progress(goal).await;
    assert_eq!((progress.total, progress.completed), (2, 1));
    let reason = progress.reasons.iter().find(|reason| reason.code == "dependency_failed").expect("visible");
    assert_eq!(reason.task_ids, [blocked]);
    // The way out: it need not wait for that one.
    app.services.tasks.depend(&app.ada, blocked, &[], &ANY).await.expect("is free");
    app.drain().await;
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_last_open_task_that_is_skipped_achieves_the_goal(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    make_in(&app, goal, quick("Done"), &[]).await;
    app.drain().await;
    let last = make_in(&app, goal, words("Last"), &[]).await;
    app.drain().await;
    assert_eq!(
        (goal_status(&app, goal).await, status(&app, last).await),
        (GoalStatus::Active, TaskStatus::Waiting)
    );
    end(&app, last, Ending::Skipped).await.expect("ends");
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
    assert_eq!(told_types(&app, goal).await.last().map(String::as_str), Some("goal.achieved"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_s_task_is_noted_for_whoever_ends_it_and_a_held_one_is_left_alone(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let external = DraftTask { action: Some(Action::External), ..words("Nobody's") };
    let nobody = make(&app, external, &[]).await;
    assert_eq!(task(&app, nobody).await.state.agent_id, None);
    let view = end(&app, nobody, Ending::Cancelled).await.expect("ends");
    assert!(view.state.agent_id.is_some());
    let held = make(&app, quick("Held"), &[]).await;
    app.kernel.claim(1).await.expect("claims");
    assert_eq!(end(&app, held, Ending::Cancelled).await.expect_err("held").code(), "task_leased");
}
