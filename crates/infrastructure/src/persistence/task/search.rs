//! Tasks by their words. A search costs what its own tenant has of them: SQLite goes from match to match, newest first, as
//! far as a page needs; PostgreSQL finds all matches and sorts them. Where other filters narrow it, a bounded number of
//! matches is looked at for one page.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{PageRequest, Search};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use super::COLUMNS;
use crate::persistence::looking::LOOKED_AT;
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, bad_cursor, page_rows};
use crate::persistence::words;

/// The last of the matches that are looked at for a page.
pub(super) struct Last {
    /// The task.
    pub(super) id: Uuid,
    /// Where the index has it: under its number on SQLite.
    number: Value,
}

/// The tasks of the workspace that match, down to the last one that is looked at; conditions may follow.
pub(super) fn matching(
    reader: &Reader,
    workspace: WorkspaceId,
    search: &Search,
    page: &PageRequest,
    last: Option<&Last>,
) -> Result<Sql, Error> {
    let columns = COLUMNS.map(|column| format!("tasks.{column}")).join(", ");
    let sql = reader.sql(&format!("SELECT {columns} FROM "));
    let down_to = |sql: Sql, number: &str| match last {
        None => sql,
        Some(last) => sql.text(&format!(" AND {number} >= ")).bind(last.number.clone()),
    };
    Ok(match sql.dialect {
        Dialect::Postgres => {
            let sql = sql.text("(SELECT t.* FROM (SELECT w.task_id FROM task_words w WHERE ");
            let sql = asked(sql, workspace, search)
                .text(" OFFSET 0) AS w JOIN tasks t ON t.id = w.task_id WHERE w.task_id IS NOT NULL");
            down_to(behind(sql, page)?, "w.task_id")
                .text(" OFFSET 0) AS tasks WHERE workspace_id = ")
                .bind(workspace.uuid())
        }
        Dialect::Sqlite => {
            let sql = sql
                .text(
                    "task_words CROSS JOIN task_documents ON task_documents.document = task_words.rowid \
                     CROSS JOIN tasks ON tasks.id = task_documents.task_id WHERE task_words MATCH ",
                )
                .bind(words::sqlite(workspace, search, true))
                .text(" AND tasks.workspace_id = ")
                .bind(workspace.uuid());
            down_to(behind(sql, page)?, "task_words.rowid")
        }
    })
}

/// Where a page has to end because enough matches were looked at, if there are so many. Asked for where other filters may let
/// hardly any of them through.
pub(super) async fn last(
    reader: &Reader,
    workspace: WorkspaceId,
    search: &Search,
    page: &PageRequest,
) -> Result<Option<Last>, Error> {
    let sql = reader.sql("SELECT id, number FROM ");
    let sql = match sql.dialect {
        Dialect::Postgres => {
            let sql =
                sql.text("(SELECT w.task_id, w.task_id AS id, w.task_id AS number FROM task_words w WHERE ");
            let sql = asked(sql, workspace, search).text(" OFFSET 0) AS w WHERE w.id IS NOT NULL");
            behind(sql, page)?.text(" ORDER BY w.id DESC LIMIT 1 OFFSET ").bind(LOOKED_AT - 1)
        }
        Dialect::Sqlite => {
            let sql = sql
                .text(
                    "(SELECT task_id AS id, document AS number FROM task_documents WHERE document = \
                     (SELECT task_words.rowid FROM task_words WHERE task_words MATCH ",
                )
                .bind(words::sqlite(workspace, search, true));
            behind(sql, page)?
                .text(" ORDER BY task_words.rowid DESC LIMIT 1 OFFSET ")
                .bind(LOOKED_AT - 1)
                .text(")) AS looked")
        }
    };
    let dialect = sql.dialect;
    let read = |row: QueryResult| -> Result<Last, StorageError> {
        let row = Row::of("tasks", &row);
        let id: Uuid = row.get("id")?;
        let number = match dialect {
            Dialect::Postgres => id.into(),
            Dialect::Sqlite => row.get::<i64>("number")?.into(),
        };
        Ok(Last { id, number })
    };
    Ok(reader.one(sql).await?.map(read).transpose()?)
}

/// What is asked of `w`, on PostgreSQL. The planner does not know how rare the beginning of a word is. Left alone it may go
/// through all tasks of the workspace in the order of the list; so whoever asks does it apart, and a search costs what it
/// finds.
fn asked(sql: Sql, workspace: WorkspaceId, search: &Search) -> Sql {
    sql.text("w.words @@ (to_tsquery('simple', ")
        .bind(words::postgres(search, true))
        .text(") && CAST(")
        .bind(format!("'workspace:{workspace}'"))
        .text(" AS TSQUERY))")
}

/// Only what comes behind the cursor.
fn behind(sql: Sql, page: &PageRequest) -> Result<Sql, Error> {
    let Some(cursor) = &page.after else { return Ok(sql) };
    let id: Uuid = cursor.0.parse().map_err(|_| bad_cursor())?;
    Ok(match sql.dialect {
        Dialect::Postgres => sql.text(" AND w.task_id < ").bind(id),
        // The task itself may be gone since the page before.
        Dialect::Sqlite => sql
            .text(" AND task_words.rowid < coalesce((SELECT document FROM task_documents WHERE task_id = ")
            .bind(id)
            .text("), (SELECT document + 1 FROM task_documents WHERE task_id < ")
            .bind(id)
            .text(" ORDER BY task_id DESC LIMIT 1), 0)"),
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
