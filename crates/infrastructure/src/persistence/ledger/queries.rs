use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{EventFilter, EventView, Page, PageRequest};
use goalwright_domain::workspace::{Actor, ActorKind, WorkspaceId};
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{bad_cursor, page_rows};

const SELECT: &str = "SELECT id, position, workspace_id, entity_type, entity_id, event_type, actor_type, actor_id, \
                      changes, metadata, trace_id, created_at, redacted_by FROM events";

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<EventView>, Error> {
    let mut sql = reader.sql(SELECT).text(" WHERE workspace_id = ").bind(workspace.uuid());
    let words = [
        (" AND entity_type = ", &filter.entity_type),
        (" AND entity_id = ", &filter.entity_id),
        (" AND event_type = ", &filter.event_type),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            sql = sql.text(condition).bind(word.as_str());
        }
    }
    if let Some(trace) = filter.trace_id {
        sql = sql.text(" AND trace_id = ").bind(trace);
    }
    // One bound of the position, not two: SQLite would prefer an index with two of them to one that has the filter.
    sql = match &page.after {
        Some(cursor) => {
            let position: i64 = cursor.0.parse().map_err(|_| bad_cursor())?;
            sql.text(" AND position < ").bind(position)
        }
        None => sql.text(" AND position IS NOT NULL"),
    };
    let sql = sql.text(" ORDER BY position DESC LIMIT ").bind(page_rows(page));
    let rows = reader.all(sql).await?;
    let events: Vec<EventView> = rows.iter().map(view).collect::<Result<_, StorageError>>()?;
    Ok(Page::cut(events, page.limit, |event| event.position.to_string()))
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
