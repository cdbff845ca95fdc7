use goalwright_application::tasks::RunRequest;
use goalwright_domain::execution::Mode;
use goalwright_domain::goal::{GoalEdit, GoalStatus, Origin};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_tasks_of_a_goal_at_rest_cannot_be_claimed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for (number, rest) in [GoalStatus::Draft, GoalStatus::Abandoned].into_iter().enumerate() {
        let goal = goal(&app, rest.as_str()).await;
        let first = make_in(&app, goal, quick(&format!("First {number}")), &[]).await;
        let second = make_in(&app, goal, quick(&format!("Second {number}")), &[first]).await;
        set_status(&app, goal, rest).await;
        let view = task(&app, first).await;
        assert_eq!(view.state.status, TaskStatus::Pending);
        assert!(view.state.agent_id.is_some(), "it stays with its agent");
        assert_eq!(app.kernel.claim(9).await.expect("claims").len(), 0);
        let request =
            RunRequest { task: first.to_string(), mode: Mode::Manual, scheduled_at: None, wait: None };
        let refused = app.services.tasks.run(&app.ada, &request).await.expect_err("rests");
        assert_eq!(refused.code(), "goal_not_active");
        assert_eq!(app.progress(goal).await.by_status.pending, 2);
        let draft = DraftTask { goal_id: Some(goal), ..quick("Late") };
        let late = app.services.tasks.create(&app.ada, NewTask { draft, depends_on: vec![] }).await;
        assert_eq!(late.expect_err("rests").code(), "goal_not_active");

        set_status(&app, goal, GoalStatus::Active).await;
        assert_eq!(
            (status(&app, first).await, status(&app, second).await),
            (TaskStatus::Ready, TaskStatus::Pending)
        );
        app.drain().await;
        assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
        let achieved = GoalEdit { status: Some(rest), ..GoalEdit::default() };
        let refused = app.services.goals.edit(&app.ada, goal, achieved, &ANY).await.expect_err("achieved");
        assert_eq!(refused.code(), "invalid_transition");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_runs_may_finish_and_nothing_is_begun_after_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let first = make_in(&app, goal, quick("First"), &[]).await;
    let second = make_in(&app, goal, quick("Second"), &[first]).await;
    let again = make_in(&app, goal, flaky("again"), &[]).await;
    let held = app.kernel.claim(9).await.expect("claims");
    set_status(&app, goal, GoalStatus::Abandoned).await;
    let mut batch = Vec::new();
    for assignment in &held {
        batch.push(app.perform(assignment).await);
    }
    assert_eq!(app.kernel.settle(&batch).await.expect("answers"), [Ok(()), Ok(())]);
    assert_eq!(status(&app, first).await, TaskStatus::Completed);
    for id in [second, again] {
        assert_eq!(status(&app, id).await, TaskStatus::Pending);
    }
    app.clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(app.kernel.claim(9).await.expect("claims").len(), 0, "also not what is to be tried again");
    set_status(&app, goal, GoalStatus::Active).await;
    app.drain().await;
    let state = task(&app, again).await.state;
    assert_eq!((state.status, state.attempt), (TaskStatus::Completed, 2));
    assert_eq!(runs(&app, "again", "1 = 1").await, 1);
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_goal_that_was_completed_at_rest_is_achieved_once_it_is_active(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    make_in(&app, goal, quick("One"), &[]).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    set_status(&app, goal, GoalStatus::Draft).await;
    app.kernel.settle(&[app.done(&held, json!(1))]).await.expect("settles");
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Draft);
    set_status(&app, goal, GoalStatus::Active).await;
    assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
    assert_eq!(
        told_types(&app, goal).await,
        ["goal.created", "goal.drafted", "goal.activated", "goal.achieved"]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_goal_is_achieved_by_its_tasks_only(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let achieved = GoalEdit { status: Some(GoalStatus::Achieved), ..GoalEdit::default() };
    let refused = app.services.goals.edit(&app.ada, goal, achieved, &ANY).await.expect_err("computed");
    assert_eq!(paths(&violations(refused)), [("status", "computed")]);
    let words = GoalEdit {
        title: Some("Other".into()),
        description: Some("Why".into()),
        success_criteria: Some(vec!["It works".into()]),
        due_at: Some(Some("2026-05-01T00:00:00Z".parse().expect("a time"))),
        status: None,
    };
    let changed = app.services.goals.edit(&app.ada, goal, words.clone(), &ANY).await.expect("changes");
    assert_eq!((changed.state.title.as_str(), changed.state.due_at.is_some()), ("Other", true));
    let same = app.services.goals.edit(&app.ada, goal, words, &ANY).await.expect("the same");
    assert_eq!((same.revision, same.updated_at), (changed.revision, changed.updated_at));
    assert_eq!(told_types(&app, goal).await, ["goal.created", "goal.updated"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_tasks_of_a_deleted_goal_stay_and_can_be_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let origin = Origin { queue: "run:x".into(), ..Origin::default() };
    let draft = DraftGoal { title: "G".into(), origin, ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, draft).await.expect("made").state.id;
    let first = make_in(&app, goal, quick("First"), &[]).await;
    let second = make_in(&app, goal, quick("Second"), &[first]).await;
    let settings =
        goalwright_application::execution::Settings { queue: "run:x".into(), ..Default::default() };
    let kernel = app.kernel_with(settings);
    let held = kernel.claim(1).await.expect("claims").remove(0);
    let refused = app.services.goals.delete(&app.ada, goal, &ANY).await.expect_err("runs");
    assert_eq!(refused.code(), "goal_running");
    let sleep = DraftTask { action: Some(tool("time", "sleep", json!({"seconds": 9}))), ..words("Sleep") };
    kernel.settle(&[app.done(&held, json!(1))]).await.expect("settles");
    let asleep = make_in(&app, goal, sleep, &[second]).await;
    app.services.goals.delete(&app.ada, goal, &ANY).await.expect("goes");
    assert_eq!(app.services.goals.get(&app.ada, goal).await.expect_err("gone").code(), "not_found");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM goal_progress").await, 0);
    for id in [first, second, asleep] {
        let event = told(&app, id).await.pop().expect("told");
        assert_eq!(event.changes["goal_id"], json!({"from": goal, "to": null}));
        assert_eq!(task(&app, id).await.state.goal_id, None);
    }
    let last = told(&app, goal).await.pop().expect("told");
    assert_eq!(last.event_type, "goal.deleted");
    assert_eq!(last.changes["title"], json!({"from": "G", "to": null}));
    app.drain().await;
    app.clock.advance(std::time::Duration::from_secs(10));
    app.drain().await;
    assert_eq!(status(&app, asleep).await, TaskStatus::Completed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_slept_or_rested_in_a_deleted_goal_goes_on(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let origin = Origin { queue: "run:x".into(), ..Origin::default() };
    let draft = DraftGoal { title: "G".into(), origin, ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, draft).await.expect("made").state.id;
    let sleep = DraftTask { action: Some(tool("time", "sleep", json!({"seconds": 9}))), ..words("Sleep") };
    let asleep = make_in(&app, goal, sleep, &[]).await;
    let settings =
        goalwright_application::execution::Settings { queue: "run:x".into(), ..Default::default() };
    let kernel = app.kernel_with(settings);
    let claimed = kernel.claim(1).await.expect("claims").remove(0);
    let settlement = app.perform(&claimed).await;
    kernel.settle(&[settlement]).await.expect("settles");
    let rested = make_in(&app, goal, quick("Rested"), &[]).await;
    set_status(&app, goal, GoalStatus::Abandoned).await;
    assert_eq!(
        (status(&app, asleep).await, status(&app, rested).await),
        (TaskStatus::Waiting, TaskStatus::Pending)
    );
    app.services.goals.delete(&app.ada, goal, &ANY).await.expect("goes");
    app.clock.advance(std::time::Duration::from_secs(10));
    app.drain().await;
    for id in [asleep, rested] {
        assert_eq!(status(&app, id).await, TaskStatus::Completed);
    }
}
