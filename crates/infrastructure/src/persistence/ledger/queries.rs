use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{Cursor, EventFilter, EventView, Page, PageRequest};
use goalwright_domain::workspace::{Actor, ActorKind, WorkspaceId};
use sea_orm::{QueryResult, Value};

use crate::persistence::looking::{Found, Key, Looking, ended_at};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{bad_cursor, page_rows};

const COLUMNS: [&str; 13] = [
    "id",
    "position",
    "workspace_id",
    "entity_type",
    "entity_id",
    "event_type",
    "actor_type",
    "actor_id",
    "changes",
    "metadata",
    "trace_id",
    "created_at",
    "redacted_by",
];

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<EventView>, Error> {
    // Where a page begins is one bound of the position, not two: SQLite would prefer an index with two of them to one
    // that has the filter.
    let behind: i64 = match &page.after {
        Some(cursor) => cursor.0.parse().map_err(|_| bad_cursor())?,
        None => i64::MAX,
    };
    let keys = keys(filter);
    if keys.len() > 1 {
        return looked_for(reader, workspace, keys, behind, page).await;
    }
    let select = format!("SELECT {} FROM events WHERE workspace_id = ", COLUMNS.join(", "));
    let mut sql = reader.sql(&select).bind(workspace.uuid());
    for (column, value) in keys.into_iter().flatten() {
        sql = sql.text(&format!(" AND {column} = ")).bind(value);
    }
    let sql = sql.text(" AND position < ").bind(behind);
    let sql = sql.text(" ORDER BY position DESC LIMIT ").bind(page_rows(page));
    let rows = reader.all(sql).await?;
    let events: Vec<EventView> = rows.iter().map(view).collect::<Result<_, StorageError>>()?;
    Ok(Page::cut(events, page.limit, |event| event.position.to_string()))
}

/// What there are indexes for: an entity has few, and a trace; a type may have any number.
fn keys(filter: &EventFilter) -> Vec<Key> {
    let word = |word: &Option<String>| word.as_deref().map(Value::from);
    let values = [
        ("entity_id", word(&filter.entity_id)),
        ("trace_id", filter.trace_id.map(Value::from)),
        ("event_type", word(&filter.event_type)),
        ("entity_type", word(&filter.entity_type)),
    ];
    values.into_iter().filter_map(|(column, value)| value.map(|value| vec![(column, value)])).collect()
}

async fn looked_for(
    reader: &Reader,
    workspace: WorkspaceId,
    keys: Vec<Key>,
    behind: i64,
    page: &PageRequest,
) -> Result<Page<EventView>, Error> {
    let looking = Looking {
        reader,
        workspace,
        table: "events",
        columns: &COLUMNS,
        order: &["position"],
        behind: Some(vec![behind.into()]),
        cursor: &["position"],
        within: Vec::new(),
        keys,
    };
    let Found { rows, end } = looking.find(page_rows(page)).await?;
    let events: Vec<EventView> = rows.iter().map(view).collect::<Result<_, StorageError>>()?;
    let mut found = Page::cut(events, page.limit, |event| event.position.to_string());
    let end = ended_at(end.as_ref(), "events", |row| row.get::<i64>("position"))?;
    found.next = found.next.or(end.map(|position| Cursor(position.to_string())));
    Ok(found)
}

fn view(row: &QueryResult) -> Result<EventView, StorageError> {
    let row = Row::of("events", row);
    let kind = |text: &str| {
        [ActorKind::User, ActorKind::Agent, ActorKind::System].into_iter().find(|kind| kind.as_str() == text)
    };
    Ok(EventView {
        id: row.get("id")?,
        position: row.get("position")?,
        workspace_id: row.id("workspace_id")?,
        entity_type: row.text("entity_type")?,
        entity_id: row.text("entity_id")?,
        event_type: row.text("event_type")?,
        actor: Actor { kind: row.word("actor_type", kind)?, id: row.text("actor_id")?, api_key: None },
        changes: row.get("changes")?,
        metadata: row.get("metadata")?,
        trace_id: row.get("trace_id")?,
        created_at: row.time("created_at")?,
        redacted_by: row.get("redacted_by")?,
    })
}
