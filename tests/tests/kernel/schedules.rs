//! Tasks that recur: every slot is a run, once, whoever looks after it and however late.

mod catch_up;
mod changes;
mod overlap;
mod poison;
mod slots;

use std::time::Duration;

use goalwright_application::ports::Clock;
use goalwright_application::read::{EventFilter, TaskView};
use goalwright_application::tasks::NewTask;
use goalwright_application::{Error, Precondition};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::Action;
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId};
use goalwright_testkit::TestApp;
use serde_json::{Value, json};

fn schedule(value: Value) -> Schedule {
    Schedule::read(&value, "schedule").expect("a schedule")
}

/// A task that a probe does, with the name of the probe as its title.
fn recurring(name: &str, value: Value) -> DraftTask {
    let parameters = json!({"name": name, "result": name});
    let action = Action::Tool { tool: "probe".into(), operation: "none".into(), parameters };
    DraftTask {
        title: name.into(),
        action: Some(action),
        schedule: Some(schedule(value)),
        ..DraftTask::default()
    }
}

async fn make(app: &TestApp, draft: DraftTask) -> TaskId {
    app.services
        .tasks
        .create(&app.ada, NewTask { draft, depends_on: Vec::new() })
        .await
        .expect("made")
        .state
        .id
}

async fn goal(app: &TestApp) -> GoalId {
    let draft = DraftGoal { title: "Recurring things".into(), ..DraftGoal::default() };
    app.services.goals.create(&app.ada, draft).await.expect("made").state.id
}

async fn set_goal(app: &TestApp, id: GoalId, status: GoalStatus) {
    let edit = GoalEdit { status: Some(status), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, id, edit, &Precondition::Any).await.expect("changes");
}

async fn task(app: &TestApp, id: TaskId) -> TaskView {
    app.services.tasks.get(&app.ada, id).await.expect("there")
}

async fn edit(app: &TestApp, id: TaskId, edit: TaskEdit) -> Result<TaskView, Error> {
    app.services.tasks.edit(&app.ada, id, edit, &Precondition::Any).await
}

async fn reschedule(app: &TestApp, id: TaskId, value: Option<Value>) -> TaskView {
    edit(app, id, TaskEdit { schedule: Some(value.map(schedule)), ..TaskEdit::default() })
        .await
        .expect("changes")
}

/// Moves the clock to a moment that is still to come.
fn wait_until(app: &TestApp, text: &str) {
    let at: Timestamp = text.parse().expect("a moment");
    let ahead = at.utc() - app.clock.now().utc();
    app.clock.advance(ahead.to_std().expect("still to come"));
}

/// Looks after the schedules until none is due.
async fn tick(app: &TestApp) {
    while app.services.schedules.tick().await.expect("ticks") > 0 {}
}

/// Looks after the schedules and does what can be done, at a moment.
async fn at(app: &TestApp, text: &str) {
    wait_until(app, text);
    tick(app).await;
    app.drain().await;
}

/// When the runs were scheduled that were executed, oldest first, from the record.
async fn executed(app: &TestApp) -> Vec<String> {
    let records = app.experiences().await;
    let mut times: Vec<String> = records
        .iter()
        .map(|record| {
            let at = record.content["structured"]["scheduled_at"].clone();
            at.as_str().map_or_else(|| at.to_string(), str::to_owned)
        })
        .collect();
    times.sort_unstable();
    times
}

/// What the ledger tells of slots, oldest first: the event, its reason and its slots.
async fn told(app: &TestApp, id: TaskId) -> Vec<String> {
    let filter = EventFilter {
        entity_type: Some("schedule".into()),
        entity_id: Some(id.to_string()),
        ..EventFilter::default()
    };
    let events = app.events(&filter).await;
    let nominal = |slot: &Value| slot["nominal"].as_str().expect("a slot")[5..16].to_owned();
    let line = |metadata: &Value, event_type: &str| {
        let slots: Vec<String> = match metadata["slots"].as_array() {
            Some(slots) => slots.iter().map(nominal).collect(),
            None => vec![nominal(&metadata["slot"])],
        };
        let reason = metadata["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{event_type}{reason} {}", slots.join(" "))
    };
    events.iter().rev().map(|event| line(&event.metadata, &event.event_type)).collect()
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}
