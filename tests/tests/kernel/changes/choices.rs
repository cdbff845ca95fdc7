use goalwright_application::tasks::Readiness;
use goalwright_domain::agent::{AgentId, AgentKind, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;

use super::*;

pub(super) async fn agent(app: &TestApp, name: &str, kind: AgentKind, capabilities: &[&str]) -> AgentId {
    let draft = DraftAgent {
        capabilities: capabilities.iter().map(|&known| known.to_owned()).collect(),
        ..draft_agent(name, kind)
    };
    app.services.agents.create(&app.ada, draft).await.expect("made").id()
}

fn external(title: &str) -> DraftTask {
    DraftTask { action: Some(Action::External), ..words(title) }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_is_given_to_the_agent_that_was_named(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let ready = make(&app, words("Ready"), &[]).await;
    let pending = make(&app, words("Pending"), &[ready]).await;
    let person = agent(&app, "grace", AgentKind::Human, &[]).await;
    let robot = agent(&app, "robot", AgentKind::External, &[]).await;
    for (id, status) in [(ready, TaskStatus::Ready), (pending, TaskStatus::Pending)] {
        let view = app.services.tasks.assign(&app.ada, id, person).await.expect("is given");
        assert_eq!((view.state.status, view.state.agent_id), (status, Some(person)));
    }
    let view = app.services.tasks.assign(&app.ada, ready, robot).await.expect("is given");
    let again = app.services.tasks.assign(&app.ada, ready, robot).await.expect("has it");
    assert_eq!(view.revision, again.revision);
    assert_eq!(runs(&app, "ready", "r.performer = 'external' AND r.agent_id = t.agent_id").await, 1);

    let machine = make(&app, quick("Machine"), &[]).await;
    let unfit = app.services.tasks.assign(&app.ada, machine, person).await.expect_err("cannot");
    assert_eq!(paths(&violations(unfit)), [("agent_id", "unsuitable_agent")]);
    app.services.agents.retire(&app.ada, robot, &ANY).await.expect("retires");
    let gone = app.services.tasks.assign(&app.ada, machine, robot).await.expect_err("retired");
    assert_eq!(paths(&violations(gone)), [("agent_id", "unknown_agent")]);
    app.drain().await;
    let over = app.services.tasks.assign(&app.ada, machine, person).await.expect_err("over");
    assert_eq!(over.code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_nobody_had_is_ready_once_it_is_given_to_somebody(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let person = agent(&app, "grace", AgentKind::Human, &["review"]).await;
    let ada = task(&app, make(&app, words("Ada's"), &[]).await).await.state.agent_id.expect("hers");
    let review = DraftTask {
        task_type: "review".into(),
        action: Some(Action::Human { instructions: "Read it".into() }),
        ..words("Review")
    };
    let id = make(&app, review, &[]).await;
    // Begun, and then nobody is left who could do it.
    app.step(5).await;
    assert_eq!(task(&app, id).await.state.agent_id, Some(person));
    let nobody = make(&app, external("Nobody's"), &[]).await;
    assert_eq!(status(&app, nobody).await, TaskStatus::Pending);
    let refused = app.services.tasks.assign(&app.ada, nobody, ada).await.expect_err("cannot");
    assert_eq!(refused.code(), "invalid_input");
    let robot = agent(&app, "robot", AgentKind::External, &[]).await;
    assert_eq!(task(&app, nobody).await.state.agent_id, Some(robot));
    assert_eq!(runs(&app, "nobodys", "1 = 1").await + runs(&app, "nobody-s", "1 = 1").await, 1);
}

async fn failures(app: &TestApp, id: TaskId) -> Vec<&'static str> {
    let Readiness { ready, failures } = app.services.tasks.readiness(&app.ada, id).await.expect("looks");
    assert_eq!(ready, failures.is_empty());
    failures.into_iter().map(|failure| failure.code).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn readiness_names_everything_that_is_in_the_way(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app, "G").await;
    let first = make_in(&app, goal, quick("First"), &[]).await;
    let second = make_in(&app, goal, external("Second"), &[first]).await;
    assert_eq!(failures(&app, first).await, [] as [&str; 0]);
    assert_eq!(failures(&app, second).await, ["no_agent", "dependencies_open"]);
    let open = app.services.tasks.readiness(&app.ada, second).await.expect("looks");
    assert_eq!(open.failures[1].related, [first.uuid()]);
    set_status(&app, goal, GoalStatus::Draft).await;
    assert_eq!(failures(&app, second).await, ["no_agent", "goal_not_active", "dependencies_open"]);
    set_status(&app, goal, GoalStatus::Active).await;
    let model = Action::Orchestrated { instructions: "Think".into(), tools: vec![], output_schema: None };
    let third = make(&app, DraftTask { action: Some(model), ..words("Third") }, &[]).await;
    assert_eq!(failures(&app, third).await, ["no_agent", "resource_missing"]);
    app.drain().await;
    assert_eq!(failures(&app, first).await, ["not_open"]);
    // Only plain SQL can close a cycle, and it is found.
    let (a, b) = (make(&app, words("a"), &[]).await, make(&app, words("b"), &[]).await);
    app.services.tasks.depend(&app.ada, b, &[a], &ANY).await.expect("waits");
    app.db
        .execute(
            "INSERT INTO task_dependencies (workspace_id, task_id, depends_on_task_id, origin, created_at) \
             SELECT workspace_id, depends_on_task_id, task_id, origin, created_at FROM task_dependencies \
             WHERE task_id = (SELECT id FROM tasks WHERE slug = 'b')",
        )
        .await
        .expect("closes the cycle");
    assert_eq!(failures(&app, b).await, ["dependency_cycle", "dependencies_open"]);
    let found = app.services.tasks.readiness(&app.ada, b).await.expect("looks").failures.remove(0);
    assert_eq!(found.related, [b.uuid(), a.uuid()]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_next_comes_with_its_reason(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let next = async || {
        let next = app.services.tasks.next(&app.ada, None).await.expect("looks");
        (next.task.map(|task| task.state.slug), next.reason.code)
    };
    assert_eq!(next().await, (None, "nothing_to_do"));
    let robots = make(&app, external("Robots"), &[]).await;
    assert_eq!(next().await, (None, "all_blocked"));
    let machine = make(&app, quick("Machine"), &[]).await;
    assert_eq!(next().await, (None, "in_progress"));
    app.drain().await;

    let old = make(&app, words("Old"), &[]).await;
    assert_eq!(next().await, (Some("old".into()), "only_one"));
    make(&app, words("New"), &[]).await;
    assert_eq!(next().await, (Some("old".into()), "oldest"));
    let unblocks = make(&app, words("Unblocks"), &[]).await;
    make(&app, words("Behind"), &[unblocks]).await;
    assert_eq!(next().await, (Some("unblocks".into()), "unblocks_most"));
    make(&app, DraftTask { priority: 5, ..words("Urgent") }, &[]).await;
    assert_eq!(next().await, (Some("urgent".into()), "highest_priority"));
    // What was begun and waits for a person comes before what nobody has begun.
    app.services
        .tasks
        .assign(&app.ada, robots, agent(&app, "robot", AgentKind::External, &[]).await)
        .await
        .expect("given");
    let claimed = app.kernel.claim(9).await.expect("claims");
    let begun = claimed.iter().find(|one| one.task.id == old).expect("claimed");
    let settlement = app.perform(begun).await;
    app.kernel.settle(&[settlement]).await.expect("settles");
    assert_eq!(next().await, (Some("old".into()), "waiting_for_person"));
    let goal = goal(&app, "Other").await;
    let of_goal = app.services.tasks.next(&app.ada, Some(goal)).await.expect("looks");
    assert_eq!((of_goal.task.is_none(), of_goal.reason.code), (true, "nothing_to_do"));
    let nowhere = goalwright_domain::Id::new(machine.uuid());
    assert_eq!(app.services.tasks.next(&app.ada, Some(nowhere)).await.expect_err("none").code(), "not_found");
}
