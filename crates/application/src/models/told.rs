//! What others are told of a call: a span in the trace of whoever asks, and figures.

use std::time::Duration;

use goalwright_domain::Timestamp;
use tracing::Span;
use tracing::field::Empty;

use super::call::Tally;
use super::{ModelPorts, NoAnswer};
use crate::ports::telemetry::{ModelCall, span_id};
use crate::ports::{Happening, ModelReply, ModelRequest};

/// A call that is under way. One that is dropped is told, too: it was given up.
pub(super) struct Told<'a> {
    ports: &'a ModelPorts,
    provider: &'static str,
    span: Span,
    begun: Timestamp,
    ended: bool,
}

impl<'a> Told<'a> {
    pub(super) fn begin(ports: &'a ModelPorts, request: &ModelRequest, streamed: bool) -> Self {
        let provider = request.model.provider().as_str();
        let endpoint = ports.models.endpoint(&request.model).ok();
        let trace = request.trace;
        let span = tracing::info_span!(
            "model.call",
            trace_id = trace.map(|trace| trace.trace_id.simple().to_string()),
            span_id = trace.map(|_| format!("{:016x}", span_id(ports.ids.random()))),
            parent_span_id = trace.map(|trace| format!("{:016x}", trace.span_id)),
            trace_flags = trace.map(|trace| if trace.sampled { "01" } else { "00" }),
            model.provider = provider,
            model.name = request.model.model(),
            model.endpoint = endpoint,
            model.max_output_tokens = request.max_output_tokens,
            model.streamed = streamed,
            model.answered_by = Empty,
            model.stop = Empty,
            model.input_tokens = Empty,
            model.output_tokens = Empty,
            model.cache_creation_tokens = Empty,
            model.cache_read_tokens = Empty,
            model.attempts = Empty,
            error.type = Empty,
        );
        Self { ports, provider, span, begun: ports.clock.now(), ended: false }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    /// Tells how it ended; gives how long it took.
    pub(super) fn end(&mut self, tally: &Tally, outcome: Result<&ModelReply, &NoAnswer>) -> Duration {
        self.ended = true;
        let Tally { attempts, usage, .. } = *tally;
        let span = &self.span;
        span.record("model.attempts", attempts);
        span.record("model.input_tokens", usage.input_tokens);
        span.record("model.output_tokens", usage.output_tokens);
        span.record("model.cache_creation_tokens", usage.cache_creation_tokens);
        span.record("model.cache_read_tokens", usage.cache_read_tokens);
        let outcome = match outcome {
            Ok(reply) => {
                span.record("model.answered_by", reply.model.as_str());
                span.record("model.stop", reply.stop.as_str());
                "answered"
            }
            Err(why) => {
                span.record("error.type", why.class());
                why.class()
            }
        };
        self.tell(outcome, tally)
    }

    fn tell(&self, outcome: &'static str, tally: &Tally) -> Duration {
        let took = self.ports.clock.now().since(self.begun);
        let (provider, usage) = (self.provider, tally.usage);
        self.ports.telemetry.tell(Happening::Asked(&ModelCall { provider, outcome, took, usage }));
        took
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.span.record("error.type", "abandoned");
            self.tell("abandoned", &Tally::default());
        }
    }
}
