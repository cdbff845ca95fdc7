//! Tasks as they are compared with what their events tell.

use std::collections::HashMap;

use goalwright_application::Error;
use goalwright_domain::ledger::Stored;
use goalwright_domain::task::{Dependency, Origin, Task, TaskId};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

use super::{from_row, select};
use crate::persistence::moment::Moment;
use crate::persistence::row::Row;

/// The next rows behind this id, by id, with what each waits for.
pub(crate) async fn next(
    moment: &Moment,
    workspace: WorkspaceId,
    after: Option<Uuid>,
    most: usize,
) -> Result<Vec<(Uuid, Stored)>, Error> {
    let rows = moment.all(moment.sql(&select()).behind_id(workspace, after, most)).await?;
    let tasks = rows.iter().map(from_row).collect::<Result<Vec<Task>, _>>()?;
    let sql = moment
        .sql("SELECT task_id, depends_on_task_id, origin FROM task_dependencies WHERE task_id")
        .one_of(tasks.iter().map(|task| task.id().uuid()))
        .text(" ORDER BY task_id, depends_on_task_id");
    let mut edges: HashMap<TaskId, Vec<Dependency>> = HashMap::new();
    for row in &moment.all(sql).await? {
        let row = Row::of("task_dependencies", row);
        let edge =
            Dependency { task_id: row.id("depends_on_task_id")?, origin: row.word("origin", Origin::parse)? };
        edges.entry(row.id("task_id")?).or_default().push(edge);
    }
    let stored = |task: Task| {
        let mut state = json!(task.state()).as_object().cloned().unwrap_or_default();
        state.insert("depends_on".to_owned(), json!(edges.remove(&task.id()).unwrap_or_default()));
        let (revision, updated_at) = (task.revision(), task.updated_at());
        (task.id().uuid(), Stored { state, revision, updated_at })
    };
    Ok(tasks.into_iter().map(stored).collect())
}
