//! What happens, told to whoever watches from outside: figures for dashboards, spans for collectors of traces.
//!
//! To have something counted, add a [`Happening`], tell it where it happens (after the commit, if it is a change), and
//! give it a name and a help text in infrastructure's `telemetry/figures.rs`. Labels are words of ours or names of routes
//! and tools, never ids: each combination of them is a line of the page for ever.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::{Lease, RunId, SpanId, TraceId};
use goalwright_domain::model::{BreakerState, Usage};
use goalwright_domain::task::{Standings, TaskId};
use goalwright_domain::workspace::WorkspaceId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ToolCall;
use crate::execution::Assignment;

/// Watches. It never fails, and whoever tells it something never waits.
pub trait Telemetry: Send + Sync {
    /// Takes note.
    fn tell(&self, happening: Happening<'_>);

    /// Whether anybody looks at figures or at spans; what nobody looks at need not be gathered.
    fn watches(&self) -> bool;

    /// Whether anybody looks at spans.
    fn follows_traces(&self) -> bool;

    /// Whether this trace is recorded as spans; `wanted` is what the caller's `traceparent` says, none of a new trace.
    fn samples(&self, trace: Uuid, wanted: Option<bool>) -> bool;
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Happening<'a> {
    /// A request was answered.
    Answered {
        /// As HTTP has it; `_OTHER` for what HTTP does not have.
        method: &'a str,
        /// The template of its path; none where no operation is.
        route: Option<&'a str>,
        /// The status of the answer.
        status: u16,
        /// How long it took.
        took: Duration,
    },
    /// Runs were claimed, perhaps none.
    Claimed(&'a [Assignment]),
    /// A group of outcomes was settled in one unit, of so many.
    Settled(usize),
    /// So many outcomes wait to be settled.
    Unsettled(usize),
    /// An attempt ended, or was suspended.
    Executed(&'a Executed),
    /// A tool was called; its call has ended.
    Called(&'a ToolCall),
    /// Open work was counted.
    Counted(&'a Standings),
    /// A hook was run after an execution.
    Hooked {
        /// Which one.
        hook: &'a str,
        /// `done`, `again` or `failed`.
        outcome: &'static str,
    },
    /// A model was called; the call has ended.
    Asked(&'a ModelCall),
    /// An attempt to ask a model failed, and another one will be made.
    AskedAgain {
        /// Whom.
        provider: &'static str,
        /// The class of what went wrong.
        class: &'static str,
    },
    /// A breaker before a model opened, half opened or closed.
    BreakerChanged {
        /// Whose model.
        provider: &'static str,
        /// The worst state of this provider's breakers.
        state: BreakerState,
    },
}

/// A call of a model that ended, with all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelCall {
    /// Who was asked.
    pub provider: &'static str,
    /// `answered`, `abandoned` by whoever asked, `circuit_open`, or the class of what went wrong.
    pub outcome: &'static str,
    /// How long it took, pauses included.
    pub took: Duration,
    /// What all its attempts consumed.
    pub usage: Usage,
}

/// An attempt that was settled, with its times.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The task.
    pub task_id: TaskId,
    /// The task's slug; none unless traces are followed.
    pub task_slug: Option<String>,
    /// The run.
    pub run_id: RunId,
    /// The run's trace.
    pub trace_id: TraceId,
    /// The trace of the request that asked for it, with the span that answered it.
    pub request: Option<(Uuid, u64)>,
    /// The attempt.
    pub span_id: SpanId,
    /// The fence of the claim that ended with this; an attempt that is resumed has several.
    pub fence: i64,
    /// The attempt before.
    pub retry_of: Option<SpanId>,
    /// From 1.
    pub attempt: u32,
    /// Who performed it.
    pub agent_id: AgentId,
    /// `succeeded`, `partial`, `failed`, `suspended`, `released` or `lease_lost`.
    pub outcome: &'static str,
    /// The type of its error.
    pub error: Option<String>,
    /// When it was first begun.
    pub started_at: Timestamp,
    /// When it was performed; none if somebody outside did.
    pub performed: Option<Performed>,
    /// When it ended or was suspended.
    pub ended_at: Timestamp,
}

impl Executed {
    /// Whether it is over; what is suspended is resumed.
    pub fn is_over(&self) -> bool {
        self.outcome != "suspended"
    }
}

/// The times of one performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Performed {
    /// When the run was claimed.
    pub claimed_at: Timestamp,
    /// When the work was begun, templates first.
    pub begun_at: Timestamp,
    /// When the tool was called, and when that was over; none if it came to no call.
    pub called: Option<(Timestamp, Timestamp)>,
}

/// A stage of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A worker holds it, and has not begun.
    Claimed,
    /// Templates become parameters.
    Resolved,
    /// The tool is at work.
    Performing,
    /// What came of it is written.
    Settling,
}

impl Stage {
    /// Its name, as traces spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Resolved => "resolved",
            Self::Performing => "performing",
            Self::Settling => "settling",
        }
    }

    /// The OpenTelemetry span id of this stage: the same for whoever knows the attempt and its fence, so that what happens
    /// in a stage can name it before it has ended.
    pub fn span_of(self, attempt: SpanId, fence: i64) -> u64 {
        let mut digest = Sha256::new();
        digest.update(attempt.as_bytes());
        digest.update(fence.to_be_bytes());
        digest.update(self.as_str());
        let digest = digest.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first).max(1)
    }
}

/// The OpenTelemetry span id of what has a UUID: its last eight bytes, which begin with the variant and so are never zero.
pub fn span_id(id: Uuid) -> u64 {
    id.as_u64_pair().1
}

/// In which trace a tool is called: that of the run, by the span of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The run's trace.
    pub trace_id: TraceId,
    /// The attempt's span.
    pub span_id: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// As the header `traceparent` says it (W3C Trace Context, 3.2).
    pub fn header(&self) -> String {
        format!("00-{}-{:016x}-{:02x}", self.trace_id.simple(), self.span_id, u8::from(self.sampled))
    }

    /// The context of the attempt that this lease is for.
    pub fn of(trace_id: TraceId, lease: &Lease, telemetry: &dyn Telemetry) -> Self {
        Self { trace_id, span_id: span_id(lease.span_id), sampled: telemetry.samples(trace_id, None) }
    }
}

/// The figures as a page for whoever collects them.
#[async_trait]
pub trait FiguresPage: Send + Sync {
    /// The page in the text format of Prometheus, also while the database is away.
    async fn render(&self) -> String;
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Telemetry for Unwatched {
    fn tell(&self, _: Happening<'_>) {}

    fn watches(&self) -> bool {
        false
    }

    fn follows_traces(&self) -> bool {
        false
    }

    fn samples(&self, _: Uuid, wanted: Option<bool>) -> bool {
        wanted.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_of_one_claim_have_spans_of_their_own() {
        let attempt = Uuid::from_u128(7);
        let stages = [Stage::Claimed, Stage::Resolved, Stage::Performing, Stage::Settling];
        let spans: std::collections::BTreeSet<u64> =
            [1, 2].into_iter().flat_map(|fence| stages.map(|stage| stage.span_of(attempt, fence))).collect();
        assert_eq!(spans.len(), 8);
        assert!(!spans.contains(&0));
    }

    #[test]
    fn the_header_is_the_attempt_s() {
        let id = Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        let context = TraceContext { trace_id: id, span_id: 0x00f0_67aa_0ba9_02b7, sampled: false };
        assert_eq!(context.header(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    }
}
