//! Changes of tasks, goals and agents, and the questions about what is next.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::execution::LeaseKey;
use goalwright_application::tasks::{Ending, Failure, Wanted};
use goalwright_domain::agent::{AgentEdit, AgentKind, DraftAgent};
use goalwright_domain::execution::{Action, OnExhausted};
use goalwright_domain::experience::{ExperienceType, Note};
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId};
use goalwright_testkit::{TestApp, draft_agent};

use crate::work::{Log, new_task};

const ANY: Precondition = Precondition::Any;

/// Sends every statement of these use cases, in a goal of its own.
pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let draft = DraftGoal { title: "Changing".into(), ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, draft).await.expect("made").state.id;
    log.record.take();
    tasks(app, log, goal).await;
    outside(app, log).await;
    recovery(app, log).await;
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

/// A worker of somebody else, so that the agent is theirs.
async fn outside(app: &TestApp, log: &mut Log) {
    let judy = app.user("judy").await;
    let (services, tasks) = (&app.services, &app.services.tasks);
    for (name, max_concurrency) in [("free", None), ("limited", Some(2))] {
        let draft = DraftAgent {
            capabilities: vec![name.into()],
            max_concurrency,
            ..draft_agent(name, AgentKind::External)
        };
        let agent = services.agents.create(&judy, draft).await.expect("made").id();
        for number in 0..4 {
            let mut new = new_task(&format!("Outside {name} {number}"), None);
            new.draft.action = Some(Action::External);
            new.draft.task_type = name.into();
            tasks.create(&judy, new).await.expect("made");
        }
        log.record.take();
        services.agents.heartbeat(&judy, agent).await.expect("beats");
        log.note("an agent is alive");
        for task_types in [vec![], vec![name.to_owned(), "other".to_owned()]] {
            let wanted = Wanted { agent, task_types, limit: 1, lease: None, wait: Duration::ZERO };
            let claimed = tasks.claim(&judy, &wanted).await.expect("claims").tasks.remove(0);
            log.note("claim from outside");
            let (id, token) = (claimed.task.state.id, LeaseKey::from(&claimed.lease).to_string());
            tasks.heartbeat(&judy, id, &token, None).await.expect("held");
            log.note("keep a task");
            tasks.release(&judy, id, &token).await.expect("held");
            log.note("give a task back");
            tasks.release(&judy, id, &token).await.expect_err("lost");
            log.note("refuse a stale token");
        }
    }
}

async fn recovery(app: &TestApp, log: &mut Log) {
    let kim = app.user("kim").await;
    let tasks = &app.services.tasks;
    let draft = draft_agent("helper", AgentKind::External);
    let agent = app.services.agents.create(&kim, draft).await.expect("made").id();
    let mut new = new_task("Fails", None);
    new.draft.action = Some(Action::External);
    new.draft.on_exhausted = OnExhausted::Pause;
    let id = tasks.create(&kim, new).await.expect("made").state.id;
    let failure = Failure { kind: "Enough".into(), message: "It is enough".into(), retryable: false };
    for _ in 0..2 {
        let wanted = Wanted { agent, task_types: vec![], limit: 1, lease: None, wait: Duration::ZERO };
        let claimed = tasks.claim(&kim, &wanted).await.expect("claims").tasks.remove(0);
        let token = LeaseKey::from(&claimed.lease).to_string();
        log.record.take();
        tasks.fail_leased(&kim, id, &token, &failure).await.expect("held");
        log.note("an attempt outside fails");
        tasks.approve(&kim, id, true, "once more").await.expect("goes on");
        log.note("retry a task that waits");
    }
    let wanted = Wanted { agent, task_types: vec![], limit: 1, lease: None, wait: Duration::ZERO };
    let claimed = tasks.claim(&kim, &wanted).await.expect("claims").tasks.remove(0);
    let token = LeaseKey::from(&claimed.lease).to_string();
    tasks.fail_leased(&kim, id, &token, &failure).await.expect("held");
    log.record.take();
    tasks.fail(&kim, id, &failure).await.expect("fails");
    log.note("a person lets a task fail");
    tasks.retry(&kim, id, "").await.expect("goes on");
    log.note("retry a failed task");
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
    let draft = draft_agent("changing", AgentKind::External);
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
