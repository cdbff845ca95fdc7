use async_trait::async_trait;
use goalwright_application::ports::{Outbox, StorageError};
use goalwright_domain::canonical;
use goalwright_domain::ledger::Event;
use sea_orm::Value;

use super::chain::Chains;
use crate::persistence::sql::{insert_many, time, uuid_or_null};
use crate::persistence::unit_of_work::Unit;

const COLUMNS: [&str; 14] = [
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
    "seal",
    "trace_id",
    "created_at",
];

#[async_trait]
impl Outbox for Unit {
    async fn append(&self, events: &[Event]) -> Result<(), StorageError> {
        if events.is_empty() {
            return Ok(());
        }
        // Whoever can have the ledger to itself until the commit places and seals its events at once; else the sequencer
        // does it afterwards.
        let mut chains = match self.try_lock_ledger().await? {
            true => self.chains_behind_what_waits(events).await?,
            false => None,
        };
        let rows = events.iter().map(|event| to_row(event, chains.as_mut())).collect();
        let statements = insert_many(self.dialect, "events", &COLUMNS, rows, "");
        self.run_later("events", events.len(), statements).await?;
        match chains {
            Some(chains) => chains.save(self).await,
            None => Ok(()),
        }
    }
}

impl Unit {
    /// The chains of these events, once what waited for a position has one; none if too much waits. The ledger is locked.
    async fn chains_behind_what_waits(&self, events: &[Event]) -> Result<Option<Chains>, StorageError> {
        let workspaces = || events.iter().map(|event| event.workspace_id);
        let chains = Chains::load(self, workspaces()).await?;
        if !chains.any_waiting {
            return Ok(Some(chains));
        }
        match self.place_waiting().await?.is_all() {
            true => Chains::load(self, workspaces()).await.map(Some),
            false => Ok(None),
        }
    }
}

fn to_row(event: &Event, chains: Option<&mut Chains>) -> Vec<Value> {
    let fact = &event.fact;
    let (changes, metadata) = (canonical::to_string(&fact.changes), canonical::to_string(&fact.metadata));
    let digest = event.digest_over(&changes, &metadata);
    let (position, seal) = match chains {
        Some(chains) => {
            let (position, seal) = chains.append(event.workspace_id, &digest);
            (Some(position), seal)
        }
        None => (None, None),
    };
    vec![
        event.id.uuid().into(),
        event.workspace_id.uuid().into(),
        position.into(),
        fact.entity_type.into(),
        fact.entity_id.as_str().into(),
        fact.event_type.into(),
        event.actor.kind.as_str().into(),
        event.actor.id.as_str().into(),
        changes.into(),
        metadata.into(),
        digest.into(),
        seal.into(),
        uuid_or_null(event.trace_id),
        time(event.created_at),
    ]
}
