//! Experiences by their words and by their links. A search costs what its own tenant has of them, as that of tasks does, and
//! looks at a bounded number of matches for one page where other filters narrow it.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{Link, LinkKind, Named, PageRequest, Search};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{COLUMNS, from_row};
use crate::persistence::looking::LOOKED_AT;
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, bad_cursor, page_rows};
use crate::persistence::words;

pub(crate) async fn has_unread(reader: &Reader) -> Result<bool, Error> {
    Ok(reader.one(reader.sql("SELECT n FROM experience_unread WHERE n > 0 LIMIT 1")).await?.is_some())
}

/// The experiences of the workspace whose words match, as `e`, with their documents as `d`; conditions may follow.
pub(super) fn matching(reader: &Reader, workspace: WorkspaceId, search: &Search, all: bool) -> Sql {
    let columns = COLUMNS.map(|column| format!("e.{column}")).join(", ");
    let sql = reader.sql(&format!("SELECT {columns} FROM "));
    match sql.dialect {
        Dialect::Postgres => documents(sql, workspace, search, all)
            .text(" JOIN experiences e ON e.id = d.experience_id WHERE e.workspace_id = ")
            .bind(workspace.uuid()),
        Dialect::Sqlite => sql
            .text(
                "experience_words CROSS JOIN experience_documents d ON d.document = experience_words.rowid \
                 CROSS JOIN experiences e ON e.id = d.experience_id WHERE experience_words MATCH ",
            )
            .bind(words::sqlite(workspace, search, all))
            .text(" AND e.workspace_id = ")
            .bind(workspace.uuid()),
    }
}

/// The document's number, in the words of the index.
const fn number(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "d.document",
        Dialect::Sqlite => "experience_words.rowid",
    }
}

/// The last of the matches that are looked at for a page.
pub(super) struct Last {
    /// The experience.
    pub(super) id: String,
    /// Its document.
    document: i64,
}

/// Where a page has to end because enough matches were looked at, if there are so many. Asked for where other filters may let
/// hardly any of them through.
pub(super) async fn last(
    reader: &Reader,
    workspace: WorkspaceId,
    search: &Search,
    after: Option<i64>,
) -> Result<Option<Last>, Error> {
    let sql = reader.sql("SELECT d.document, d.experience_id FROM ");
    let sql = match sql.dialect {
        Dialect::Postgres => {
            let sql = documents(sql, workspace, search, true).text(" WHERE d.document > 0");
            further(sql, after).text(" ORDER BY d.document DESC LIMIT 1 OFFSET ").bind(LOOKED_AT - 1)
        }
        Dialect::Sqlite => {
            let sql = sql
                .text(
                    "experience_documents d WHERE d.document = \
                     (SELECT experience_words.rowid FROM experience_words WHERE experience_words MATCH ",
                )
                .bind(words::sqlite(workspace, search, true));
            further(sql, after)
                .text(" ORDER BY experience_words.rowid DESC LIMIT 1 OFFSET ")
                .bind(LOOKED_AT - 1)
                .text(")")
        }
    };
    let read = |row: QueryResult| -> Result<Last, StorageError> {
        let row = Row::of("experience_documents", &row);
        Ok(Last { id: row.text("experience_id")?, document: row.get("document")? })
    };
    Ok(reader.one(sql).await?.map(read).transpose()?)
}

/// The documents that match, as `d`, on PostgreSQL.
fn documents(sql: Sql, workspace: WorkspaceId, search: &Search, all: bool) -> Sql {
    sql.text("(SELECT document, experience_id FROM experience_documents WHERE words @@ ((")
        .text("to_tsquery('simple', ")
        .bind(words::postgres(search, all))
        .text(")) && CAST(")
        .bind(format!("'workspace:{workspace}'"))
        // The planner does not know how rare the beginning of a word is; so a search costs what it finds.
        .text(" AS TSQUERY)) OFFSET 0) AS d")
}

/// The document of the experience that the cursor names.
///
/// # Errors
/// It is gone: nobody knows any more what comes behind it.
pub(super) async fn behind(
    reader: &Reader,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Option<i64>, Error> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let sql = reader
        .sql("SELECT p.document FROM experience_documents p WHERE p.experience_id = ")
        .bind(cursor.0.as_str())
        .text(" AND p.workspace_id = ")
        .bind(workspace.uuid());
    let row = reader.one(sql).await?.ok_or_else(bad_cursor)?;
    Ok(Some(Row::of("experience_documents", &row).get("document")?))
}

/// Only what comes behind this document.
fn further(sql: Sql, behind: Option<i64>) -> Sql {
    let Some(document) = behind else { return sql };
    let number = number(sql.dialect);
    sql.text(&format!(" AND {number} < ")).bind(document)
}

/// The rest of a list: behind a document and down to the last one that is looked at, newest first.
pub(super) fn newest_first(sql: Sql, page: &PageRequest, after: Option<i64>, last: Option<&Last>) -> Sql {
    let document = number(sql.dialect);
    let sql = further(sql, after);
    let sql = match last {
        None => sql,
        Some(last) => sql.text(&format!(" AND {document} >= ")).bind(last.document),
    };
    sql.text(&format!(" ORDER BY {document} DESC LIMIT ")).bind(page_rows(page))
}

/// The experience that is read next.
pub(crate) async fn next_unread(reader: &Reader) -> Result<Option<String>, Error> {
    let sql = reader.sql("SELECT experience_id FROM experience_unread WHERE n > 0 ORDER BY n LIMIT 1");
    let row = reader.one(sql).await?;
    Ok(row.map(|row| Row::of("experience_unread", &row).text("experience_id")).transpose()?)
}

pub(crate) async fn with_words(
    reader: &Reader,
    workspace: WorkspaceId,
    search: &Search,
    all: bool,
    kind: Option<ExperienceType>,
    most: u64,
) -> Result<Vec<Experience>, Error> {
    let mut sql = matching(reader, workspace, search, all);
    if let Some(kind) = kind {
        sql = sql.text(" AND e.type = ").bind(kind.as_str());
    }
    let document = number(sql.dialect);
    let sql =
        sql.text(&format!(" ORDER BY {document} DESC LIMIT ")).bind(i64::try_from(most).unwrap_or(i64::MAX));
    experiences(reader, sql).await
}

pub(crate) async fn of_ids(
    reader: &Reader,
    workspace: WorkspaceId,
    ids: &[String],
) -> Result<Vec<Experience>, Error> {
    let sql = reader
        .sql(&format!("SELECT {} FROM experiences", COLUMNS.join(", ")))
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id")
        .one_of_words(ids.iter().map(String::as_str));
    experiences(reader, sql).await
}

async fn experiences(reader: &Reader, sql: Sql) -> Result<Vec<Experience>, Error> {
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(from_row).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn links_to(
    reader: &Reader,
    workspace: WorkspaceId,
    ids: &[String],
    most: u64,
) -> Result<Vec<Link>, Error> {
    let sql = reader
        .sql("SELECT from_id, to_id, kind FROM experience_links WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND to_id")
        .one_of_words(ids.iter().map(String::as_str))
        .text(" LIMIT ")
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
    let read = |row| {
        let row = Row::of("experience_links", row);
        let kind = row.word("kind", LinkKind::parse)?;
        Ok(Link { from: row.text("from_id")?, to: row.text("to_id")?, kind })
    };
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn named(
    reader: &Reader,
    workspace: WorkspaceId,
    ids: &[Uuid],
) -> Result<Vec<Named>, Error> {
    let mut found = Vec::new();
    for (what, table) in [("goal", "goals"), ("task", "tasks")] {
        let sql = reader
            .sql(&format!("SELECT id, title, status FROM {table} WHERE workspace_id = "))
            .bind(workspace.uuid())
            .text(" AND id")
            .one_of(ids.iter().copied());
        for row in &reader.all(sql).await? {
            let row = Row::of(table, row);
            let (title, status) = (row.text("title")?, row.text("status")?);
            found.push(Named { id: row.get("id")?, what, title, status });
        }
    }
    Ok(found)
}
