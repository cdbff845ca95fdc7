//! The ledger of events.

mod chain;
pub(crate) mod comparing;
pub(crate) mod continuation;
mod key;
mod outbox;
pub(crate) mod past;
mod pruning;
pub(crate) mod queries;
mod redaction;
mod sequencer;
pub(crate) mod trail;

use goalwright_application::ports::StorageError;
use goalwright_domain::ledger::Head;

use crate::persistence::row::Row;

fn head_of(row: &Row<'_>) -> Result<Head, StorageError> {
    Ok(Head {
        position: row.get("position")?,
        sealed: row.get("sealed")?,
        seal: row.get("seal")?,
        mark: row.get("mark")?,
    })
}
