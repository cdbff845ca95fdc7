//! What is selected, what is left out, and who is found for what nobody has.

use std::collections::HashMap;
use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::read::PageRequest;
use goalwright_application::selection::LeftOut;
use goalwright_application::tasks::{NewTask, Wanted};
use goalwright_domain::agent::{Agent, AgentId, AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, Run};
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::task::{DraftTask, Standing, Standings, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;

/// What storage counts is what the domain defines, for every task there is.
pub(crate) async fn agrees_with_the_definition(app: &TestApp) {
    let now = app.ports.clock.now();
    let page = PageRequest::first(200);
    let tasks = app.services.tasks.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.state.id).collect();
    let goals = app.services.goals.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let rests: HashMap<GoalId, bool> = goals
        .iter()
        .map(|goal| {
            let rests = matches!(goal.state.status, GoalStatus::Draft | GoalStatus::Abandoned);
            (goal.state.id, rests)
        })
        .collect();
    let unit = app.ports.transactions.begin().await.expect("begins");
    let locked = unit.tasks().lock_many(&ids).await.expect("reads");
    let runs: HashMap<TaskId, Run> = unit
        .executions()
        .driving_of(&ids)
        .await
        .expect("reads")
        .into_iter()
        .map(|run| (run.task_id, run))
        .collect();
    drop(unit);
    let mut defined = Standings::default();
    for task in &locked {
        let rests = task.state().goal_id.is_some_and(|goal| rests[&goal]);
        if let Some(standing) = Standing::of(task, runs.get(&task.id()), rests, now) {
            defined.add(standing, 1);
        }
    }
    let queries = &app.services.queries;
    assert_eq!(queries.standings(now).await.expect("counts"), defined, "of everybody");
    let of_ada = queries.standings_of(app.ada.workspace(), None, now).await.expect("counts");
    assert_eq!(of_ada, defined, "of a workspace");
    if app.db.url.starts_with("postgres") {
        let sql = format!(
            "SELECT COUNT(*) FROM runs r WHERE r.drives_task AND r.status IN ('queued', 'waiting') AND \
             r.available_at <= '{}'",
            now.utc().to_rfc3339()
        );
        let claimable = app.db.number(&sql).await;
        assert_eq!(claimable, defined.of(Standing::Executable), "what is executable can be claimed");
    }
}

async fn add(app: &TestApp, title: &str, task_type: &str, action: Option<Action>) -> TaskId {
    let draft =
        DraftTask { title: title.into(), task_type: task_type.into(), action, ..DraftTask::default() };
    let new = NewTask { draft, depends_on: vec![] };
    app.services.tasks.create(&app.ada, new).await.expect("made").state.id
}

fn draft(name: &str, max_concurrency: Option<u32>) -> DraftAgent {
    DraftAgent {
        capabilities: vec!["print".into(), "bind".into()],
        max_concurrency,
        ..draft_agent(name, AgentKind::External)
    }
}

fn codes(left_out: &[LeftOut]) -> Vec<(&'static str, i64)> {
    left_out.iter().map(|one| (one.code, one.count)).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_nobody_can_do_is_told_of_once_and_assigned_as_soon_as_somebody_can(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    let selection = &app.services.selection;
    let task = add(&app, "Print the bill", "print", Some(Action::External)).await;
    let placed = selection.place().await.expect("places");
    assert_eq!((placed.assigned, placed.unassignable), (0, 1));
    for _ in 0..3 {
        assert_eq!(selection.place().await.expect("places"), Default::default(), "nothing has changed since");
    }
    let events = app.events_of("task.unassignable").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].metadata["reason"], "no_capable_agent");
    assert!(events[0].metadata["needed"].as_str().expect("who").contains("external"), "{:?}", events[0]);

    // Another agent, which cannot do it either: it is tried again, and not told again.
    let other = DraftAgent { name: "drill".into(), kind: AgentKind::Tool, ..draft("", None) };
    app.services.agents.create(&app.ada, other).await.expect("made");
    assert_eq!(selection.place().await.expect("places").unassignable, 0);
    assert_eq!(app.events_of("task.unassignable").await.len(), 1);

    // One who appears without anybody looking for work for them.
    let now = app.ports.clock.now();
    let id = goalwright_domain::Id::new(app.ports.ids.ordered());
    let agent = Agent::create(id, app.ada.workspace(), draft("printer", None), now).expect("sound");
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.agents().insert(&agent).await.expect("inserts");
    unit.commit().await.expect("commits");
    let placed = selection.place().await.expect("places");
    assert_eq!((placed.assigned, placed.unassignable), (1, 0));
    let state = app.services.tasks.get(&app.ada, task).await.expect("there").state;
    assert_eq!((state.status, state.agent_id), (TaskStatus::Ready, Some(id)));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM unassignable_tasks").await, 0);

    // Nobody again, for the same reason: that is news.
    app.services.agents.retire(&app.ada, id, &Precondition::Any).await.expect("retires");
    assert_eq!(selection.place().await.expect("places").unassignable, 1);
    assert_eq!(app.events_of("task.unassignable").await.len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_who_look_at_once_tell_and_assign_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    for number in 0..10 {
        add(&app, &format!("Print {number}"), "print", Some(Action::External)).await;
    }
    let looks = (0..4).map(|_| app.services.selection.place());
    let told_of: usize = futures::future::join_all(looks)
        .await
        .into_iter()
        .map(|placed| placed.expect("places").unassignable)
        .sum();
    assert_eq!(told_of, 10);
    assert_eq!(app.events_of("task.unassignable").await.len(), 10);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn open_work_is_counted_by_where_it_stands(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 [P] A\n  use: time.now\n- [ ] T002 [P] B\n  use: time.now\n- [ ] T003 C (depends on T001)\n  use: time.now\n").await;
    add(&app, "Nobody's", "print", Some(Action::External)).await;
    let counted = app.services.selection.count().await.expect("counts");
    assert_eq!((counted.total(), counted.with_agent()), (4, 3));
    let of = |standing| counted.of(standing);
    assert_eq!((of(Standing::Executable), of(Standing::Unassigned), of(Standing::Blocked)), (2, 1, 1));
    assert_eq!(app.ports.standings.get(), Some((counted, app.ports.clock.now())), "each selection tells it");
    app.kernel.claim(1).await.expect("claims");
    let counted = app.services.selection.count().await.expect("counts");
    assert_eq!((counted.of(Standing::Executable), counted.of(Standing::Running)), (1, 1));
    agrees_with_the_definition(&app).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_claims_nothing_learns_why(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = app.services.agents.create(&app.ada, draft("printer", Some(1))).await.expect("made").id();
    let ask = async |agent: AgentId, task_types: &[&str]| {
        let task_types = task_types.iter().map(|&name| name.to_owned()).collect();
        let wanted = Wanted { agent, task_types, limit: 1, lease: None, wait: Duration::ZERO };
        app.services.tasks.claim(&app.ada, &wanted).await.expect("claims")
    };
    assert_eq!(codes(&ask(agent, &[]).await.left_out), []);

    let first = add(&app, "Print", "print", Some(Action::External)).await;
    let behind = add(&app, "Bind", "bind", Some(Action::External)).await;
    app.services.tasks.depend(&app.ada, behind, &[first], &Precondition::Any).await.expect("depends");
    let later = app.ports.clock.now() + Duration::from_secs(3600);
    let draft = DraftTask {
        title: "Tomorrow".into(),
        task_type: "print".into(),
        action: Some(Action::External),
        scheduled_at: Some(later),
        ..DraftTask::default()
    };
    app.create_task(draft).await;
    let left_out = ask(agent, &["bind"]).await.left_out;
    assert_eq!(codes(&left_out), [("other_types", 1), ("dependencies_open", 1), ("scheduled_later", 1)]);

    assert_eq!(ask(agent, &[]).await.tasks.len(), 1);
    let left_out = ask(agent, &[]).await.left_out;
    assert_eq!(codes(&left_out), [("agent_busy", 1), ("dependencies_open", 1), ("scheduled_later", 1)]);
    assert!(left_out[0].message.contains("max_concurrency"), "{left_out:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_next_comes_with_what_is_left_out(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let next = async || app.services.tasks.next(&app.ada, None).await.expect("answers");
    assert_eq!((next().await.reason.code, next().await.left_out), ("nothing_to_do", vec![]));
    let goal = app.import("# P\n\n- [ ] T001 A\n  use: time.now\n- [ ] T002 B (depends on T001)\n").await;
    add(&app, "Nobody's", "print", Some(Action::External)).await;
    let answer = next().await;
    assert_eq!(answer.reason.code, "in_progress");
    assert_eq!(codes(&answer.left_out), [("unassigned", 1), ("dependencies_open", 1), ("with_workers", 1)]);
    let edit = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("rests");
    let answer = next().await;
    assert_eq!(answer.reason.code, "all_blocked");
    assert_eq!(
        codes(&answer.left_out),
        [("unassigned", 1), ("dependencies_open", 1), ("goal_not_active", 1)]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_of_a_goal_that_rests_is_begun_whatever_the_queue_holds(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import("# P\n\n- [ ] T001 A\n  use: probe.none {\"name\": \"a\"}\n- [ ] T002 B (depends on T001)\n  use: probe.none {\"name\": \"b\"}\n")
        .await;
    app.step(1).await;
    let done = app.task(goal, "T001").await;
    let request = goalwright_application::tasks::RunRequest {
        task: done.state.slug.clone(),
        mode: goalwright_domain::execution::Mode::Manual,
        scheduled_at: None,
        wait: None,
    };
    app.clock.advance(Duration::from_secs(1));
    app.services.tasks.run(&app.ada, &request).await.expect("asked for");
    // As if it had been put to rest between the look of a claim and its lock.
    app.db.execute("UPDATE goals SET status = 'abandoned'").await.expect("plain SQL");
    app.drain().await;
    assert_eq!((app.tools.calls("a").len(), app.tools.calls("b").len()), (1, 0), "nothing was called");
    let waits = app.task(goal, "T002").await.state;
    assert_eq!(waits.status, TaskStatus::Pending, "it goes on with its goal");
    let failed = app.events_of("run.failed").await;
    assert_eq!(failed[0].metadata["error"]["type"], "GoalNotActive", "what was asked for beside is told of");
    let refused = app.services.tasks.run(&app.ada, &request).await.expect_err("rests");
    assert_eq!(refused.code(), "goal_not_active");
    let edit = GoalEdit { status: Some(GoalStatus::Active), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("wakes");
    app.drain().await;
    assert_eq!(app.tools.calls("b").len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn everything_that_is_in_the_way_is_told_at_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# P\n\n- [ ] T001 A\n- [ ] T002 B (depends on T001)\n").await;
    let edit = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("rests");
    // As if the tool had been there when the task was made.
    let json = if backend == Backend::Postgres { "AS JSONB" } else { "AS TEXT" };
    let action = r#"{"kind": "tool", "tool": "loom", "operation": "weave", "parameters": {}}"#;
    app.db.execute(&format!("UPDATE tasks SET action = CAST('{action}' {json})")).await.expect("plain SQL");
    let task = app.task(goal, "T002").await.state.id;
    let readiness = app.services.tasks.readiness(&app.ada, task).await.expect("answers");
    let codes: Vec<_> = readiness.failures.iter().map(|failure| failure.code).collect();
    assert_eq!(codes, ["no_agent", "goal_not_active", "resource_missing", "dependencies_open"]);
    assert!(readiness.failures[0].message.contains("human"), "{readiness:?}");
    assert!(readiness.failures[2].message.contains("there is no tool `loom`"), "{readiness:?}");
    let progress = app.progress(goal).await;
    let missing = progress.reasons.iter().find(|reason| reason.code == "tool_unavailable").expect("told");
    assert_eq!(missing.count, 2);
    assert!(missing.mend.contains("loom"), "{missing:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whom_nobody_can_help_is_told_from_who_merely_has_nobody(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = DraftGoal { title: "G".into(), ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, goal).await.expect("made").state.id;
    let new = |title: &str, action| {
        let draft = DraftTask { title: title.into(), goal_id: Some(goal), action, ..DraftTask::default() };
        NewTask { draft, depends_on: vec![] }
    };
    for number in 0..25 {
        let task = new(&format!("Outside {number}"), Some(Action::External));
        app.services.tasks.create(&app.ada, task).await.expect("made");
    }
    let words = app.services.tasks.create(&app.ada, new("Words", None)).await.expect("made").state.id;
    let taken = "UPDATE tasks SET status = 'pending', agent_id = NULL, waiting = NULL WHERE title = 'Words' AND slug = 'words'";
    app.db.execute("DELETE FROM runs").await.expect("plain SQL");
    app.db.execute(taken).await.expect("plain SQL");
    app.db.execute("UPDATE goal_progress SET pending = 26, ready = 0").await.expect("plain SQL");
    let reasons = app.progress(goal).await.reasons;
    let of = |code: &str| reasons.iter().find(|reason| reason.code == code).expect("told");
    assert_eq!((of("no_capable_agent").count, of("no_capable_agent").task_ids.len()), (25, 20));
    assert_eq!((of("unassigned").count, of("unassigned").task_ids.clone()), (1, vec![words]));
    assert_eq!(app.services.selection.place().await.expect("places").assigned, 1);
    assert!(app.progress(goal).await.reasons.iter().all(|reason| reason.code != "unassigned"));
}
