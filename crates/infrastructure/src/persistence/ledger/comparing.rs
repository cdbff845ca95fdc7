//! What rows are compared with.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{Place, Source};
use goalwright_domain::ledger::{Entity, Telling};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::past::telling_of;
use crate::persistence::moment::Moment;
use crate::persistence::row::Row;
use crate::persistence::sql::Sql;

/// Where events stand that have no position yet: behind all that have one, in the order in which they were appended.
const UNPLACED: &str = "4611686018427387904 + seq";

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The next entities that events, or snapshots, tell of.
pub(crate) async fn told_of(
    moment: &Moment,
    workspace: WorkspaceId,
    entity: Entity,
    (by, after): (Source, &str),
    most: usize,
) -> Result<Vec<String>, Error> {
    let index = moment.dialect.reading("ix_events_entity");
    let of = match by {
        Source::Events => {
            format!(
                "SELECT DISTINCT entity_id FROM events{index} WHERE position IS NOT NULL AND workspace_id = "
            )
        }
        Source::Snapshots => "SELECT entity_id FROM ledger_snapshots WHERE workspace_id = ".to_owned(),
    };
    let sql = moment
        .sql(&of)
        .bind(workspace.uuid())
        .text(" AND entity_type = ")
        .bind(entity.as_str())
        .text(" AND entity_id > ")
        .bind(after)
        .text(" ORDER BY entity_id LIMIT ")
        .bind(limit(most));
    let rows = moment.all(sql).await?;
    let read = |row: &QueryResult| Row::of("events", row).text("entity_id");
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn with_row(
    moment: &Moment,
    workspace: WorkspaceId,
    entity: Entity,
    ids: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let table = match entity {
        Entity::Goal => "goals",
        Entity::Task => "tasks",
        Entity::Agent => "agents",
    };
    let sql = moment
        .sql(&format!("SELECT id FROM {table} WHERE workspace_id = "))
        .bind(workspace.uuid())
        .text(" AND id")
        .one_of(ids.iter().copied());
    let rows = moment.all(sql).await?;
    Ok(rows.iter().map(|row| Row::of(table, row).get("id")).collect::<Result<_, StorageError>>()?)
}

/// The next tellings of these entities, entity by entity, each with its oldest first.
pub(crate) async fn all_told(
    moment: &Moment,
    workspace: WorkspaceId,
    (entity, ids): (Entity, &[String]),
    after: Option<&Place>,
    most: usize,
) -> Result<Vec<(Place, Telling)>, Error> {
    let (behind, number) = after.map_or(("", 0), |place| (place.entity_id.as_str(), place.number));
    // Each half has an index of its own.
    let half = |sql: Sql, order: &str, (placed, index): (&str, &str)| {
        let index = moment.dialect.reading(index);
        sql.text(&format!(
            "SELECT {order} AS number, entity_id, event_type, CAST(changes AS TEXT) AS changes, created_at \
             FROM events{index} WHERE {placed} AND workspace_id = "
        ))
        .bind(workspace.uuid())
        .text(" AND entity_type = ")
        .bind(entity.as_str())
        .text(" AND entity_id")
        .one_of_words(ids.iter().map(String::as_str))
        .text(&format!(" AND (entity_id, {order}) > ("))
        .bind(behind)
        .text(", ")
        .bind(number)
        .text(")")
    };
    let sql = half(moment.sql("SELECT * FROM ("), "position", ("position IS NOT NULL", "ix_events_entity"))
        .text(" UNION ALL ");
    let sql = half(sql, UNPLACED, ("position IS NULL", "ix_events_unplaced"))
        .text(") told ORDER BY entity_id, number LIMIT ")
        .bind(limit(most));
    let rows = moment.all(sql).await?;
    let read = |row: &QueryResult| {
        let telling = telling_of(row)?;
        let number = Row::of("events", row).get("number")?;
        Ok((Place { entity_id: telling.entity_id.clone(), number }, telling))
    };
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}
