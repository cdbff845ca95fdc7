use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::ports::{Outbox, StorageError};
use goalwright_domain::canonical;
use goalwright_domain::ledger::Event;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, insert_many, time, uuid_or_null};
use crate::persistence::unit_of_work::Unit;

const COLUMNS: [&str; 13] = [
    "id",
    "workspace_id",
    "position",
    "entity_type",
    "entity_id",
    "event_type",
    "actor_type",
    "actor_id",
    "changes",
    "metadata",
    "digest",
    "trace_id",
    "created_at",
];

#[async_trait]
impl Outbox for Unit {
    async fn append(&self, events: &[Event]) -> Result<(), StorageError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut next = match self.dialect {
            // There is one writer, so what it counts has no gaps.
            Dialect::Sqlite => Some(self.take_positions(events).await?),
            // A sequencer counts what is committed.
            Dialect::Postgres => None,
        };
        let rows = events
            .iter()
            .map(|event| {
                let position = next.as_mut().and_then(|next| next.get_mut(&event.workspace_id)).map(|next| {
                    *next += 1;
                    *next
                });
                to_row(event, position)
            })
            .collect();
        self.run_all(insert_many(self.dialect, "events", &COLUMNS, rows, "")).await.map(|_| ())
    }
}

impl Unit {
    /// Moves the heads of the workspaces of these events; gives where each head was.
    async fn take_positions(&self, events: &[Event]) -> Result<HashMap<WorkspaceId, i64>, StorageError> {
        let mut counts: HashMap<WorkspaceId, i64> = HashMap::new();
        for event in events {
            *counts.entry(event.workspace_id).or_default() += 1;
        }
        let mut heads = HashMap::new();
        for (workspace, count) in counts {
            heads.insert(workspace, self.move_head(workspace, count).await?);
        }
        Ok(heads)
    }

    /// Moves the head of a workspace's ledger by `count`; gives where it was. The head's row stays locked.
    pub(super) async fn move_head(&self, workspace: WorkspaceId, count: i64) -> Result<i64, StorageError> {
        let sql = self
            .sql("INSERT INTO ledger_heads (workspace_id, position) VALUES (")
            .bind(workspace.uuid())
            .text(", ")
            .bind(count)
            .text(") ON CONFLICT (workspace_id) DO UPDATE SET position = ledger_heads.position + excluded.position")
            .text(" RETURNING position");
        let head = self
            .one(sql)
            .await?
            .map(|row| Row::of("ledger_heads", &row).get::<i64>("position"))
            .transpose()?;
        Ok(head.unwrap_or(count) - count)
    }
}

fn to_row(event: &Event, position: Option<i64>) -> Vec<Value> {
    let fact = &event.fact;
    vec![
        event.id.uuid().into(),
        event.workspace_id.uuid().into(),
        position.into(),
        fact.entity_type.into(),
        fact.entity_id.as_str().into(),
        fact.event_type.into(),
        event.actor.kind.as_str().into(),
        event.actor.id.as_str().into(),
        canonical::to_string(&fact.changes).into(),
        canonical::to_string(&fact.metadata).into(),
        event.digest().into(),
        uuid_or_null(event.trace_id),
        time(event.created_at),
    ]
}
