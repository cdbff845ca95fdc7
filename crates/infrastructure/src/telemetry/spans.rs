//! The way of spans to the collector: OTLP over HTTP, from a thread of its own.
//!
//! Whoever ends a span puts it into a queue and goes on. The queue is bounded; what does not fit, and what the collector
//! does not take in time, is dropped and counted, and said once.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, Sampler, SdkTracer,
    SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use uuid::Uuid;

use super::Sampling;

/// So many spans wait for the collector.
const QUEUE: usize = 8_192;

/// Where spans are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Collector {
    /// The URL without a path for traces, such as `http://localhost:4318`.
    pub endpoint: String,
    /// Which traces are.
    pub sampling: Sampling,
}

/// Why nothing can be sent to a collector.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent to this collector: {0}")]
pub struct ExportError(String);

/// The way out.
pub(super) struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    pub(super) sampling: Sampling,
    pub(super) tally: Arc<Tally>,
}

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting: AtomicUsize,
    pub(super) exported: AtomicU64,
    /// The queue was full.
    pub(super) crowded_out: AtomicU64,
    /// The collector did not take them.
    pub(super) refused: AtomicU64,
    failing: AtomicBool,
    full: AtomicBool,
}

/// Where a span stands: its own ids, and its parent's if it has one.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) trace_id: Uuid,
    pub(super) span_id: u64,
    pub(super) parent: Option<u64>,
    /// Whether the parent is somebody else's.
    pub(super) remote: bool,
    pub(super) state: TraceState,
}

impl Spans {
    /// Starts the thread that sends.
    pub(super) fn start(collector: &Collector) -> Result<Self, ExportError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", collector.endpoint.trim_end_matches('/')))
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_headers(std::iter::once(("user-agent".to_owned(), AGENT.to_owned())).collect())
            .build()
            .map_err(|error| ExportError(error.to_string()))?;
        let tally = Arc::new(Tally::default());
        let exporter = Tallied { inner: exporter, tally: tally.clone() };
        let queue = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(queue).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Bounded { inner, tally: tally.clone() })
            // What is not sampled does not come here.
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(GivenIds)
            .with_resource(resource())
            .build();
        let tracer = provider.tracer("goalwright");
        Ok(Self { provider, tracer, sampling: collector.sampling, tally })
    }

    /// Begins a span at this place.
    pub(super) fn begin(&self, builder: SpanBuilder, place: &Place) -> Span {
        let parent = match place.parent {
            Some(parent) => Context::new().with_remote_span_context(SpanContext::new(
                trace_id(place.trace_id),
                span_id(parent),
                TraceFlags::SAMPLED,
                place.remote,
                place.state.clone(),
            )),
            None => Context::new(),
        };
        GivenIds::with(trace_id(place.trace_id), span_id(place.span_id), || {
            self.tracer.build_with_context(builder, &parent)
        })
    }

    /// Begins a span below another one, with an id of its own.
    pub(super) fn begin_below(&self, builder: SpanBuilder, parent: SpanContext) -> Span {
        self.tracer.build_with_context(builder, &Context::new().with_remote_span_context(parent))
    }

    pub(super) fn finish(&self, limit: Duration) {
        if self.provider.shutdown_with_timeout(limit).is_err() {
            tracing::warn!("the last spans did not reach the collector in time");
        }
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("tally", &self.tally).finish_non_exhaustive()
    }
}

const AGENT: &str = concat!("goalwright/", env!("CARGO_PKG_VERSION"));

pub(super) const fn trace_id(id: Uuid) -> TraceId {
    TraceId::from_bytes(id.into_bytes())
}

pub(super) const fn span_id(id: u64) -> SpanId {
    SpanId::from_bytes(id.to_be_bytes())
}

/// Who sends: `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before what we say of ourselves.
fn resource() -> Resource {
    let own = [
        KeyValue::new("service.name", "goalwright"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let resource =
        Resource::builder_empty().with_attributes(own).with_detector(Box::new(EnvResourceDetector::new()));
    match std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty()) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// The ids that a span is to have, and random ones for all others.
#[derive(Debug)]
struct GivenIds;

thread_local! {
    static GIVEN: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

impl GivenIds {
    /// A span that is begun in `begin` on this thread has these ids.
    fn with<T>(trace: TraceId, span: SpanId, begin: impl FnOnce() -> T) -> T {
        GIVEN.set(Some((trace, span)));
        let begun = begin();
        GIVEN.set(None);
        begun
    }
}

impl IdGenerator for GivenIds {
    fn new_trace_id(&self) -> TraceId {
        GIVEN.get().map_or_else(|| RandomIdGenerator::default().new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        GIVEN.get().map_or_else(|| RandomIdGenerator::default().new_span_id(), |(_, span)| span)
    }
}

/// Counts what goes into the queue, and keeps out what does not fit.
#[derive(Debug)]
struct Bounded {
    inner: BatchSpanProcessor,
    tally: Arc<Tally>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.tally.waiting.fetch_add(1, Ordering::AcqRel) < QUEUE {
            self.inner.on_end(span);
        } else {
            self.tally.waiting.fetch_sub(1, Ordering::AcqRel);
            self.tally.crowded_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what became of batches, and says once when the collector goes away, and when it is back.
#[derive(Debug)]
struct Tallied {
    inner: opentelemetry_otlp::SpanExporter,
    tally: Arc<Tally>,
}

impl SpanExporter for Tallied {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let answer = self.inner.export(batch).await;
        self.tally.waiting.fetch_sub(count, Ordering::AcqRel);
        self.tally.note(count as u64, answer.as_ref().err());
        answer
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl Tally {
    fn note(&self, count: u64, error: Option<&OTelSdkError>) {
        let counter = if error.is_some() { &self.refused } else { &self.exported };
        counter.fetch_add(count, Ordering::Relaxed);
        match error {
            Some(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(error = %error, "the collector takes no spans; they are dropped and counted until it does");
            }
            None if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("the collector takes spans again");
            }
            Some(_) | None => {}
        }
        if self.crowded_out.load(Ordering::Relaxed) > 0 && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                queue.size = QUEUE,
                "there are more spans than the collector takes; the rest is dropped and counted"
            );
        }
    }
}
