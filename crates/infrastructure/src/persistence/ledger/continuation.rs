//! Going on with another key.

use std::collections::BTreeMap;
use std::sync::Arc;

use goalwright_application::Error;
use goalwright_application::ports::{Ids, Ledger, Outbox, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::ledger::{EventId, Head, Loss, Saying, SealKey};
use goalwright_domain::workspace::{Actor, WorkspaceId};

use super::trail::Trail;
use crate::persistence::connect::Database;
use crate::persistence::row::Row;
use crate::persistence::sql::time;
use crate::persistence::unit_of_work::Unit;

/// How a ledger goes on.
pub struct GoOn<'a> {
    /// The fingerprint of the key that the database knows.
    pub known: &'a str,
    /// That key; none if it is lost.
    pub old: Option<&'a SealKey>,
    /// The key from now on.
    pub next: SealKey,
    /// Who says so.
    pub actor: Actor,
    /// Why.
    pub reason: &'a str,
    /// For the events that say so.
    pub ids: &'a dyn Ids,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WentOn {
    /// Ledgers that go on.
    pub ledgers: usize,
    /// Events that nobody can verify any more.
    pub unverifiable: i64,
}

impl Database {
    /// The fingerprint of the key that the database is sealed with, if it is.
    ///
    /// # Errors
    /// What storage says.
    pub async fn sealed_with(&self) -> Result<Option<String>, Error> {
        Ok(self.writer().known_key().await?)
    }

    /// How many ledgers end with what only this key can have made, and how many there are.
    ///
    /// # Errors
    /// What storage says.
    pub async fn fitting(&self, key: &SealKey) -> Result<(usize, usize), Error> {
        let unit = self.writer().unit().await?;
        let heads = unit.heads().await?;
        let fits = |(workspace, head): &(WorkspaceId, Head)| {
            let seal = head.seal.as_deref()?;
            (head.mark.as_deref()? == key.head_mark(*workspace, head.sealed, seal)).then_some(())
        };
        let sealed: Vec<_> = heads.into_iter().filter(|(_, head)| head.sealed > 0).collect();
        Ok((sealed.iter().filter_map(fits).count(), sealed.len()))
    }

    /// Names another key as the one that the database is sealed with, where somebody wrote a wrong one there.
    ///
    /// # Errors
    /// What storage says.
    pub async fn name_key(&self, fingerprint: &str) -> Result<(), Error> {
        let unit = self.writer().unit().await?;
        unit.name_key(fingerprint).await?;
        Ok(unit.finish().await?)
    }

    /// Begins a new stretch of every ledger, sealed with another key. What the old key sealed and can still seal is sealed
    /// with it first. That a key is lost is noted outside the database before anything changes there.
    ///
    /// # Errors
    /// What storage and the file system say; then nothing goes on.
    pub async fn go_on(&self, how: GoOn<'_>) -> Result<WentOn, Error> {
        let mut unit = self.writer().unit().await?;
        unit.lock_ledger().await?;
        if let Some(old) = how.old {
            unit.seal_with(old.clone());
            unit.seal_all().await?;
        }
        let heads = unit.heads().await?;
        let now = unit.now();
        if how.old.is_none() {
            note_losses(self.trail(), &heads, how.known, now)?;
        }
        unit.name_key(&how.next.fingerprint()).await?;
        unit.seal_with(how.next.clone());
        unit.seal_all().await?;
        let events: Vec<_> = heads
            .iter()
            .map(|(workspace_id, head)| {
                let saying = Saying {
                    id: EventId::new(how.ids.ordered()),
                    workspace_id: *workspace_id,
                    actor: how.actor.clone(),
                    created_at: now,
                    reason: how.reason.to_owned(),
                };
                let end = (head.sealed, head.seal.as_deref().unwrap_or_default());
                saying.continuation(end, how.known, how.old, &how.next)
            })
            .collect();
        unit.append(&events).await?;
        unit.finish().await?;
        self.trail().note().await?;
        let lost = heads.iter().map(|(_, head)| if how.old.is_none() { head.sealed } else { 0 });
        Ok(WentOn { ledgers: heads.len(), unverifiable: lost.sum() })
    }
}

/// Once for each end, also if it is tried again.
fn note_losses(trail: &Trail, heads: &[(WorkspaceId, Head)], key: &str, at: Timestamp) -> Result<(), Error> {
    let mut all: BTreeMap<_, _> = trail.all_noted()?;
    for (workspace, head) in heads {
        let Some(seal) = head.seal.clone() else { continue };
        let noted = all.entry(*workspace).or_default();
        if noted.losses.iter().any(|loss| loss.position == head.sealed && loss.seal == seal) {
            continue;
        }
        let loss = Loss { position: head.sealed, seal, key: key.to_owned(), at, noted: noted.anchor.take() };
        noted.losses.push(loss);
    }
    trail.write(&all)
}

impl Unit {
    /// From now on this unit seals with this key.
    fn seal_with(&mut self, key: SealKey) {
        self.fingerprint = Arc::new(key.fingerprint());
        self.seal_key = Arc::new(key);
    }

    /// Places and seals whatever is not. The ledger is locked.
    async fn seal_all(&self) -> Result<(), StorageError> {
        while !self.place_waiting().await?.is_all() {}
        while self.seal_old().await? > 0 {}
        Ok(())
    }

    async fn heads(&self) -> Result<Vec<(WorkspaceId, Head)>, StorageError> {
        let sql = self.sql(
            "SELECT workspace_id, position, sealed, seal, mark FROM ledger_heads WHERE position > 0 ORDER BY workspace_id",
        );
        let mut heads = Vec::new();
        for row in &self.all(sql).await? {
            let row = Row::of("ledger_heads", row);
            heads.push((row.id("workspace_id")?, super::head_of(&row)?));
        }
        Ok(heads)
    }

    async fn name_key(&self, fingerprint: &str) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE ledger_key SET fingerprint = ")
            .bind(fingerprint)
            .text(", created_at = ")
            .bind(time(self.now()))
            .text(" WHERE id = 1");
        self.run(sql).await.map(|_| ())
    }
}
