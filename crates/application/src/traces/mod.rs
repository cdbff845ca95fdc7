//! All that happened in one trace, as a tree: the request, its runs, their attempts, and what these did.

use std::collections::BTreeSet;
use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Attempt, Run, RunId, ScriptRun, SpanId};
use uuid::Uuid;

use crate::ports::{ModelCall, ToolCall};
use crate::read::{EventFilter, EventView, PageRequest, Queries};
use crate::{Context, Error};

/// The most runs, attempts of them, and calls or scripts of these.
const MOST: [u64; 3] = [50, 500, 1_000];
/// The most events of one trace.
const MOST_EVENTS: u64 = 200;
/// Traces whose events are told.
const MOST_TRACES: usize = 10;

/// A stage of an attempt, as far as times were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// `claimed`, `resolved`, `performing`, `settling`.
    pub name: &'static str,
    /// When it began.
    pub from: Timestamp,
    /// When it ended; none while it lasts.
    pub to: Option<Timestamp>,
}

/// An attempt with what it did.
#[derive(Debug, Clone)]
pub struct AttemptTrace {
    /// The attempt.
    pub attempt: Attempt,
    /// In their order.
    pub stages: Vec<Stage>,
    /// In their order.
    pub calls: Vec<ToolCall>,
    /// In their order.
    pub scripts: Vec<ScriptRun>,
    /// Calls of a model, in their order.
    pub model_calls: Vec<ModelCall>,
}

/// A run with its attempts.
#[derive(Debug, Clone)]
pub struct RunTrace {
    /// The run.
    pub run: Run,
    /// In their order.
    pub attempts: Vec<AttemptTrace>,
}

/// A trace.
#[derive(Debug, Clone)]
pub struct Trace {
    /// What was asked for: the trace of a run, or of a request.
    pub trace_id: Uuid,
    /// Runs of the trace, and runs that a request in it asked for; oldest first.
    pub runs: Vec<RunTrace>,
    /// Calls of models that belong to no attempt: breakdowns, and what was learned.
    pub model_calls: Vec<ModelCall>,
    /// Events of these traces, oldest first.
    pub events: Vec<EventView>,
    /// Whether there is more than is told.
    pub truncated: bool,
}

/// Reads traces.
pub struct Traces {
    queries: Arc<dyn Queries>,
}

impl Traces {
    /// Over this port.
    pub fn new(queries: Arc<dyn Queries>) -> Self {
        Self { queries }
    }

    /// All that happened in a trace of the workspace.
    ///
    /// # Errors
    /// `NotFound` if nothing did.
    #[tracing::instrument(name = "trace.read", skip_all)]
    pub async fn get(&self, context: &Context, trace_id: Uuid) -> Result<Trace, Error> {
        let workspace = context.workspace();
        let [most_runs, most_attempts, most_acts] = MOST;
        let mut runs = self.queries.runs_in_trace(workspace, trace_id, most_runs).await?;
        let mut truncated = is_full(runs.len(), most_runs);
        runs.sort_by_key(|run| run.id);
        runs.dedup_by_key(|run| run.id);
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let attempts = match ids.is_empty() {
            true => Vec::new(),
            false => self.queries.attempts_of(&ids, most_attempts).await?,
        };
        truncated |= is_full(attempts.len(), most_attempts);
        let spans: Vec<SpanId> = attempts.iter().map(|attempt| attempt.span_id).collect();
        let (mut calls, mut scripts) = (Vec::new(), Vec::new());
        if !spans.is_empty() {
            calls = self.queries.calls_of(&spans, most_acts).await?;
            scripts = self.queries.scripts_of(&spans, most_acts).await?;
        }
        truncated |= is_full(calls.len(), most_acts) || is_full(scripts.len(), most_acts);

        let mut traces: Vec<Uuid> = vec![trace_id];
        let related = runs.iter().flat_map(|run| run.request_trace_id.into_iter().chain([run.trace_id]));
        let related: BTreeSet<Uuid> = related.filter(|id| *id != trace_id).collect();
        traces.extend(related);
        truncated |= traces.len() > MOST_TRACES;
        traces.truncate(MOST_TRACES);
        let mut model_calls = self.queries.model_calls_in(workspace, &traces, most_acts).await?;
        truncated |= is_full(model_calls.len(), most_acts);
        let mut events = Vec::new();
        for trace in traces {
            let filter = EventFilter { trace_id: Some(trace), ..EventFilter::default() };
            let page = self.queries.events(workspace, &filter, &PageRequest::first(MOST_EVENTS)).await?;
            truncated |= page.next.is_some();
            events.extend(page.items);
        }
        events.sort_by_key(|event| event.position);
        if runs.is_empty() && events.is_empty() && model_calls.is_empty() {
            return Err(Error::not_found("trace", trace_id));
        }
        let told = |attempt: &Attempt| {
            let calls: Vec<ToolCall> =
                calls.iter().filter(|call| call.span_id == attempt.span_id).cloned().collect();
            let of_attempt = |call: &&ModelCall| call.span_id == Some(attempt.span_id);
            let model_calls: Vec<ModelCall> = model_calls.iter().filter(of_attempt).cloned().collect();
            AttemptTrace {
                stages: stages(attempt, &calls, &model_calls),
                model_calls,
                scripts: scripts.iter().filter(|one| one.span_id == attempt.span_id).cloned().collect(),
                attempt: attempt.clone(),
                calls,
            }
        };
        let runs: Vec<RunTrace> = runs
            .into_iter()
            .map(|run| RunTrace {
                attempts: attempts.iter().filter(|attempt| attempt.run_id == run.id).map(told).collect(),
                run,
            })
            .collect();
        model_calls.retain(|call| call.span_id.is_none_or(|span| !spans.contains(&span)));
        Ok(Trace { trace_id, runs, model_calls, events, truncated })
    }
}

fn is_full(count: usize, most: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count >= most)
}

/// What the recorded times tell: claimed until parameters were resolved and the first call, of a tool or of a model, began,
/// performing until the last one ended, settling until the attempt did. An attempt without a call is only claimed, and then
/// over.
fn stages(attempt: &Attempt, calls: &[ToolCall], asked: &[ModelCall]) -> Vec<Stage> {
    let stage = |name, from, to| Stage { name, from, to };
    let asked_at = asked.iter().filter_map(|call| call.started_at());
    let Some(began) = calls.iter().map(|call| call.started_at).chain(asked_at).min() else {
        return vec![stage("claimed", attempt.started_at, attempt.ended_at)];
    };
    let mut stages =
        vec![stage("claimed", attempt.started_at, Some(began)), stage("resolved", began, Some(began))];
    let ended = calls.iter().map(|call| call.ended_at).collect::<Option<Vec<_>>>();
    let answered = asked.iter().map(|call| call.ended_at).max();
    let ended = ended.and_then(|ends| ends.into_iter().chain(answered).max());
    stages.push(stage("performing", began, ended));
    if let Some(ended) = ended {
        stages.push(stage("settling", ended, attempt.ended_at));
    }
    stages
}
