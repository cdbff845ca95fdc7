//! Changes of tasks, goals and agents, and the questions about what is next.

use goalwright_application::Precondition;
use goalwright_application::tasks::Ending;
use goalwright_domain::agent::{AgentEdit, AgentKind, DraftAgent};
use goalwright_domain::execution::Action;
use goalwright_domain::experience::{ExperienceType, Note};
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId};
use goalwright_testkit::TestApp;

use crate::work::{Log, new_task};

const ANY: Precondition = Precondition::Any;

/// Sends every statement of these use cases, in a goal of its own.
pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let draft = DraftGoal { title: "Changing".into(), ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, draft).await.expect("made").state.id;
    log.record.take();
    tasks(app, log, goal).await;
    questions(app, log, goal).await;
    agents(app, log).await;
    goals(app, log, goal).await;
    let parents = vec![app.experiences().await.pop().expect("one").id];
    log.record.take();
    let note = Note { text: "It rains".into(), parents, ..Note::default() };
    app.services.experiences.add(&app.ada, ExperienceType::Observation, note).await.expect("adds");
    log.note("add an experience");
}

async fn make(app: &TestApp, goal: GoalId, title: &str, action: Option<Action>) -> TaskId {
    let mut new = new_task(title, Some(goal));
    new.draft = DraftTask { action, ..new.draft };
    app.services.tasks.create(&app.ada, new).await.expect("made").state.id
}

async fn tasks(app: &TestApp, log: &mut Log, goal: GoalId) {
    let services = &app.services;
    let first = make(app, goal, "Changed first", None).await;
    let second = make(app, goal, "Changed second", None).await;
    log.record.take();
    for edit in [
        TaskEdit { title: Some("Changed".into()), priority: Some(2), ..TaskEdit::default() },
        TaskEdit { action: Some(Some(Action::External)), ..TaskEdit::default() },
        TaskEdit { action: Some(None), ..TaskEdit::default() },
        TaskEdit { goal_id: Some(None), ..TaskEdit::default() },
        TaskEdit { goal_id: Some(Some(goal)), ..TaskEdit::default() },
    ] {
        services.tasks.edit(&app.ada, first, edit, &ANY).await.expect("changes");
        log.note("change a task");
    }
    for on in [vec![first], vec![], vec![first]] {
        services.tasks.depend(&app.ada, second, &on, &ANY).await.expect("changes");
        log.note("change what a task waits for");
    }
    services.tasks.depend(&app.ada, first, &[second], &ANY).await.expect_err("a cycle");
    log.note("refuse a cycle");
    let person = app.tasks(goal).await[0].state.agent_id.expect("a person");
    log.record.take();
    services.tasks.assign(&app.ada, first, person).await.expect("is given");
    log.note("assign a task");
    services.tasks.end(&app.ada, first, Ending::Skipped, "").await.expect("ends");
    log.note("skip a task");
    services.tasks.delete(&app.ada, first, &ANY).await.expect("goes");
    log.note("delete a task that others wait for");
    services.tasks.delete(&app.ada, second, &ANY).await.expect("goes");
    log.note("delete a task");
}

async fn questions(app: &TestApp, log: &mut Log, goal: GoalId) {
    let services = &app.services;
    for goal in [None, Some(goal)] {
        services.tasks.next(&app.ada, goal).await.expect("looks");
        log.note("what is next");
    }
    let heidi = app.user("heidi").await;
    log.record.take();
    services.tasks.next(&heidi, None).await.expect("looks");
    log.note("nothing is next");
    let first = make(app, goal, "Asked first", None).await;
    let blocked = make(app, goal, "Asked second", Some(Action::External)).await;
    services.tasks.depend(&app.ada, blocked, &[first], &ANY).await.expect("waits");
    log.record.take();
    services.tasks.readiness(&app.ada, blocked).await.expect("looks");
    log.note("whether a task is ready");
}

/// Of somebody else: tasks that nobody could do so far are placed with a new agent, and those of Ada are copies.
async fn agents(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    let ivan = app.user("ivan").await;
    let draft = DraftAgent {
        name: "changing".into(),
        kind: AgentKind::External,
        capabilities: vec![],
        max_concurrency: None,
        is_default: false,
        user_id: None,
    };
    let agent = services.agents.create(&ivan, draft).await.expect("made").id();
    let mut new = new_task("For a worker", None);
    new.draft.action = Some(Action::External);
    services.tasks.create(&ivan, new).await.expect("made");
    log.record.take();
    let edit = AgentEdit { is_default: Some(true), ..AgentEdit::default() };
    services.agents.edit(&ivan, agent, edit, &ANY).await.expect("changes");
    let edit = AgentEdit { is_default: Some(false), ..AgentEdit::default() };
    services.agents.edit(&ivan, agent, edit, &ANY).await.expect("changes");
    log.note("change an agent");
    services.agents.retire(&ivan, agent, &ANY).await.expect("retires");
    log.note("retire an agent");
}

async fn goals(app: &TestApp, log: &mut Log, goal: GoalId) {
    make(app, goal, "Rests", None).await;
    log.record.take();
    for status in [GoalStatus::Abandoned, GoalStatus::Active] {
        let edit = GoalEdit { status: Some(status), ..GoalEdit::default() };
        app.services.goals.edit(&app.ada, goal, edit, &ANY).await.expect("changes");
        log.note("let a goal rest, or go on");
    }
    app.services.goals.delete(&app.ada, goal, &ANY).await.expect("goes");
    log.note("delete a goal");
}
