//! Commands that change what is there: goals, tasks, what tasks wait for, who does them.

mod agents;
mod choices;
mod delete;
mod depend;
mod edit;
mod end;
mod goals;
mod races;

use goalwright_application::read::{EventFilter, EventView, TaskView};
use goalwright_application::tasks::NewTask;
use goalwright_application::{Error, Precondition};
use goalwright_domain::Violation;
use goalwright_domain::execution::Action;
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId, TaskStatus};
use goalwright_testkit::TestApp;
use serde_json::{Value, json};

/// Whatever the revision is.
const ANY: Precondition = Precondition::Any;

/// A call of a tool.
fn tool(name: &str, operation: &str, parameters: Value) -> Action {
    Action::Tool { tool: name.into(), operation: operation.into(), parameters }
}

/// A task that a tool does at once.
fn quick(title: &str) -> DraftTask {
    DraftTask { title: title.into(), action: Some(tool("time", "now", json!({}))), ..DraftTask::default() }
}

/// A task whose first call fails.
fn flaky(title: &str) -> DraftTask {
    let action = tool("probe", "none", json!({"name": title, "fail": 1, "result": title}));
    DraftTask { title: title.into(), action: Some(action), ..DraftTask::default() }
}

/// A task in plain words, for a person.
fn words(title: &str) -> DraftTask {
    DraftTask { title: title.into(), ..DraftTask::default() }
}

async fn goal(app: &TestApp, title: &str) -> GoalId {
    let draft = DraftGoal { title: title.into(), ..DraftGoal::default() };
    app.services.goals.create(&app.ada, draft).await.expect("made").state.id
}

async fn make(app: &TestApp, draft: DraftTask, depends_on: &[TaskId]) -> TaskId {
    let new = NewTask { draft, depends_on: depends_on.to_vec() };
    app.services.tasks.create(&app.ada, new).await.expect("made").state.id
}

async fn make_in(app: &TestApp, goal: GoalId, draft: DraftTask, depends_on: &[TaskId]) -> TaskId {
    make(app, DraftTask { goal_id: Some(goal), ..draft }, depends_on).await
}

async fn task(app: &TestApp, id: TaskId) -> TaskView {
    app.services.tasks.get(&app.ada, id).await.expect("there")
}

async fn status(app: &TestApp, id: TaskId) -> TaskStatus {
    task(app, id).await.state.status
}

async fn goal_status(app: &TestApp, id: GoalId) -> GoalStatus {
    app.services.goals.get(&app.ada, id).await.expect("there").state.status
}

async fn edit(app: &TestApp, id: TaskId, edit: TaskEdit) -> Result<TaskView, Error> {
    app.services.tasks.edit(&app.ada, id, edit, &ANY).await
}

async fn set_status(app: &TestApp, id: GoalId, status: GoalStatus) {
    let edit = GoalEdit { status: Some(status), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, id, edit, &ANY).await.expect("changes");
}

/// What the ledger tells of an entity, oldest first.
async fn told(app: &TestApp, id: impl ToString) -> Vec<EventView> {
    let filter = EventFilter { entity_id: Some(id.to_string()), ..EventFilter::default() };
    let mut events = app.events(&filter).await;
    events.reverse();
    events
}

async fn told_types(app: &TestApp, id: impl ToString) -> Vec<String> {
    told(app, id).await.into_iter().map(|event| event.event_type).collect()
}

/// How many runs of the task with this slug there are, of which `condition` is true.
async fn runs(app: &TestApp, slug: &str, condition: &str) -> i64 {
    let from = "FROM runs r JOIN tasks t ON t.id = r.task_id";
    app.db.number(&format!("SELECT COUNT(*) {from} WHERE t.slug = '{slug}' AND {condition}")).await
}

fn violations(refused: Error) -> Vec<Violation> {
    let Error::Invalid { violations, .. } = refused else { panic!("{refused}") };
    violations
}

/// Paths and codes.
fn paths(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations.iter().map(|violation| (violation.path.as_str(), violation.code.as_str())).collect()
}
