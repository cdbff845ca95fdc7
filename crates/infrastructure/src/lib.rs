//! How it is done: storage on SQLite and PostgreSQL, the clock, ids, tokens, tools, models, and the loops that drive the
//! kernel. Everything here implements a port of `goalwright-application`; the rest of the product sees only that.

mod artifacts;
pub mod auth;
mod clock;
mod follower;
mod group_commit;
pub mod hooks;
mod ids;
pub mod keys;
pub mod llm;
pub mod outbound;
pub mod persistence;
pub mod results;
pub mod retention;
mod runner;
mod sandboxes;
pub mod scheduler;
pub mod selection;
mod signals;
mod spawn;
pub mod telemetry;
pub mod tools;
#[cfg(test)]
mod waiting;
pub mod worker;

pub use artifacts::ArtifactFiles;
pub use clock::SystemClock;
pub use follower::FollowerLoop;
pub use ids::SystemIds;
pub use runner::runner;
pub use sandboxes::Folders;
pub use signals::LocalSignals;
