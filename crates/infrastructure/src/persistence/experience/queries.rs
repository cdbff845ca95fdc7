use std::collections::{BTreeSet, HashMap, HashSet};

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{Cursor, ExperienceFilter, Page, PageRequest};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{COLUMNS, Followed, from_row, records};
use crate::persistence::looking::{Found, Key, Looking, ended_at};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{bad_cursor, batches, page_rows};

fn select() -> String {
    format!("SELECT {} FROM experiences", COLUMNS.join(", "))
}

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: &str,
) -> Result<Option<Experience>, Error> {
    let sql = reader
        .sql(&select())
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id = ")
        .bind(id);
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &ExperienceFilter,
    page: &PageRequest,
) -> Result<Page<Experience>, Error> {
    let keys = keys(filter);
    if filter.search.is_none() && keys.len() > 1 {
        return looked_for(reader, workspace, keys, page).await;
    }
    let mut sql = match &filter.search {
        None => {
            let columns = COLUMNS.map(|column| format!("e.{column}")).join(", ");
            let sql = reader.sql(&format!("SELECT {columns} FROM experiences e"));
            sql.text(" WHERE e.workspace_id = ").bind(workspace.uuid())
        }
        Some(search) => records::matching(reader, workspace, search, true),
    };
    let words = [
        (" AND e.type = ", filter.kind.map(|kind| kind.as_str().to_owned())),
        (" AND e.task_id = ", filter.task_id.clone()),
        (" AND e.task_slug = ", filter.task_slug.clone()),
        (" AND e.trace_id = ", filter.trace_id.clone()),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            sql = sql.text(condition).bind(word);
        }
    }
    if let Some(search) = &filter.search {
        let behind = records::behind(reader, workspace, page).await?;
        let last = match keys.is_empty() {
            true => None,
            false => records::last(reader, workspace, search, behind).await?,
        };
        let sql = records::newest_first(sql, page, behind, last.as_ref());
        let rows = reader.all(sql).await?;
        let experiences: Vec<Experience> = rows.iter().map(from_row).collect::<Result<_, StorageError>>()?;
        let mut found = Page::cut(experiences, page.limit, |experience| experience.id.clone());
        found.next = found.next.or(last.map(|last| Cursor(last.id)));
        return Ok(found);
    }
    if let Some(cursor) = &page.after {
        let (ts, id) = place(cursor)?;
        // Row values compare like the index: first by time, then by id.
        sql = sql.text(" AND (e.ts, e.id) < (").bind(ts).text(", ").bind(id).text(")");
    }
    let sql = sql.text(" ORDER BY e.ts DESC, e.id DESC LIMIT ").bind(page_rows(page));
    let rows = reader.all(sql).await?;
    let experiences: Vec<Experience> = rows.iter().map(from_row).collect::<Result<_, StorageError>>()?;
    Ok(Page::cut(experiences, page.limit, |experience| format!("{},{}", experience.ts, experience.id)))
}

/// When an experience was, and its id.
fn place(cursor: &Cursor) -> Result<(f64, &str), Error> {
    let (ts, id) = cursor.0.split_once(',').ok_or_else(bad_cursor)?;
    Ok((ts.parse().map_err(|_| bad_cursor())?, id))
}

/// What there are indexes for: a trace has few, a type may have any number.
fn keys(filter: &ExperienceFilter) -> Vec<Key> {
    let kind = filter.kind.map(|kind| kind.as_str().to_owned());
    let words = [
        ("trace_id", filter.trace_id.clone()),
        ("task_id", filter.task_id.clone()),
        ("task_slug", filter.task_slug.clone()),
        ("type", kind),
    ];
    words.into_iter().filter_map(|(column, word)| word.map(|word| vec![(column, word.into())])).collect()
}

async fn looked_for(
    reader: &Reader,
    workspace: WorkspaceId,
    keys: Vec<Key>,
    page: &PageRequest,
) -> Result<Page<Experience>, Error> {
    let behind = page.after.as_ref().map(place).transpose()?;
    let looking = Looking {
        reader,
        workspace,
        table: "experiences",
        columns: &COLUMNS,
        order: &["ts", "id"],
        behind: behind.map(|(ts, id)| vec![ts.into(), id.into()]),
        cursor: &["ts", "id"],
        within: Vec::new(),
        keys,
    };
    let Found { rows, end } = looking.find(page_rows(page)).await?;
    let experiences: Vec<Experience> = rows.iter().map(from_row).collect::<Result<_, StorageError>>()?;
    let mut found =
        Page::cut(experiences, page.limit, |experience| format!("{},{}", experience.ts, experience.id));
    let end = ended_at(end.as_ref(), "experiences", |row| {
        Ok(format!("{},{}", row.get::<f64>("ts")?, row.text("id")?))
    })?;
    found.next = found.next.or(end.map(Cursor));
    Ok(found)
}

/// Those of these ids that there are.
pub(crate) async fn known(
    reader: &Reader,
    workspace: WorkspaceId,
    ids: &[String],
) -> Result<HashSet<String>, Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = reader
        .sql("SELECT id FROM experiences WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id")
        .one_of_words(ids.iter().map(String::as_str));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(|row| Row::of("experiences", row).text("id")).collect::<Result<_, StorageError>>()?)
}

/// The ids of those that have these idempotency keys.
pub(crate) async fn known_keys(reader: &Reader, keys: &[String]) -> Result<HashMap<String, String>, Error> {
    let mut known = HashMap::new();
    for batch in batches(keys) {
        let sql = reader
            .sql("SELECT idempotency_key, id FROM experiences WHERE idempotency_key")
            .one_of_words(batch.iter().map(String::as_str));
        for row in &reader.all(sql).await? {
            let row = Row::of("experiences", row);
            known.insert(row.text("idempotency_key")?, row.text("id")?);
        }
    }
    Ok(known)
}

/// Up to so many events of a workspace behind a position: the position of the last one, and the records of the
/// executions that these events tell of.
pub(crate) async fn executions_behind(
    reader: &Reader,
    workspace: WorkspaceId,
    position: i64,
    events: u64,
) -> Result<Option<Followed>, Error> {
    let sql = reader
        .sql("SELECT position, trace_id FROM events WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND position > ")
        .bind(position)
        .text(" ORDER BY position LIMIT ")
        .bind(i64::try_from(events).unwrap_or(i64::MAX));
    let rows = reader.all(sql).await?;
    let (mut last, mut traces) = (None, BTreeSet::new());
    for row in &rows {
        let row = Row::of("events", row);
        last = Some(row.get("position")?);
        let trace: Option<Uuid> = row.get("trace_id")?;
        traces.extend(trace.map(|trace| trace.to_string()));
    }
    let Some(last) = last else { return Ok(None) };
    let traces: Vec<String> = traces.into_iter().collect();
    let mut executions = Vec::new();
    for batch in batches(&traces) {
        let sql = reader
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND type = ")
            .bind(ExperienceType::TaskExecution.as_str())
            .text(" AND trace_id")
            .one_of_words(batch.iter().map(String::as_str));
        for row in &reader.all(sql).await? {
            executions.push(from_row(row)?);
        }
    }
    Ok(Some(Followed { last, executions }))
}

/// Every workspace that has events, with the position of its last one.
pub(crate) async fn ends_of_ledgers(reader: &Reader) -> Result<Vec<(WorkspaceId, i64)>, Error> {
    let rows = reader.all(reader.sql("SELECT workspace_id, position FROM ledger_heads")).await?;
    let end = |row: &QueryResult| {
        let row = Row::of("ledger_heads", row);
        Ok((row.id("workspace_id")?, row.get("position")?))
    };
    Ok(rows.iter().map(end).collect::<Result<_, StorageError>>()?)
}
