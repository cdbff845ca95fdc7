use goalwright_application::tasks::RunRequest;
use goalwright_domain::execution::Mode;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_waited_for_a_deleted_task_waits_for_one_less(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let first = make_in(&app, goal, quick("First"), &[]).await;
    let other = make_in(&app, goal, words("Other"), &[]).await;
    let freed = make_in(&app, goal, quick("Freed"), &[first]).await;
    let blocked = make_in(&app, goal, quick("Blocked"), &[first, other]).await;
    let last = task(&app, first).await.state;
    app.services.tasks.delete(&app.ada, first, &ANY).await.expect("goes");
    let gone = app.services.tasks.get(&app.ada, first).await.expect_err("gone");
    assert_eq!(gone.code(), "not_found");
    assert_eq!(status(&app, freed).await, TaskStatus::Ready);
    let view = task(&app, blocked).await;
    assert_eq!((view.state.status, view.blocked_by), (TaskStatus::Pending, vec![other]));
    let progress = app.progress(goal).await;
    assert_eq!((progress.total, progress.by_status.ready, progress.by_status.pending), (3, 2, 1));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, 2);

    let event = told(&app, first).await.pop().expect("told");
    assert_eq!(event.event_type, "task.deleted");
    for (field, value) in json!(last).as_object().expect("fields") {
        assert_eq!(event.changes[field], json!({"from": value, "to": null}), "{field}");
    }
    let freed_events = told(&app, freed).await;
    let told =
        freed_events.iter().find(|event| event.event_type == "task.dependencies_changed").expect("told");
    assert_eq!(told.changes["depends_on"]["to"], json!([]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_record_of_a_deleted_task_stays(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let done = make_in(&app, goal, quick("Done"), &[]).await;
    make_in(&app, goal, quick("Also done"), &[]).await;
    app.drain().await;
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
    // It is asked for once more, and goes before a worker comes.
    let request = RunRequest { task: "done".into(), mode: Mode::Manual, scheduled_at: None, wait: None };
    app.services.tasks.run(&app.ada, &request).await.expect("asked");
    app.services.tasks.delete(&app.ada, done, &ANY).await.expect("goes");
    assert_eq!(app.kernel.claim(5).await.expect("claims").len(), 0);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'cancelled'").await, 1);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts").await, 2);
    let record = app.experiences().await;
    assert_eq!(record.len(), 2);
    assert_eq!(record[0].content["structured"]["task_id"], json!(done));
    let progress = app.progress(goal).await;
    assert_eq!((progress.total, progress.completed), (1, 1));
    app.services.tasks.delete(&app.ada, app.tasks(goal).await[0].state.id, &ANY).await.expect("goes");
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Active, "nothing is left that was achieved");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_waits_for_a_person_ends_with_its_experience(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, words("Ask"), &[]).await;
    app.drain().await;
    assert_eq!(status(&app, id).await, TaskStatus::Waiting);
    app.services.tasks.delete(&app.ada, id, &ANY).await.expect("goes");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE ended_at IS NULL").await, 0);
    let record = app.experiences().await;
    assert_eq!(record.len(), 1);
    assert_eq!(record[0].content["structured"]["status"], "failed");
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM runs WHERE status IN ('queued', 'waiting', 'running')").await,
        0
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_is_deleted_while_a_worker_holds_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, quick("Held"), &[]).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    let refused = app.services.tasks.delete(&app.ada, id, &ANY).await.expect_err("held");
    assert_eq!(refused.code(), "task_leased");
    app.kernel.settle(&[app.done(&held, json!(1))]).await.expect("settles");
    // A run besides the graph holds it as well.
    let request = RunRequest { task: "held".into(), mode: Mode::Manual, scheduled_at: None, wait: None };
    app.clock.advance(std::time::Duration::from_secs(1));
    app.services.tasks.run(&app.ada, &request).await.expect("asked");
    let again = app.kernel.claim(1).await.expect("claims").remove(0);
    let refused = app.services.tasks.delete(&app.ada, id, &ANY).await.expect_err("held");
    assert_eq!(refused.code(), "task_leased");
    assert_eq!(app.kernel.settle(&[app.done(&again, Value::Null)]).await.expect("answers"), [Ok(())]);
    app.services.tasks.delete(&app.ada, id, &ANY).await.expect("goes");
}
