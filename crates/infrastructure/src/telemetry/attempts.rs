//! The spans of an attempt, made when it is settled: in the trace of its run, under the ids that the record has.

use std::borrow::Cow;
use std::time::SystemTime;

use goalwright_application::ports::telemetry::{Executed, Stage, span_id as own_span};
use goalwright_domain::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, Span, SpanBuilder, SpanContext, Status, TraceFlags, TraceState};
use uuid::Uuid;

use super::spans::{Place, Spans, span_id, trace_id};

/// Sends the span of the attempt, unless it is only suspended, and those of its stages. `settled` is when it was written.
pub(super) fn record(spans: &Spans, executed: &Executed, settled: Timestamp) {
    if !spans.sampling.samples(executed.trace_id, None) {
        return;
    }
    let attempt = own_span(executed.span_id);
    if executed.is_over() {
        let builder = SpanBuilder::from_name("task.execute")
            .with_start_time(time(executed.started_at))
            .with_attributes(attributes(executed))
            .with_links(links(executed));
        let mut span = spans.begin(builder, &place(executed.trace_id, attempt, None));
        if let Some(error) = &executed.error {
            span.set_attribute(KeyValue::new("error.type", error.clone()));
            span.set_status(Status::Error { description: Cow::Owned(error.clone()) });
        }
        span.end_with_timestamp(time(settled));
    }
    for (stage, from, to) in stages(executed, settled) {
        let builder = SpanBuilder::from_name(stage.as_str()).with_start_time(time(from));
        let id = stage.span_of(executed.span_id, executed.fence);
        spans.begin(builder, &place(executed.trace_id, id, Some(attempt))).end_with_timestamp(time(to));
    }
}

fn place(trace_id: Uuid, span_id: u64, parent: Option<u64>) -> Place {
    Place { trace_id, span_id, parent, remote: false, state: TraceState::NONE }
}

fn time(at: Timestamp) -> SystemTime {
    at.utc().into()
}

fn attributes(executed: &Executed) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("goalwright.workspace.id", executed.workspace_id.to_string()),
        KeyValue::new("goalwright.task.id", executed.task_id.to_string()),
        KeyValue::new("goalwright.run.id", executed.run_id.to_string()),
        KeyValue::new("goalwright.agent.id", executed.agent_id.to_string()),
        KeyValue::new("goalwright.attempt", i64::from(executed.attempt)),
        KeyValue::new("goalwright.outcome", executed.outcome),
    ];
    attributes.extend(executed.task_slug.clone().map(|slug| KeyValue::new("goalwright.task.slug", slug)));
    attributes
}

/// To the attempt before, and to the request that asked for the run.
fn links(executed: &Executed) -> Vec<Link> {
    let link = |trace: Uuid, span: u64, relation: &'static str| {
        let context =
            SpanContext::new(trace_id(trace), span_id(span), TraceFlags::SAMPLED, false, TraceState::NONE);
        Link::new(context, vec![KeyValue::new("goalwright.link", relation)], 0)
    };
    let before = executed.retry_of.map(|before| link(executed.trace_id, own_span(before), "retry_of"));
    let request = executed.request.map(|(trace, span)| link(trace, span, "request"));
    before.into_iter().chain(request).collect()
}

/// As the recorded times have them; what somebody outside performed is only claimed until it is settled.
fn stages(executed: &Executed, settled: Timestamp) -> Vec<(Stage, Timestamp, Timestamp)> {
    let ended = executed.ended_at;
    let Some(performed) = executed.performed else {
        return vec![(Stage::Claimed, executed.started_at, ended), (Stage::Settling, ended, settled)];
    };
    let mut stages = vec![
        (Stage::Claimed, performed.claimed_at, performed.begun_at),
        (Stage::Resolved, performed.begun_at, performed.called.map_or(ended, |(called, _)| called)),
    ];
    stages.extend(performed.called.map(|(from, to)| (Stage::Performing, from, to)));
    stages.push((Stage::Settling, performed.called.map_or(ended, |(_, to)| to), settled));
    stages
}
