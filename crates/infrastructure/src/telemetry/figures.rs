//! What is counted and measured: names, help, labels, and the counters themselves.
//!
//! Nothing here is global: every product that is wired has figures of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use goalwright_application::execution::Assignment;
use goalwright_application::hooks::HOOKS;
use goalwright_application::ports::telemetry::{Executed, ModelCall};
use goalwright_application::ports::{Happening, ToolCall};
use goalwright_domain::model::{BreakerState, Provider};
use goalwright_domain::task::{Standing, Standings};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Observer;
use crate::spawn::spawn_essential;

/// One figure.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// `goalwright_…`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// As it is now.
    Gauge,
    /// How often it was at most each of these.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

const REQUEST_SECONDS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
const WORK_SECONDS: Kind =
    Kind::Histogram(&[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0]);
const BATCH: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0]);

macro_rules! figures {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(pub(super) const $constant: &str = $name;)*
        /// Every figure, in the order of the guide.
        pub const FIGURES: &[Figure] =
            &[$(Figure { name: $name, kind: $kind, labels: &[$($label),*], help: $help }),*];
    };
}

figures! {
    BUILD_INFO = "goalwright_build_info", Kind::Gauge, ["version"], "Always 1; the version of the program is the label.";
    HTTP_REQUESTS = "goalwright_http_requests_total", Kind::Counter, ["method", "route", "status"],
        "Requests that were answered.";
    HTTP_DURATION = "goalwright_http_request_duration_seconds", REQUEST_SECONDS, ["method", "route"],
        "How long requests took to be answered.";
    EXECUTIONS = "goalwright_executions_total", Kind::Counter, ["outcome"], "Attempts that ended or were suspended.";
    EXECUTION_DURATION = "goalwright_execution_duration_seconds", WORK_SECONDS, [],
        "How long attempts took from their beginning to their end.";
    EXECUTION_QUEUE = "goalwright_execution_queue_seconds", WORK_SECONDS, [],
        "How long runs were queued before their first attempt began.";
    CLAIM_BATCH = "goalwright_claim_batch_size", BATCH, [], "Runs that were claimed in one unit, where there were any.";
    SETTLE_BATCH = "goalwright_settle_batch_size", BATCH, [], "Outcomes that were settled in one unit.";
    SETTLE_QUEUE = "goalwright_settle_queue_depth", Kind::Gauge, [],
        "Outcomes that waited to be settled when the last group was begun.";
    LEASE_EXPIRIES = "goalwright_lease_expiries_total", Kind::Counter, [],
        "Attempts that ended because their worker was taken for dead.";
    TOOL_CALLS = "goalwright_tool_calls_total", Kind::Counter, ["tool", "operation", "outcome"], "Calls of tools that ended.";
    TOOL_DURATION = "goalwright_tool_call_duration_seconds", WORK_SECONDS, ["tool", "operation"],
        "How long calls of tools took.";
    QUEUE_AGE = "goalwright_queue_age_seconds", Kind::Gauge, [],
        "How long the run that waits longest could have been claimed; 0 if none could.";
    TASKS = "goalwright_tasks", Kind::Gauge, ["state"],
        "Open tasks when they were counted last: all of them, those with an agent, those that could be claimed, those without an agent, and those that wait for others.";
    HOOK_RUNS = "goalwright_hook_runs_total", Kind::Counter, ["hook", "outcome"], "Hooks that were run after executions.";
    MODEL_CALLS = "goalwright_model_calls_total", Kind::Counter, ["provider", "outcome"],
        "Calls of models that ended, each with all its attempts.";
    MODEL_DURATION = "goalwright_model_call_duration_seconds", WORK_SECONDS, ["provider"],
        "How long calls of models took, all attempts and the pauses between them included.";
    MODEL_TOKENS = "goalwright_model_tokens_total", Kind::Counter, ["provider", "kind"],
        "Tokens that calls of models consumed, as far as the providers told.";
    MODEL_RETRIES = "goalwright_model_retries_total", Kind::Counter, ["provider", "class"],
        "Attempts to ask a model that failed and were followed by another one.";
    MODEL_BREAKER = "goalwright_model_breaker_state", Kind::Gauge, ["provider"],
        "The worst of a provider's breakers: 0 if all are closed, 1 if one is half open, 2 if one is open.";
    EVENTS_UNSEALED = "goalwright_events_unsealed", Kind::Gauge, [],
        "Events without a position or a seal, counted up to 10,000.";
    SEQUENCER_LAG = "goalwright_sequencer_lag_seconds", Kind::Gauge, [],
        "How old the oldest event without a position is; 0 if all have one.";
    DATABASE_UP = "goalwright_database_up", Kind::Gauge, [],
        "Whether the database answered when the page was asked for; if not, what only it knows is as it was before.";
    DB_CONNECTIONS = "goalwright_db_connections", Kind::Gauge, ["pool", "state"],
        "Connections to the database, in use and idle.";
    SPANS_EXPORTED = "goalwright_spans_exported_total", Kind::Counter, [], "Spans that the collector took.";
    SPANS_DROPPED = "goalwright_spans_dropped_total", Kind::Counter, ["reason"],
        "Spans that were lost: the queue was full, or the collector did not take them.";
}

const METADATA: Metadata<'static> = Metadata::new("goalwright", Level::INFO, None);

/// The outcomes of attempts, so that each is there before it first happens.
const OUTCOMES: [&str; 6] = ["succeeded", "partial", "failed", "suspended", "released", "lease_lost"];

/// Counts and measures.
pub(super) struct Figures {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    executions: HashMap<&'static str, Counter>,
    lease_expiries: Counter,
    duration: Histogram,
    queued: Histogram,
    claimed: Histogram,
    settled: Histogram,
    unsettled: Gauge,
}

impl Figures {
    pub(super) fn new() -> Self {
        let recorder = recorder();
        let handle = recorder.handle();
        let key = Key::from_static_name;
        let histogram = |name| recorder.register_histogram(&key(name), &METADATA);
        let executions = OUTCOMES.map(|outcome| {
            let labels = vec![Label::from_static_parts("outcome", outcome)];
            (outcome, recorder.register_counter(&Key::from_parts(EXECUTIONS, labels), &METADATA))
        });
        let figures = Self {
            executions: executions.into_iter().collect(),
            lease_expiries: recorder.register_counter(&key(LEASE_EXPIRIES), &METADATA),
            duration: histogram(EXECUTION_DURATION),
            queued: histogram(EXECUTION_QUEUE),
            claimed: histogram(CLAIM_BATCH),
            settled: histogram(SETTLE_BATCH),
            unsettled: recorder.register_gauge(&key(SETTLE_QUEUE), &METADATA),
            handle,
            recorder,
        };
        for hook in HOOKS {
            for outcome in ["done", "again", "failed"] {
                figures.counter(HOOK_RUNS, &[("hook", hook), ("outcome", outcome)]).increment(0);
            }
        }
        figures.begin_models();
        figures.gauge(BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        figures
    }

    /// Everything about models is there before the first one is asked.
    fn begin_models(&self) {
        for provider in [Provider::Anthropic, Provider::OpenAi] {
            self.breaker(provider.as_str(), BreakerState::Closed);
            let provider = ("provider", provider.as_str());
            self.counter(MODEL_CALLS, &[provider, ("outcome", "answered")]).increment(0);
            self.counter(MODEL_RETRIES, &[provider, ("class", "server")]).increment(0);
            drop(self.histogram(MODEL_DURATION, &[provider]));
            for kind in ["input", "cache_creation", "cache_read", "output"] {
                self.counter(MODEL_TOKENS, &[provider, ("kind", kind)]).increment(0);
            }
        }
    }

    pub(super) fn take(&self, happening: Happening<'_>) {
        match happening {
            Happening::Answered { method, route, status, took } => self.answered(method, route, status, took),
            Happening::Claimed(assignments) => self.claimed(assignments),
            Happening::Settled(count) => self.settled.record(count as f64),
            Happening::Unsettled(count) => self.unsettled.set(count as f64),
            Happening::Executed(executed) => self.executed(executed),
            Happening::Called(call) => self.called(call),
            Happening::Counted(standings) => self.counted(standings),
            Happening::Hooked { hook, outcome } => {
                self.counter(HOOK_RUNS, &[("hook", hook), ("outcome", outcome)]).increment(1);
            }
            Happening::Asked(call) => self.asked(call),
            Happening::AskedAgain { provider, class } => {
                self.counter(MODEL_RETRIES, &[("provider", provider), ("class", class)]).increment(1);
            }
            Happening::BreakerChanged { provider, state } => self.breaker(provider, state),
        }
    }

    fn asked(&self, call: &ModelCall) {
        let ModelCall { provider, outcome, took, usage } = *call;
        let provider = ("provider", provider);
        self.counter(MODEL_CALLS, &[provider, ("outcome", outcome)]).increment(1);
        self.histogram(MODEL_DURATION, &[provider]).record(took.as_secs_f64());
        let cached = usage.cache_creation_tokens.saturating_add(usage.cache_read_tokens);
        for (kind, tokens) in [
            ("input", usage.input_tokens.saturating_sub(cached)),
            ("cache_creation", usage.cache_creation_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("output", usage.output_tokens),
        ] {
            self.counter(MODEL_TOKENS, &[provider, ("kind", kind)]).increment(tokens);
        }
    }

    fn breaker(&self, provider: &str, state: BreakerState) {
        let value = match state {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        self.gauge(MODEL_BREAKER, &[("provider", provider)]).set(value);
    }

    fn answered(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let route = route.unwrap_or("none");
        let status = status.to_string();
        self.counter(HTTP_REQUESTS, &[("method", method), ("route", route), ("status", &status)])
            .increment(1);
        self.histogram(HTTP_DURATION, &[("method", method), ("route", route)]).record(took.as_secs_f64());
    }

    fn claimed(&self, assignments: &[Assignment]) {
        if !assignments.is_empty() {
            self.claimed.record(assignments.len() as f64);
        }
        for queued in assignments.iter().filter_map(|assignment| assignment.queued) {
            self.queued.record(queued.as_secs_f64());
        }
    }

    fn executed(&self, executed: &Executed) {
        if let Some(counter) = self.executions.get(executed.outcome) {
            counter.increment(1);
        }
        match executed.outcome {
            "lease_lost" => self.lease_expiries.increment(1),
            "suspended" | "released" => {}
            _ => self.duration.record(executed.ended_at.seconds_since(executed.started_at)),
        }
    }

    fn counted(&self, standings: &Standings) {
        let states = [
            ("total", standings.total()),
            ("with_agent", standings.with_agent()),
            ("executable", standings.of(Standing::Executable)),
            ("unassigned", standings.of(Standing::Unassigned)),
            ("blocked", standings.of(Standing::Blocked)),
        ];
        for (state, count) in states {
            self.gauge(TASKS, &[("state", state)]).set(count as f64);
        }
    }

    fn called(&self, call: &ToolCall) {
        let (tool, operation) = (("tool", call.tool.as_str()), ("operation", call.operation.as_str()));
        self.counter(TOOL_CALLS, &[tool, operation, ("outcome", call.status.as_str())]).increment(1);
        if let Some(ended) = call.ended_at {
            self.histogram(TOOL_DURATION, &[tool, operation]).record(ended.seconds_since(call.started_at));
        }
    }

    pub(super) fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&labelled(name, labels), &METADATA)
    }

    pub(super) fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&labelled(name, labels), &METADATA)
    }

    fn histogram(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        self.recorder.register_histogram(&labelled(name, labels), &METADATA)
    }

    pub(super) fn render(&self) -> String {
        self.handle.render()
    }
}

fn labelled(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

fn recorder() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for figure in FIGURES {
        if let Kind::Histogram(buckets) = figure.kind {
            builder = match builder.set_buckets_for_metric(Matcher::Full(figure.name.to_owned()), buckets) {
                Ok(builder) => builder,
                // Only an empty list of buckets is refused.
                Err(_) => PrometheusBuilder::new(),
            };
        }
    }
    let recorder = builder.build_recorder();
    for figure in FIGURES {
        let (name, help) = (figure.name.into(), figure.help.into());
        match figure.kind {
            Kind::Counter => recorder.describe_counter(name, None::<Unit>, help),
            Kind::Gauge => recorder.describe_gauge(name, None::<Unit>, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None::<Unit>, help),
        }
    }
    recorder
}

/// Puts what was measured into its buckets now and then, so that it does not pile up where nobody asks for the page.
pub struct UpkeepLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl UpkeepLoop {
    const PAUSE: Duration = Duration::from_secs(5);

    /// Starts it.
    pub fn start(observer: Arc<Observer>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("keeper of figures", async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(Self::PAUSE) => {}
                }
                if let Some(figures) = &observer.figures {
                    figures.handle.run_upkeep();
                }
            }
        });
        Self { stop, task }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
