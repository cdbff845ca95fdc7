//! Goals, their progress and tasks as they were at a past moment.

use goalwright_application::audit::{Redact, Redactor};
use goalwright_application::read::{GoalView, PageRequest, TaskView};
use goalwright_application::{Error, Precondition};
use goalwright_domain::Timestamp;
use goalwright_domain::goal::{GoalEdit, GoalId, TaskCounts};
use goalwright_domain::task::{TaskEdit, TaskId, TaskStatus};
use goalwright_infrastructure::results::ResultFolders;
use goalwright_testkit::{Backend, TestApp};
use proptest::prelude::*;
use rstest::rstest;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{all_tasks, happen, step};

/// What was stored at a moment.
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    goals: Vec<GoalView>,
    tasks: Vec<TaskView>,
}

pub(crate) async fn now(app: &TestApp) -> Moment {
    let page = PageRequest::first(200);
    let goals = app.services.goals.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    Moment { at: app.ports.clock.now(), goals, tasks: all_tasks(app).await }
}

/// What the ledger tells of a moment is what was stored then.
pub(crate) async fn is_told(app: &TestApp, moment: &Moment) {
    let at = moment.at;
    for goal in &moment.goals {
        let id = goal.state.id;
        let then = app.services.goals.as_of(&app.ada, id, at).await.expect("it was there");
        assert_eq!((then.at, &then.redacted), (at, &Vec::new()));
        assert_eq!(then.what.state, goal.state);
        assert_eq!((then.what.revision, then.what.updated_at), (goal.revision, goal.updated_at));
        let progress = app.services.goals.progress_as_of(&app.ada, id, at).await.expect("it was there").what;
        assert_eq!(progress.by_status, goal.counts, "{id} at {at}");
        assert!(progress.valid);
        let named = |code: &str| {
            let reason = progress.reasons.iter().find(|reason| reason.code == code);
            reason.map_or(0, |reason| reason.count)
        };
        assert_eq!(named("task_failed"), goal.counts.failed, "{id} at {at}");
    }
    for task in &moment.tasks {
        let mut then =
            app.services.tasks.as_of(&app.ada, task.state.id, at).await.expect("it was there").what;
        let mut edges = task.depends_on.clone();
        edges.sort_unstable_by_key(|edge| edge.task_id);
        let mut blocked_by = task.blocked_by.clone();
        blocked_by.sort_unstable();
        // When a schedule goes on is no event.
        let mut stored =
            TaskView { depends_on: edges, blocked_by, next_run_at: then.next_run_at, ..task.clone() };
        // The ledger has one null, for a result that says nothing and for none.
        for state in [&mut then.state, &mut stored.state] {
            state.result = state.result.take().filter(|result| !result.is_null());
        }
        assert_eq!(then, stored, "{} at {at}", task.state.id);
    }
}

#[test]
fn every_past_moment_of_a_random_history_is_told_as_it_was() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let config = ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let shown = runner.run(&prop::collection::vec(step(), 1..20), |steps| {
            runtime.block_on(async {
                let Some(app) = TestApp::start(backend).await else { return };
                let mut moments = vec![now(&app).await];
                for (number, step) in steps.into_iter().enumerate() {
                    happen(&app, number, step).await;
                    moments.push(now(&app).await);
                }
                app.sequence().await;
                for moment in &moments {
                    is_told(&app, moment).await;
                }
                app.db.discard().await;
            });
            Ok(())
        });
        if let Err(error) = shown {
            panic!("{backend:?}: {error}");
        }
    }
}

const PLAN: &str = "# Trip\n\n- [ ] T001 Pack\n  use: probe.none {\"name\": \"a\"}\n- [ ] T002 Leave (depends on T001)\n  \
                    use: probe.none {\"name\": \"b\"}\n";

async fn reason<T>(asked: Result<T, Error>) -> (&'static str, String) {
    let Err(error) = asked else { panic!("it was answered") };
    (error.code(), error.to_string())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn before_it_was_made_and_after_it_was_deleted_it_was_not_there(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (goals, tasks) = (&app.services.goals, &app.services.tasks);
    let before = app.ports.clock.now();
    app.clock.advance(Duration::from_secs(60));
    let goal = app.import(PLAN).await;
    let task = app.task(goal, "T002").await.state.id;
    let (moment, with_tasks) = (app.ports.clock.now(), now(&app).await);
    app.clock.advance(Duration::from_secs(60));
    tasks.delete(&app.ada, task, &Precondition::Any).await.expect("deletes");
    goals.delete(&app.ada, goal, &Precondition::Any).await.expect("deletes");
    app.sequence().await;

    let (code, message) = reason(goals.as_of(&app.ada, goal, before).await).await;
    assert_eq!(code, "not_found");
    assert!(message.contains("was made after") && message.contains("ask for a later moment"), "{message}");
    let (code, message) = reason(tasks.as_of(&app.ada, task, app.ports.clock.now()).await).await;
    assert_eq!(code, "not_found");
    assert!(message.contains("had been deleted by"), "{message}");
    let (code, message) =
        reason(goals.as_of(&app.ada, GoalId::new(uuid::Uuid::from_u128(1)), moment).await).await;
    assert_eq!((code, message.contains("there is no goal")), ("not_found", true), "{message}");
    let eve = app.user("eve").await;
    let (code, message) = reason(goals.as_of(&eve, goal, moment).await).await;
    assert_eq!((code, message.contains("there is no goal")), ("not_found", true), "{message}");
    let later = app.ports.clock.now() + Duration::from_secs(1);
    let (code, message) = reason(goals.progress_as_of(&app.ada, goal, later).await).await;
    assert_eq!((code, message.contains("has not come yet")), ("invalid_input", true), "{message}");

    // What was deleted since is told as it was, with the tasks that left it.
    is_told(&app, &with_tasks).await;
    let then = goals.progress_as_of(&app.ada, goal, moment).await.expect("it was there").what;
    assert_eq!(then.by_status, TaskCounts { ready: 1, pending: 1, ..TaskCounts::default() });
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_what_was_redacted_the_past_tells_what_is_left(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let task: TaskId = app.task(goal, "T001").await.state.id;
    app.drain().await;
    let done = app.ports.clock.now();
    app.sequence().await;
    let asked = Redact {
        entities: vec![task.uuid(), goal.uuid()],
        reason: "Erasure request 17".to_owned(),
        ..Redact::default()
    };
    let redactor = Redactor::new(&app.ports, Arc::new(ResultFolders::new(app.db.folder().join("data"))));
    redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    app.clock.advance(Duration::from_secs(1));
    let edit = TaskEdit { title: Some("Pack again".to_owned()), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, task, edit, &Precondition::Any).await.expect("edits");
    let edit = GoalEdit { title: Some("Travel".to_owned()), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("edits");
    app.sequence().await;

    let then = app.services.tasks.as_of(&app.ada, task, done).await.expect("it was there");
    assert_eq!(
        (then.what.state.title.as_str(), then.what.state.status),
        ("[redacted]", TaskStatus::Completed)
    );
    assert!(then.redacted.contains(&"title".to_owned()) && !then.redacted.contains(&"status".to_owned()));
    let later = app.services.tasks.as_of(&app.ada, task, app.ports.clock.now()).await.expect("it is there");
    assert_eq!(later.what.state.title, "Pack again");
    assert!(!later.redacted.contains(&"title".to_owned()), "{:?}", later.redacted);
    let then = app.services.goals.as_of(&app.ada, goal, done).await.expect("it was there");
    assert_eq!(then.what.state.title, "[redacted]");
    assert_eq!(then.what.state.status, goalwright_domain::goal::GoalStatus::Achieved);
    let progress = app.services.goals.progress_as_of(&app.ada, goal, done).await.expect("it was there").what;
    assert_eq!((progress.completed, progress.valid), (2, true));
}
