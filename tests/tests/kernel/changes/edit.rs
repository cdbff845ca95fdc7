use goalwright_application::Precondition;
use goalwright_domain::execution::Action;
use goalwright_domain::execution::{Backoff, OnExhausted};
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{TaskEdit, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_field_changes_and_one_event_tells_of_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, quick("Before"), &[]).await;
    let at: goalwright_domain::Timestamp = "2026-01-02T08:00:00Z".parse().expect("a time");
    let all = TaskEdit {
        title: Some(" After ".into()),
        description: Some("Why".into()),
        labels: Some(vec!["US1".into()]),
        priority: Some(7),
        parallel: Some(true),
        estimate_minutes: Some(Some(30)),
        complexity: Some(Some(4)),
        complexity_reason: Some(Some("Nobody did it before.".into())),
        slug: Some("after".into()),
        key: Some(Some("K1".into())),
        goal_id: None,
        task_type: Some("build".into()),
        action: Some(Some(tool("time", "sleep", json!({"seconds": 1})))),
        max_attempts: Some(5),
        retry: Some(Some(Backoff { max_delay: 9.5, ..Backoff::default() })),
        on_exhausted: Some(OnExhausted::Pause),
        scheduled_at: Some(Some(at)),
        schedule: None,
    };
    let changed = edit(&app, id, all.clone()).await.expect("changes");
    let state = &changed.state;
    assert_eq!((state.title.as_str(), state.description.as_str()), ("After", "Why"));
    assert_eq!((state.labels.as_slice(), state.priority), (["US1".to_owned()].as_slice(), 7));
    assert_eq!((state.parallel, state.estimate_minutes, state.complexity), (true, Some(30), Some(4)));
    assert_eq!(state.complexity_reason.as_deref(), Some("Nobody did it before."));
    assert_eq!((state.slug.as_str(), state.key.as_deref()), ("after", Some("K1")));
    assert_eq!((state.task_type.as_str(), state.max_attempts), ("build", 5));
    assert_eq!((state.retry.clone(), state.on_exhausted), (all.retry.clone().flatten(), OnExhausted::Pause));
    assert_eq!((state.scheduled_at, state.action.clone()), (Some(at), all.action.clone().flatten()));
    let events = told(&app, id).await;
    let updated = events.iter().find(|event| event.event_type == "task.updated").expect("told");
    assert_eq!(updated.changes["title"], json!({"from": "Before", "to": "After"}));
    assert_eq!(updated.changes["priority"], json!({"from": 0, "to": 7}));

    // The same again is no change.
    let again = edit(&app, id, all).await.expect("nothing to do");
    assert_eq!((again.revision, again.updated_at), (changed.revision, changed.updated_at));
    assert_eq!(told(&app, id).await.len(), events.len());
    let cleared = TaskEdit {
        estimate_minutes: Some(None),
        complexity: Some(None),
        complexity_reason: Some(None),
        key: Some(None),
        action: Some(None),
        scheduled_at: Some(None),
        ..TaskEdit::default()
    };
    let state = edit(&app, id, cleared).await.expect("changes").state;
    assert_eq!((state.estimate_minutes, state.complexity, state.key), (None, None, None));
    assert_eq!((state.action, state.scheduled_at, state.complexity_reason), (None, None, None));
    let wrong = TaskEdit { title: Some(" ".into()), complexity: Some(Some(11)), ..TaskEdit::default() };
    let refused = violations(edit(&app, id, wrong).await.expect_err("refused"));
    assert_eq!(refused.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["title", "complexity"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_reason_of_a_complexity_goes_with_it_and_is_never_empty(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let reason = |text: &str| Some(Some(text.to_owned()));
    let id = make(&app, quick("Complex"), &[]).await;
    let given =
        TaskEdit { complexity: Some(Some(4)), complexity_reason: reason("new"), ..TaskEdit::default() };
    edit(&app, id, given.clone()).await.expect("changes");
    // The same complexity keeps its reason, another one has none of its own yet.
    let same = TaskEdit { complexity: Some(Some(4)), title: Some("Same".into()), ..TaskEdit::default() };
    let state = edit(&app, id, same).await.expect("changes").state;
    assert_eq!(state.complexity_reason.as_deref(), Some("new"));
    let other = TaskEdit { complexity: Some(Some(7)), ..TaskEdit::default() };
    let state = edit(&app, id, other).await.expect("changes").state;
    assert_eq!((state.complexity, state.complexity_reason), (Some(7), None));
    edit(&app, id, given).await.expect("changes");
    let empty = TaskEdit { complexity_reason: reason(" "), ..TaskEdit::default() };
    assert_eq!(edit(&app, id, empty).await.expect("changes").state.complexity_reason, None);
    let draft = DraftTask { complexity_reason: Some(String::new()), ..quick("Made") };
    let made = make(&app, draft, &[]).await;
    assert_eq!(task(&app, made).await.state.complexity_reason, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_goes_to_another_goal_moves_the_counters_of_both(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (from, to) = (goal(&app, "From").await, goal(&app, "To").await);
    make_in(&app, from, quick("Done"), &[]).await;
    make_in(&app, to, quick("Done there"), &[]).await;
    app.drain().await;
    let open = make_in(&app, from, words("Open"), &[]).await;
    assert_eq!(goal_status(&app, from).await, GoalStatus::Active);
    let home = |goal| TaskEdit { goal_id: Some(goal), ..TaskEdit::default() };
    edit(&app, open, home(Some(to))).await.expect("moves");
    let (left, entered) = (app.progress(from).await, app.progress(to).await);
    assert_eq!((left.total, left.completed), (1, 1));
    assert_eq!((entered.total, entered.completed, entered.by_status.ready), (2, 1, 1));
    assert_eq!(goal_status(&app, from).await, GoalStatus::Achieved, "what was open is elsewhere");
    assert_eq!(goal_status(&app, to).await, GoalStatus::Active, "something is to be done again");
    edit(&app, open, home(None)).await.expect("leaves");
    assert_eq!(goal_status(&app, to).await, GoalStatus::Achieved);
    assert_eq!(task(&app, open).await.state.goal_id, None);
    let nowhere = goalwright_domain::Id::new(uuid::Uuid::from_u128(1));
    let refused = violations(edit(&app, open, home(Some(nowhere))).await.expect_err("no such goal"));
    assert_eq!(paths(&refused), [("goal_id", "unknown_goal")]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_leaves_a_goal_at_rest_can_be_done(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (resting, other) = (goal(&app, "Resting").await, goal(&app, "Other").await);
    let id = make_in(&app, resting, quick("Wanted elsewhere"), &[]).await;
    set_status(&app, resting, GoalStatus::Abandoned).await;
    assert_eq!(status(&app, id).await, TaskStatus::Pending);
    let moved = TaskEdit { goal_id: Some(Some(other)), ..TaskEdit::default() };
    assert_eq!(edit(&app, id, moved).await.expect("moves").state.status, TaskStatus::Ready);
    let back = TaskEdit { goal_id: Some(Some(resting)), ..TaskEdit::default() };
    assert_eq!(edit(&app, id, back).await.expect_err("rests").code(), "goal_not_active");
    app.drain().await;
    assert_eq!(goal_status(&app, other).await, GoalStatus::Achieved);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_is_performed_otherwise_is_given_to_who_can_do_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, quick("One"), &[]).await;
    let machine = task(&app, id).await.state.agent_id;
    let action = |action| TaskEdit { action: Some(action), ..TaskEdit::default() };
    let person = edit(&app, id, action(None)).await.expect("changes").state;
    assert_eq!(person.status, TaskStatus::Ready);
    assert_ne!(person.agent_id, machine);
    assert_eq!(runs(&app, "one", "r.performer = 'human' AND r.status = 'queued'").await, 1);
    let nobody = edit(&app, id, action(Some(Action::External))).await.expect("changes").state;
    assert_eq!((nobody.status, nobody.agent_id), (TaskStatus::Pending, None));
    assert_eq!(runs(&app, "one", "1 = 1").await, 0);
    let tool = edit(&app, id, action(Some(tool("time", "now", json!({}))))).await.expect("changes").state;
    assert_eq!((tool.status, tool.agent_id), (TaskStatus::Ready, machine));
    let wrong = action(Some(super::tool("file", "lsit", json!({}))));
    let refused = violations(edit(&app, id, wrong).await.expect_err("no such tool"));
    assert!(refused[0].path.starts_with("action."), "{refused:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_begun_task_that_is_performed_otherwise_goes_on_with_its_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, flaky("Flaky"), &[]).await;
    app.step(1).await;
    let otherwise = TaskEdit {
        action: Some(Some(tool("time", "now", json!({})))),
        priority: Some(3),
        ..TaskEdit::default()
    };
    let view = edit(&app, id, otherwise).await.expect("changes");
    assert_eq!((view.state.status, view.state.attempt), (TaskStatus::Ready, 1));
    assert_eq!(runs(&app, "flaky", "r.status = 'queued' AND r.priority = 3").await, 1);
    app.drain().await;
    let done = task(&app, id).await.state;
    assert_eq!((done.status, done.attempt), (TaskStatus::Completed, 2));
    assert_eq!(runs(&app, "flaky", "1 = 1").await, 1, "it is the same run");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn priority_and_time_reach_the_run_that_is_queued(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    make(&app, quick("First"), &[]).await;
    let urgent = make(&app, quick("Urgent"), &[]).await;
    let later = make(&app, quick("Later"), &[]).await;
    edit(&app, urgent, TaskEdit { priority: Some(9), ..TaskEdit::default() }).await.expect("changes");
    let at = app.ports.clock.now() + std::time::Duration::from_secs(3600);
    let timed = TaskEdit { scheduled_at: Some(Some(at)), priority: Some(99), ..TaskEdit::default() };
    edit(&app, later, timed).await.expect("changes");
    let claimed = app.kernel.claim(1).await.expect("claims").remove(0);
    assert_eq!(claimed.task.id, urgent);
    app.kernel.settle(&[app.done(&claimed, json!(1))]).await.expect("settles");
    app.drain().await;
    assert_eq!(status(&app, later).await, TaskStatus::Ready, "its time has not come");
    let now = TaskEdit { scheduled_at: Some(None), ..TaskEdit::default() };
    edit(&app, later, now).await.expect("changes");
    app.drain().await;
    assert_eq!(status(&app, later).await, TaskStatus::Completed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_performed_stays_as_it_was(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, quick("Held"), &[]).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    let title = || TaskEdit { title: Some("Other words".into()), ..TaskEdit::default() };
    assert_eq!(edit(&app, id, title()).await.expect_err("held").code(), "task_leased");
    app.kernel.settle(&[app.done(&held, json!(1))]).await.expect("settles");
    let person = make(&app, words("Ask"), &[]).await;
    app.drain().await;
    for id in [id, person] {
        for performance in [
            TaskEdit { task_type: Some("x".into()), ..TaskEdit::default() },
            TaskEdit { action: Some(None), ..TaskEdit::default() },
            TaskEdit { max_attempts: Some(9), ..TaskEdit::default() },
            TaskEdit { scheduled_at: Some(None), ..TaskEdit::default() },
        ] {
            assert_eq!(
                edit(&app, id, performance).await.expect_err("on record").code(),
                "invalid_transition"
            );
        }
        edit(&app, id, title()).await.expect("words may change");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_name_that_is_taken_is_named(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let keyed = |title: &str, key: &str| DraftTask { key: Some(key.into()), ..quick(title) };
    make_in(&app, goal, keyed("Taken", "K1"), &[]).await;
    let id = make_in(&app, goal, keyed("Mine", "K2"), &[]).await;
    for (edited, name) in [
        (TaskEdit { slug: Some("taken".into()), ..TaskEdit::default() }, "slug `taken`"),
        (TaskEdit { key: Some(Some("K1".into())), ..TaskEdit::default() }, "key `K1`"),
    ] {
        let refused = edit(&app, id, edited).await.expect_err("taken");
        assert_eq!(refused.code(), "name_taken");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_saw_an_older_revision_is_told(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, quick("One"), &[]).await;
    let seen = Precondition::OneOf(vec![task(&app, id).await.revision]);
    let title = |title: &str| TaskEdit { title: Some(title.into()), ..TaskEdit::default() };
    app.services.tasks.edit(&app.ada, id, title("Two"), &seen).await.expect("changes");
    let late = app.services.tasks.edit(&app.ada, id, title("Three"), &seen).await.expect_err("stale");
    assert_eq!(late.code(), "precondition_failed");
    assert_eq!(
        app.services.tasks.depend(&app.ada, id, &[], &seen).await.expect_err("stale").code(),
        late.code()
    );
    assert_eq!(app.services.tasks.delete(&app.ada, id, &seen).await.expect_err("stale").code(), late.code());
    let eve = app.user("eve").await;
    let hidden = app.services.tasks.edit(&eve, id, title("Hers"), &ANY).await.expect_err("hidden");
    assert_eq!(hidden.code(), "not_found");
}
