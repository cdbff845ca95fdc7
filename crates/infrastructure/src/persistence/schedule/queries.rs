use std::collections::HashMap;

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::SetAside;
use goalwright_domain::Timestamp;
use goalwright_domain::task::TaskId;
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::time;

pub(crate) async fn any_due(reader: &Reader, now: Timestamp) -> Result<bool, Error> {
    let sql = reader
        .sql("SELECT 1 AS due FROM task_schedules WHERE wake_at <= ")
        .bind(time(now))
        .text(" ORDER BY wake_at, task_id LIMIT 1");
    Ok(reader.one(sql).await?.is_some())
}

/// Why the task's schedule is not looked after, and since when; none if it is.
pub(crate) async fn set_aside(reader: &Reader, task: TaskId) -> Result<Option<SetAside>, Error> {
    let sql = reader
        .sql("SELECT set_aside_at, set_aside_reason FROM task_schedules WHERE set_aside_at IS NOT NULL AND task_id = ")
        .bind(task.uuid());
    let row = reader.one(sql).await?;
    let told = |row: &QueryResult| -> Result<SetAside, StorageError> {
        let row = Row::of("task_schedules", row);
        Ok(SetAside { at: row.time("set_aside_at")?, reason: row.text("set_aside_reason")? })
    };
    Ok(row.as_ref().map(told).transpose()?)
}

/// The next slots of these tasks.
pub(crate) async fn next_of(
    reader: &Reader,
    tasks: &[TaskId],
) -> Result<HashMap<TaskId, Option<Timestamp>>, Error> {
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = reader
        .sql("SELECT task_id, next_at FROM task_schedules WHERE task_id")
        .one_of(tasks.iter().map(|id| id.uuid()));
    let rows = reader.all(sql).await?;
    let mut next = HashMap::new();
    for row in &rows {
        let row = Row::of("task_schedules", row);
        next.insert(row.id("task_id")?, row.time_or_none("next_at")?);
    }
    Ok(next)
}
