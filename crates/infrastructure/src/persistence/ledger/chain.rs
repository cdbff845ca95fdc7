//! The ends of the workspaces' chains, while whoever has the ledger to itself makes them longer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use goalwright_application::ports::StorageError;
use goalwright_domain::ledger::{Head, SealKey};
use goalwright_domain::workspace::{Workspace, WorkspaceId};
use sea_orm::Value;
use uuid::Uuid;

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, insert_many};
use crate::persistence::unit_of_work::Unit;

const COLUMNS: [&str; 5] = ["workspace_id", "position", "sealed", "seal", "mark"];
const REPLACE: &str = " ON CONFLICT (workspace_id) DO UPDATE SET position = excluded.position, sealed = excluded.sealed, \
                       seal = excluded.seal, mark = excluded.mark";

const OTHER_KEY: &str =
    "the ledger goes on with another key; restart this process, so that it takes that key";

/// The chains that a unit makes longer.
pub(super) struct Chains {
    key: Arc<SealKey>,
    heads: BTreeMap<WorkspaceId, Head>,
    /// Whether there were events without a position, of whatever workspace.
    pub(super) any_waiting: bool,
}

impl Chains {
    /// The heads of these workspaces. The ledger is locked.
    ///
    /// # Errors
    /// `Unavailable` where another process went over to another key: what this one seals would not fit.
    pub(super) async fn load(
        unit: &Unit,
        workspaces: impl Iterator<Item = WorkspaceId>,
    ) -> Result<Self, StorageError> {
        let workspaces: BTreeSet<Uuid> = workspaces.map(|workspace| workspace.uuid()).collect();
        // Read in the order of the index that holds just them. On SQLite positions are given with the events.
        let any_waiting = match unit.dialect {
            Dialect::Postgres => {
                "(SELECT seq FROM events WHERE position IS NULL ORDER BY seq LIMIT 1) IS NOT NULL"
            }
            Dialect::Sqlite => "(1 = 0)",
        };
        let sql = unit
            .sql(&format!(
                "SELECT k.fingerprint, h.workspace_id, h.position, h.sealed, h.seal, h.mark, {any_waiting} AS any_waiting \
                 FROM ledger_key k LEFT JOIN ledger_heads h ON h.workspace_id",
            ))
            .one_of(workspaces)
            .text(" WHERE k.id = 1");
        let (mut heads, mut any_waiting) = (BTreeMap::new(), false);
        for row in &unit.all(sql).await? {
            let row = Row::of("ledger_heads", row);
            if row.text("fingerprint")? != unit.fingerprint.as_str() {
                return Err(StorageError::Unavailable { source: OTHER_KEY.into() });
            }
            any_waiting |= row.get::<bool>("any_waiting")?;
            if row.id_or_none::<Workspace>("workspace_id")?.is_some() {
                heads.insert(row.id("workspace_id")?, super::head_of(&row)?);
            }
        }
        Ok(Self { key: unit.seal_key.clone(), heads, any_waiting })
    }

    /// One event more: its position, and its seal unless events before it are still unsealed.
    pub(super) fn append(&mut self, workspace: WorkspaceId, digest: &str) -> (i64, Option<String>) {
        let head = self.head(workspace);
        head.position += 1;
        let position = head.position;
        let seal = (head.sealed + 1 == position).then(|| self.seal(workspace, position, digest));
        (position, seal)
    }

    /// The seal of an event that has its position already: the first unsealed one.
    pub(super) fn seal(&mut self, workspace: WorkspaceId, position: i64, digest: &str) -> String {
        let key = self.key.clone();
        let head = self.head(workspace);
        let seal = key.seal(head.seal.as_deref(), workspace, position, digest);
        head.sealed = position;
        head.seal = Some(seal.clone());
        seal
    }

    fn head(&mut self, workspace: WorkspaceId) -> &mut Head {
        self.heads.entry(workspace).or_insert(Head { position: 0, sealed: 0, seal: None, mark: None })
    }

    /// Writes the heads as they are now.
    pub(super) async fn save(self, unit: &Unit) -> Result<(), StorageError> {
        let key = &self.key;
        let row = |(workspace, head): (WorkspaceId, Head)| -> Vec<Value> {
            let mark = head.seal.as_ref().map(|seal| key.head_mark(workspace, head.sealed, seal));
            vec![
                workspace.uuid().into(),
                head.position.into(),
                head.sealed.into(),
                head.seal.into(),
                mark.into(),
            ]
        };
        let rows: Vec<Vec<Value>> = self.heads.into_iter().map(row).collect();
        let heads = rows.len();
        let statements = insert_many(unit.dialect, "ledger_heads", &COLUMNS, rows, REPLACE);
        unit.run_later("ledger_heads", heads, statements).await
    }
}
