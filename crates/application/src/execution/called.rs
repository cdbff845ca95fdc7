//! The call of a tool: in time, and under a span of its own.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing::field::Empty;

use super::{Assignment, Kernel};
use crate::ports::ToolCall;
use crate::ports::telemetry::{Stage, span_id};
use crate::ports::tools::{Invocation, Reply, ToolFailure};

/// How long a tool may take to stop once it was told to.
const OBEY: Duration = Duration::from_secs(10);

impl Kernel {
    /// The span of a call, in the stage in which the tool is at work; none where nobody follows traces. Whatever the tool
    /// opens below it, a call of a model for one, is part of the run's trace.
    pub(super) fn span_of(&self, assignment: &Assignment, call: &ToolCall) -> Span {
        if !self.telemetry().follows_traces() || !self.telemetry().samples(call.trace_id, None) {
            return Span::none();
        }
        let stage = Stage::Performing.span_of(call.span_id, assignment.lease.fence);
        tracing::info_span!(
            "tool.call",
            trace_id = %call.trace_id.simple(),
            span_id = format_args!("{:016x}", span_id(call.id)),
            parent_span_id = format_args!("{stage:016x}"),
            tool.name = call.tool,
            tool.operation = call.operation,
            tool.effect = call.effect.as_str(),
            tool.call_id = %call.id,
            error.type = Empty,
        )
    }

    /// The tool's answer; none if it neither answered in time nor stopped when it was told to.
    pub(super) async fn call_in_time(
        &self,
        invocation: Invocation,
        cancel: &CancellationToken,
    ) -> Option<Result<Reply, ToolFailure>> {
        let name = format!("`{}.{}`", invocation.tool, invocation.operation);
        let stop = cancel.child_token();
        let mut call = self.ports.tools.call(Invocation { cancel: stop.clone(), ..invocation });
        tokio::select! {
            answer = &mut call => Some(answer),
            () = tokio::time::sleep(self.settings.deadline) => {
                // A tool that obeys is waited for, so that nothing is written after the failure was settled.
                stop.cancel();
                match tokio::time::timeout(OBEY, call).await {
                    Ok(Ok(reply)) => Some(Ok(reply)),
                    // What it left, and whether that is all, it knows best.
                    Ok(Err(failure)) => {
                        let ToolFailure { kind, message, retryable, .. } = self.too_long(&name);
                        Some(Err(ToolFailure { kind, message, retryable, ..failure }))
                    }
                    Err(_) => None,
                }
            }
        }
    }

    pub(super) fn too_long(&self, name: &str) -> ToolFailure {
        let message = format!("{name} took longer than {} s", self.settings.deadline.as_secs());
        ToolFailure { retryable: true, ..ToolFailure::new("TimedOut", message) }
    }
}
