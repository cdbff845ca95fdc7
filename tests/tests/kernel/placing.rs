//! Which agent gets a task, and tasks that nobody can do.

use goalwright_application::read::PageRequest;
use goalwright_application::tasks::NewTask;
use goalwright_domain::agent::{AgentKind, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::DraftGoal;
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp, draft_agent};
use rstest::rstest;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_nobody_can_do_stays_pending_with_the_reason(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.services.goals.create(&app.ada, DraftGoal { title: "G".into(), ..DraftGoal::default() }).await;
    let goal = goal.expect("made").state.id;
    let draft = DraftTask {
        title: "For a worker outside".into(),
        goal_id: Some(goal),
        action: Some(Action::External),
        ..DraftTask::default()
    };
    let task = app.create_task(draft).await;
    assert_eq!((task.state.status, task.state.agent_id), (TaskStatus::Pending, None));
    let progress = app.progress(goal).await;
    assert_eq!(progress.reasons[0].code, "no_capable_agent");
    assert_eq!(progress.reasons[0].task_ids, [task.state.id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_default_agent_takes_over_and_names_are_unique(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = |name: &str| DraftAgent {
        capabilities: vec!["build".into()],
        max_concurrency: Some(2),
        is_default: true,
        ..draft_agent(name, AgentKind::External)
    };
    let made = app.services.agents.create(&app.ada, draft("outside")).await.expect("made");
    let page = PageRequest::first(9);
    let agents = app.services.agents.list(&app.ada, &Default::default(), &page).await.expect("lists").items;
    let defaults: Vec<_> =
        agents.iter().filter(|agent| agent.state().is_default).map(|agent| agent.id()).collect();
    assert_eq!((agents.len(), defaults), (3, vec![made.id()]));
    let again = app.services.agents.create(&app.ada, draft("outside")).await.expect_err("taken");
    assert_eq!(again.code(), "name_taken");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_agent_is_given_what_nobody_could_do(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let external = |title: &str, depends_on| NewTask {
        draft: DraftTask { title: title.into(), action: Some(Action::External), ..DraftTask::default() },
        depends_on,
    };
    let first = app.services.tasks.create(&app.ada, external("First", vec![])).await.expect("made").state.id;
    let second =
        app.services.tasks.create(&app.ada, external("Second", vec![first])).await.expect("made").state.id;
    let draft = draft_agent("outside", AgentKind::External);
    let agent = app.services.agents.create(&app.ada, draft).await.expect("made").id();
    let first = app.services.tasks.get(&app.ada, first).await.expect("there").state;
    assert_eq!((first.status, first.agent_id), (TaskStatus::Ready, Some(agent)));
    let second = app.services.tasks.get(&app.ada, second).await.expect("there").state;
    assert_eq!((second.status, second.agent_id), (TaskStatus::Pending, Some(agent)));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await, 1);
}
