//! Everything the use cases depend on, as traits. Their docs state obligations; each is a contract test that runs
//! on SQLite and PostgreSQL where storage is meant.

mod api_keys;
mod artifacts;
mod clock;
mod idempotency;
mod sandboxes;
mod schedules;
mod signals;
mod storage;
mod tokens;
pub mod tools;

pub use api_keys::ApiKeyRepository;
pub use artifacts::{ArtifactError, Artifacts};
pub use clock::{Clock, Ids};
pub use idempotency::{IdempotencyRepository, KeptAnswer, KeptRequest, KeyOwner};
pub use sandboxes::Sandboxes;
pub use schedules::{DueSchedule, ScheduleRepository, ScheduleState, SlotStatus, TaskSlot};
pub use signals::{Seen, Signals};
pub use storage::{
    AgentRepository, CallStatus, Claim, ClaimedRun, DecompositionRecord, DecompositionRepository,
    ExecutionRepository, ExperienceRepository, GoalRepository, Ledger, Outbox, Sequencer, StorageError,
    TaskRepository, ToolCall, Transactions, UnitOfWork, WorkspaceRepository,
};
pub use tokens::{Claims, TokenError, Tokens};
pub use tools::Tools;
