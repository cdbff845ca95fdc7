//! Tasks by their words. A search costs what its own tenant has of them: SQLite goes from match to match, newest first, as
//! far as a page needs; PostgreSQL finds all matches and sorts them.

use goalwright_application::Error;
use goalwright_application::read::{PageRequest, Search};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::COLUMNS;
use crate::persistence::reader::Reader;
use crate::persistence::sql::{Dialect, Sql, bad_cursor, page_rows};
use crate::persistence::words;

/// The tasks of the workspace that match; conditions may follow.
pub(super) fn matching(
    reader: &Reader,
    workspace: WorkspaceId,
    search: &Search,
    page: &PageRequest,
) -> Result<Sql, Error> {
    let columns = COLUMNS.map(|column| format!("tasks.{column}")).join(", ");
    let sql = reader.sql(&format!("SELECT {columns} FROM "));
    Ok(match sql.dialect {
        Dialect::Postgres => sql
            .text("(SELECT t.* FROM task_words w JOIN tasks t ON t.id = w.task_id WHERE w.words @@ (to_tsquery('simple', ")
            .bind(words::postgres(search, true))
            .text(") && CAST(")
            .bind(format!("'workspace:{workspace}'"))
            // The planner does not know how rare the beginning of a word is. Left alone it may go through all tasks of the
            // workspace in the order of the list; so a search costs what it finds.
            .text(" AS TSQUERY)) OFFSET 0) AS tasks WHERE workspace_id = ")
            .bind(workspace.uuid()),
        Dialect::Sqlite => {
            let sql = sql
                .text(
                    "task_words CROSS JOIN task_documents ON task_documents.document = task_words.rowid \
                     CROSS JOIN tasks ON tasks.id = task_documents.task_id WHERE task_words MATCH ",
                )
                .bind(words::sqlite(workspace, search, true))
                .text(" AND tasks.workspace_id = ")
                .bind(workspace.uuid());
            match &page.after {
                None => sql,
                Some(cursor) => {
                    let id: Uuid = cursor.0.parse().map_err(|_| bad_cursor())?;
                    // The task itself may be gone since the page before.
                    sql.text(
                        " AND task_words.rowid < coalesce((SELECT document FROM task_documents WHERE task_id = ",
                    )
                    .bind(id)
                    .text("), (SELECT document + 1 FROM task_documents WHERE task_id < ")
                    .bind(id)
                    .text(" ORDER BY task_id DESC LIMIT 1), 0)")
                }
            }
        }
    })
}

/// The rest of the statement.
pub(super) fn newest_first(sql: Sql, page: &PageRequest) -> Result<Sql, Error> {
    match sql.dialect {
        Dialect::Postgres => sql.before_id(page),
        // Documents are numbered in the order in which tasks are made.
        Dialect::Sqlite => Ok(sql.text(" ORDER BY task_words.rowid DESC LIMIT ").bind(page_rows(page))),
    }
}
