//! Schedules that are made, changed, shown and looked after.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::schedules::PreviewRequest;
use goalwright_application::tasks::Ending;
use goalwright_domain::goal::{DraftGoal, GoalEdit, GoalId, GoalStatus};
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::{TaskEdit, TaskId};
use goalwright_testkit::{Backend, TestApp};
use serde_json::{Value, json};

use crate::work::{Log, new_task};

/// A schedule for every task, none of them due, and slots that fired.
pub(crate) async fn fill(app: &TestApp, backend: Backend) {
    let new_id = match backend {
        Backend::Sqlite => "randomblob(16)",
        Backend::Postgres => "gen_random_uuid()",
    };
    for statement in [
        "INSERT INTO task_schedules (task_id, workspace_id, considered_at, next_at, wake_at)
         SELECT id, workspace_id, created_at, '2090-01-01T00:00:00+00:00', '2090-01-01T00:00:00+00:00' FROM tasks",
        "INSERT INTO task_slots (task_id, workspace_id, nominal, fold, slot_at, status, run_id, created_at)
         SELECT id, workspace_id, '2026-01-0' || n || 'T09:00:00', 0, created_at, 'fired', {new}, created_at
         FROM tasks, (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS more",
    ] {
        app.db.execute(&statement.replace("{new}", new_id)).await.expect("inserts");
    }
}

fn hourly(overlap: &str) -> Schedule {
    let value: Value =
        json!({"frequency": "hourly", "overlap": overlap, "misfire": "all", "misfire_window": 86_400});
    Schedule::read(&value, "schedule").expect("a schedule")
}

async fn make(app: &TestApp, goal: GoalId, overlap: &str) -> TaskId {
    let mut new = new_task(&format!("Recurs, {overlap}"), Some(goal));
    new.draft.schedule = Some(hourly(overlap));
    app.services.tasks.create(&app.ada, new).await.expect("made").state.id
}

/// Sends every statement of these use cases.
pub(crate) async fn all(app: &TestApp, log: &mut Log) {
    let services = &app.services;
    let draft = DraftGoal { title: "Recurring".into(), ..DraftGoal::default() };
    let goal = services.goals.create(&app.ada, draft).await.expect("made").state.id;
    log.record.take();
    let mut ids = Vec::new();
    for overlap in ["skip", "queue", "allow", "cancel_previous"] {
        ids.push(make(app, goal, overlap).await);
        log.note("make a task that recurs");
    }
    let request = PreviewRequest { from: None, limit: 3 };
    services.schedules.preview(&app.ada, ids[0], &request).await.expect("there");
    log.note("preview a schedule");
    services.schedules.tick().await.expect("ticks");
    log.note("look whether something is due");
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(3_600));
        services.schedules.tick().await.expect("ticks");
        log.note("fire, queue, skip and give up");
    }
    services.tasks.end(&app.ada, ids[1], Ending::Cancelled, "").await.expect("ends");
    app.clock.advance(Duration::from_secs(3_600));
    log.record.take();
    services.schedules.tick().await.expect("ticks");
    log.note("drop what waits");
    for schedule in [Some(hourly("queue")), None] {
        let edit = TaskEdit { schedule: Some(schedule), ..TaskEdit::default() };
        services.tasks.edit(&app.ada, ids[0], edit, &Precondition::Any).await.expect("changes");
        log.note("change a schedule");
    }
    let words = TaskEdit { description: Some("Again.".into()), ..TaskEdit::default() };
    services.tasks.edit(&app.ada, ids[2], words, &Precondition::Any).await.expect("changes");
    log.note("change a task that recurs");
    services.schedules.set_aside(&app.ada, ids[2]).await.expect("reads");
    log.note("why a schedule is not looked after");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let now = app.ports.clock.now();
    unit.schedules().lock_of_goal(goal).await.expect("locks");
    unit.schedules().due(now, 100).await.expect("reads");
    unit.schedules().lock_due(now, 100, Some(&ids)).await.expect("locks");
    unit.schedules().set_aside(ids[2], "it never works", now).await.expect("is set aside");
    drop(unit);
    log.note("set a schedule aside");
    for status in [GoalStatus::Abandoned, GoalStatus::Active] {
        let edit = GoalEdit { status: Some(status), ..GoalEdit::default() };
        services.goals.edit(&app.ada, goal, edit, &Precondition::Any).await.expect("changes");
        log.note("pause and go on");
    }
}
