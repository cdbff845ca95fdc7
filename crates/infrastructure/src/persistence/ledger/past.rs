//! What is left in the ledger of the past of entities.

use goalwright_application::Error;
use goalwright_application::planning::Touch;
use goalwright_application::ports::StorageError;
use goalwright_domain::Timestamp;
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::{Folded, Telling};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use serde_json::{Map, Value};

use crate::persistence::moment::Moment;
use crate::persistence::row::Row;
use crate::persistence::sql::{Sql, time};

/// The fields that progress is counted from, each as its change or nothing.
const STANDING: [&str; 5] = ["status", "goal_id", "agent_id", "waiting", "depends_on"];

/// What is left behind a checkpoint has a later position.
fn left(sql: Sql, workspace: WorkspaceId) -> Sql {
    sql.text(" AND position > coalesce((SELECT c.position FROM ledger_checkpoints c WHERE c.workspace_id = ")
        .bind(workspace.uuid())
        .text("), 0)")
}

pub(crate) async fn known_from(moment: &Moment, workspace: WorkspaceId) -> Result<Option<Timestamp>, Error> {
    let sql = moment
        .sql("SELECT known_from FROM ledger_checkpoints WHERE position > 0 AND workspace_id = ")
        .bind(workspace.uuid());
    let row = moment.one(sql).await?;
    Ok(row.map(|row| Row::of("ledger_checkpoints", &row).time("known_from")).transpose()?)
}

pub(crate) async fn kept(
    moment: &Moment,
    workspace: WorkspaceId,
    entity_type: &str,
    ids: &[String],
) -> Result<Vec<(String, Folded)>, Error> {
    let sql = moment
        .sql(
            "SELECT entity_id, revision, CAST(state AS TEXT) AS state, first_at, updated_at FROM ledger_snapshots \
             WHERE workspace_id = ",
        )
        .bind(workspace.uuid())
        .text(" AND entity_type = ")
        .bind(entity_type)
        .text(" AND entity_id")
        .one_of_words(ids.iter().map(String::as_str));
    let rows = moment.all(sql).await?;
    let read = |row: &QueryResult| {
        let row = Row::of("ledger_snapshots", row);
        Ok((row.text("entity_id")?, folded_of(&row)?))
    };
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}

/// What a snapshot holds.
pub(super) fn folded_of(row: &Row<'_>) -> Result<Folded, StorageError> {
    Ok(Folded {
        state: json_of(&row.text("state")?)?,
        revision: row.get("revision")?,
        first_at: row.time("first_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn json_of<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Corrupt { what: format!("the ledger: {error}") })
}

pub(crate) async fn tellings(
    moment: &Moment,
    workspace: WorkspaceId,
    entity_type: &str,
    id: &str,
    until: Timestamp,
) -> Result<Vec<Telling>, Error> {
    let of = |sql: Sql| {
        sql.bind(workspace.uuid())
            .text(" AND entity_id = ")
            .bind(id)
            .text(" AND entity_type = ")
            .bind(entity_type)
    };
    let sql = moment.sql(
        "SELECT entity_id, event_type, CAST(changes AS TEXT) AS changes, created_at FROM events WHERE workspace_id = ",
    );
    // Everything before the last one that was by then, whatever its clock said.
    let last = of(left(of(sql), workspace).text(
        " AND position <= (SELECT MAX(u.position) FROM events u WHERE u.position IS NOT NULL AND u.workspace_id = ",
    ));
    let sql = last.text(" AND created_at <= ").bind(time(until)).text(") ORDER BY position");
    let rows = moment.all(sql).await?;
    Ok(rows.iter().map(telling_of).collect::<Result<_, StorageError>>()?)
}

/// What an event tells.
pub(super) fn telling_of(row: &QueryResult) -> Result<Telling, StorageError> {
    let row = Row::of("events", row);
    Ok(Telling {
        entity_id: row.text("entity_id")?,
        event_type: row.text("event_type")?,
        changes: json_of(&row.text("changes")?)?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) async fn is_told_of(
    moment: &Moment,
    workspace: WorkspaceId,
    entity_type: &str,
    id: &str,
) -> Result<bool, Error> {
    let sql = moment
        .sql("SELECT 1 AS told FROM events WHERE position IS NOT NULL AND workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND entity_id = ")
        .bind(id)
        .text(" AND entity_type = ")
        .bind(entity_type);
    Ok(moment.one(sql.text(" LIMIT 1")).await?.is_some())
}

pub(crate) async fn told_of_tasks(
    moment: &Moment,
    workspace: WorkspaceId,
    tasks: &[TaskId],
) -> Result<Vec<Telling>, Error> {
    let columns = STANDING.map(|field| format!("CAST(changes -> '{field}' AS TEXT) AS {field}")).join(", ");
    let ids: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    let sql = moment
        .sql(&format!(
            "SELECT entity_id, event_type, created_at, {columns} FROM events WHERE workspace_id = "
        ))
        .bind(workspace.uuid())
        .text(" AND position IS NOT NULL AND entity_type = 'task' AND entity_id")
        .one_of_words(ids.iter().map(String::as_str));
    let rows = moment.all(left(sql, workspace).text(" ORDER BY entity_id, position")).await?;
    let read = |row: &QueryResult| {
        let row = Row::of("events", row);
        let mut changes = Map::new();
        for field in STANDING {
            if let Some(change) = row.get::<Option<String>>(field)? {
                changes.insert(field.to_owned(), json_of(&change)?);
            }
        }
        Ok(Telling {
            entity_id: row.text("entity_id")?,
            event_type: row.text("event_type")?,
            changes: Value::Object(changes),
            created_at: row.time("created_at")?,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn touched_by_users(
    moment: &Moment,
    workspace: WorkspaceId,
    tasks: &[TaskId],
    after: Timestamp,
) -> Result<Vec<Touch>, Error> {
    let ids: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    let sql = moment
        .sql(
            // What is made or deleted is told with everything that it is; which fields those are is of no interest.
            "SELECT entity_id, event_type, CASE WHEN event_type IN ('task.created', 'task.deleted') THEN '{}' \
             ELSE CAST(changes AS TEXT) END AS changes, created_at FROM events WHERE workspace_id = ",
        )
        .bind(workspace.uuid())
        .text(" AND position IS NOT NULL AND entity_type = 'task' AND entity_id")
        .one_of_words(ids.iter().map(String::as_str))
        .text(
            " AND event_type IN ('task.created', 'task.updated', 'task.dependencies_changed', 'task.deleted') \
             AND actor_type = 'user' AND created_at > ",
        )
        .bind(time(after));
    let rows = moment.all(left(sql, workspace)).await?;
    let read = |row: &QueryResult| {
        let row = Row::of("events", row);
        let changes: Value = json_of(&row.text("changes")?)?;
        Ok(Touch {
            task_id: row.word("entity_id", |text| text.parse().ok())?,
            event_type: row.text("event_type")?,
            fields: changes.as_object().into_iter().flatten().map(|(field, _)| field.clone()).collect(),
            created_at: row.time("created_at")?,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn tasks_ever_of(
    moment: &Moment,
    workspace: WorkspaceId,
    goal: GoalId,
) -> Result<Vec<TaskId>, Error> {
    let sql = moment
        .sql("SELECT id AS task_id FROM tasks WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND goal_id = ")
        .bind(goal.uuid())
        .text(" UNION SELECT task_id FROM goal_departures WHERE goal_id = ")
        .bind(goal.uuid());
    let rows = moment.all(sql).await?;
    let read = |row: &QueryResult| Row::of("goal_departures", row).id("task_id");
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}
