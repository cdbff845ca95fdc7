//! Everything the use cases depend on, as traits. Their docs state obligations; each is a contract test that runs
//! on SQLite and PostgreSQL where storage is meant.

mod api_keys;
mod artifacts;
mod clock;
mod decompositions;
mod executions;
mod hooks;
mod idempotency;
mod ledger;
mod model;
mod pruning;
mod redaction;
mod sandboxes;
mod schedules;
mod signals;
mod storage;
pub mod telemetry;
mod tokens;
pub mod tools;
mod usage;

pub use api_keys::ApiKeyRepository;
pub use artifacts::{ArtifactError, Artifacts};
pub use clock::{Clock, Ids, Timer};
pub use decompositions::DecompositionRepository;
pub use executions::{CallStatus, Claim, ExecutionRepository, PickedRun, ToolCall};
pub use hooks::{HookEnd, HookRepository, HookRun, Interest};
pub use idempotency::{IdempotencyRepository, KeptAnswer, KeptRequest, KeyOwner};
pub use ledger::{Ledger, Outbox, Sequencer};
pub use model::{AnswerForm, Listener, ModelReply, ModelRequest, Models, NoModels, Stop};
pub use pruning::{
    Aged, Dependent, FileKind, HeldLedger, PrunedFile, PruningRepository, RecordCursor, Ripe, RipeRun,
    RunCursor, Words,
};
pub use redaction::{OnRecord, RedactableEvent, RedactionRepository, RedactionScope, Results, ResultsError};
pub use sandboxes::Sandboxes;
pub use schedules::{DueSchedule, ScheduleRepository, ScheduleState, SlotStatus, TaskSlot};
pub use signals::{Seen, Signals};
pub use storage::{
    AgentRepository, ExperienceRepository, GoalRepository, Ground, StorageError, TaskRepository,
    Transactions, UnitOfWork, WorkspaceRepository,
};
pub use telemetry::{FiguresPage, Happening, Telemetry, Unwatched};
pub use tokens::{Claims, TokenError, Tokens};
pub use tools::Tools;
pub use usage::{Amount, Budget, ModelCall, ModelSpending, Prompt, UsageRepository};
