//! Tasks that wait for each other in a circle, should there ever be some.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use goalwright_application::Error;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

/// The way from the task back to itself, level by level.
pub(crate) async fn cycle_through(
    reader: &Reader,
    workspace: WorkspaceId,
    id: TaskId,
) -> Result<Vec<TaskId>, Error> {
    let mut from: HashMap<TaskId, TaskId> = HashMap::new();
    let mut level = vec![id];
    while !level.is_empty() {
        let sql = reader
            .sql("SELECT task_id, depends_on_task_id FROM task_dependencies WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND task_id")
            .one_of(level.iter().map(|id| id.uuid()));
        level = Vec::new();
        for row in &reader.all(sql).await? {
            let row = Row::of("task_dependencies", row);
            let (waits, waited_for): (TaskId, TaskId) = (row.id("task_id")?, row.id("depends_on_task_id")?);
            if waited_for == id {
                let mut way = vec![waits];
                while let Some(before) = from.get(way.last().unwrap_or(&id)) {
                    way.push(*before);
                }
                way.reverse();
                return Ok(way);
            }
            if let Entry::Vacant(unseen) = from.entry(waited_for) {
                unseen.insert(waits);
                level.push(waited_for);
            }
        }
    }
    Ok(Vec::new())
}
