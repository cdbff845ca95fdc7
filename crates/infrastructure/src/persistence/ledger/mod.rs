//! The ledger of events.

mod outbox;
pub(crate) mod queries;
mod sequencer;
