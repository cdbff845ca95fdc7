use futures::future::join_all;
use goalwright_application::Precondition;
use goalwright_application::tasks::Ending;
use goalwright_domain::goal::{GoalEdit, GoalStatus};
use goalwright_domain::task::{TaskEdit, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::derived;

/// So often is each race run.
const ROUNDS: usize = 12;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_changes_never_close_a_cycle_together(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for round in 0..ROUNDS {
        // `a` waits for `b`, and `c` for `d`: neither change touches a task of the other one.
        let b = make(&app, words(&format!("b {round}")), &[]).await;
        let a = make(&app, words(&format!("a {round}")), &[b]).await;
        let d = make(&app, words(&format!("d {round}")), &[]).await;
        let c = make(&app, words(&format!("c {round}")), &[d]).await;
        let (on_c, on_a) = ([c], [a]);
        let (one, other) = futures::join!(
            app.services.tasks.depend(&app.ada, b, &on_c, &ANY),
            app.services.tasks.depend(&app.ada, d, &on_a, &ANY),
        );
        let refused: Vec<Error> = [one, other].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].code(), "dependency_cycle");
    }
    derived::check(&app).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_is_either_claimed_or_cancelled(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut claimed = 0;
    for round in 0..ROUNDS {
        let id = make(&app, quick(&format!("one {round}")), &[]).await;
        let (held, cancelled) =
            futures::join!(app.kernel.claim(1), app.services.tasks.end(&app.ada, id, Ending::Cancelled, ""));
        let held = held.expect("claims");
        match cancelled {
            Ok(view) => {
                assert_eq!((view.state.status, held.len()), (TaskStatus::Cancelled, 0));
            }
            Err(refused) => {
                assert_eq!((refused.code(), held.len()), ("task_leased", 1));
                claimed += 1;
                app.kernel.settle(&[app.done(&held[0], json!(1))]).await.expect("settles");
            }
        }
    }
    assert!(claimed <= ROUNDS);
    derived::check(&app).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_is_deleted_while_what_it_waits_for_is_completed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    for round in 0..ROUNDS {
        let first = make_in(&app, goal, quick(&format!("first {round}")), &[]).await;
        let open = make_in(&app, goal, words(&format!("open {round}")), &[]).await;
        let gone = make_in(&app, goal, quick(&format!("gone {round}")), &[first]).await;
        let stays = make_in(&app, goal, quick(&format!("stays {round}")), &[first, open, gone]).await;
        let held = app.kernel.claim(9).await.expect("claims");
        let of_first = held.iter().find(|one| one.task.id == first).expect("claimed");
        let batch = [app.done(of_first, json!(1))];
        let only_open = [open];
        let (settled, deleted, free) = futures::join!(
            app.kernel.settle(&batch),
            app.services.tasks.delete(&app.ada, gone, &ANY),
            app.services.tasks.depend(&app.ada, stays, &only_open, &ANY),
        );
        assert_eq!(settled.expect("settles"), [Ok(())]);
        deleted.expect("goes");
        if let Err(refused) = free {
            panic!("{refused}");
        }
        let view = task(&app, stays).await;
        assert_eq!((view.state.status, view.blocked_by), (TaskStatus::Pending, vec![open]));
        derived::check(&app).await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_of_an_abandoned_goal_stays_ready(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for round in 0..ROUNDS {
        let goal = goal(&app, &format!("goal {round}")).await;
        let mut firsts: Vec<TaskId> = Vec::new();
        for number in 0..4 {
            let first = make_in(&app, goal, flaky(&format!("first {round} {number}")), &[]).await;
            make_in(&app, goal, quick(&format!("second {round} {number}")), &[first]).await;
            firsts.push(first);
        }
        let held = app.kernel.claim(3).await.expect("claims");
        let mut settlements = vec![app.done(&held[0], json!(1)), app.done(&held[1], json!(1))];
        settlements.push(app.perform(&held[2]).await);
        let settle = join_all(settlements.iter().map(|one| app.kernel.settle(std::slice::from_ref(one))));
        let abandoned = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
        let (settled, edited, claimed) = futures::join!(
            settle,
            app.services.goals.edit(&app.ada, goal, abandoned, &ANY),
            app.kernel.claim(1),
        );
        for answers in settled {
            assert_eq!(answers.expect("settles"), [Ok(())]);
        }
        edited.expect("rests");
        derived::check(&app).await;
        for one in claimed.expect("claims") {
            app.kernel.settle(&[app.done(&one, json!(1))]).await.expect("settles");
        }
        derived::check(&app).await;
        set_status(&app, goal, GoalStatus::Active).await;
        app.clock.advance(std::time::Duration::from_secs(600));
        app.drain().await;
        app.clock.advance(std::time::Duration::from_secs(600));
        app.drain().await;
        assert_eq!(goal_status(&app, goal).await, GoalStatus::Achieved);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_saw_the_same_one_changes_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, words("One"), &[]).await;
    for round in 0..ROUNDS {
        let seen = Precondition::OneOf(vec![task(&app, id).await.revision]);
        let edits = (0..4).map(|number| {
            let title = TaskEdit { title: Some(format!("{round} {number}")), ..TaskEdit::default() };
            app.services.tasks.edit(&app.ada, id, title, &seen)
        });
        let answers = join_all(edits).await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 3);
        assert!(refused.iter().all(|one| one.code() == "precondition_failed"), "{refused:?}");
    }
}
