//! From the spans that the program opens to spans for the collector.
//!
//! Three kinds of them begin something of their own and bring their ids: `http.request`, `tool.call` and, where its caller
//! says in which trace, `model.call`. What is opened
//! below one of these becomes its child; everything else, the loops of workers above all, is nobody's and is left out:
//! attempts have their own spans, made when they are settled. Why not `tracing-opentelemetry`: see ADR 0017.

use std::fmt;
use std::sync::Arc;

use goalwright_domain::scrub::scrub;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::Span;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use uuid::Uuid;

use super::genai;
use super::spans::{Place, Spans};

/// A layer of the program's subscriber.
pub struct SpanLayer {
    spans: Arc<Spans>,
}

impl SpanLayer {
    pub(super) const fn new(spans: Arc<Spans>) -> Self {
        Self { spans }
    }

    /// The span at its own place, or below the next one around it that is recorded.
    fn begin<S>(&self, metadata: &Metadata<'_>, fields: Fields, span: &SpanRef<'_, S>) -> Option<Open>
    where
        S: for<'a> LookupSpan<'a>,
    {
        let mut builder = SpanBuilder::from_name(metadata.name());
        if let Some(root) = Root::of(metadata.name()) {
            builder = builder.with_kind(root.kind());
        }
        let begun = match (Root::of(metadata.name()), &fields.place) {
            (Some(_), _) if fields.unsampled => return None,
            (Some(root), GivenPlace { trace_id: Some(trace_id), span_id: Some(span_id), parent, state }) => {
                let place = Place {
                    trace_id: *trace_id,
                    span_id: *span_id,
                    parent: *parent,
                    remote: root == Root::Request,
                    state: state.clone().unwrap_or(TraceState::NONE),
                };
                self.spans.begin(builder, &place)
            }
            _ => {
                let around = span.scope().skip(1).find_map(|around| {
                    around.extensions().get::<Open>().map(|open| open.span.span_context().clone())
                });
                self.spans.begin_below(builder, around?)
            }
        };
        let mut open = Open { span: begun, name: fields.name };
        open.span.set_attributes(fields.attributes);
        if metadata.name() == genai::CALL {
            open.span.set_attribute(genai::constant());
        }
        Some(open)
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(open) = self.begin(attributes.metadata(), fields, &span) {
            span.extensions_mut().insert(open);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(error) = fields.error() {
            open.span.set_status(Status::Error { description: error.into() });
        }
        open.span.set_attributes(fields.attributes);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut open) = span.extensions_mut().remove::<Open>() else { return };
        if let Some(name) = open.name.take().full() {
            open.span.update_name(name);
        }
        open.span.end();
    }
}

/// A span that is open.
struct Open {
    span: Span,
    name: Name,
}

/// A span that begins something of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Request,
    Call,
    Model,
}

impl Root {
    fn of(name: &str) -> Option<Self> {
        match name {
            "http.request" => Some(Self::Request),
            "tool.call" => Some(Self::Call),
            genai::CALL => Some(Self::Model),
            _ => None,
        }
    }

    const fn kind(self) -> SpanKind {
        match self {
            Self::Request => SpanKind::Server,
            Self::Call => SpanKind::Internal,
            Self::Model => SpanKind::Client,
        }
    }
}

/// What a span is called there: `{method} {route}`, `{tool}.{operation}`, `chat {model}`.
#[derive(Default)]
struct Name {
    method: Option<String>,
    route: Option<String>,
    tool: Option<String>,
    operation: Option<String>,
    model: Option<String>,
}

impl Name {
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn full(self) -> Option<String> {
        match self {
            Self { method: Some(method), route: Some(route), .. } => Some(format!("{method} {route}")),
            Self { method: Some(method), .. } => Some(method),
            Self { tool: Some(tool), operation: Some(operation), .. } => Some(format!("{tool}.{operation}")),
            Self { model: Some(model), .. } => Some(genai::span_name(&model)),
            _ => None,
        }
    }
}

/// Where the program says that a span stands.
#[derive(Default)]
struct GivenPlace {
    trace_id: Option<Uuid>,
    span_id: Option<u64>,
    parent: Option<u64>,
    state: Option<TraceState>,
}

/// The fields of a span: where it stands, its name, and what is told of it.
#[derive(Default)]
struct Fields {
    place: GivenPlace,
    unsampled: bool,
    name: Name,
    attributes: Vec<KeyValue>,
}

impl Fields {
    /// What is wrong, if something is: the type of an error, or a status that is the server's fault.
    fn error(&mut self) -> Option<String> {
        let of = |key: &str| {
            self.attributes.iter().find(|one| one.key.as_str() == key).map(|one| one.value.clone())
        };
        if let Some(error) = of("error.type") {
            return Some(error.as_str().into_owned());
        }
        match of("http.response.status_code") {
            Some(Value::I64(status)) if status >= 500 => {
                self.attributes.push(KeyValue::new("error.type", status.to_string()));
                Some(status.to_string())
            }
            _ => None,
        }
    }

    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "trace_id" => self.place.trace_id = Uuid::try_parse(&text).ok(),
            "span_id" => self.place.span_id = u64::from_str_radix(&text, 16).ok(),
            "parent_span_id" => self.place.parent = u64::from_str_radix(&text, 16).ok(),
            "tracestate" => self.place.state = text.parse().ok(),
            "trace_flags" => self.unsampled = text == "00",
            name => {
                match name {
                    "http.request.method" => self.name.method = Some(text.clone()),
                    "http.route" => self.name.route = Some(text.clone()),
                    "tool.name" => self.name.tool = Some(text.clone()),
                    "tool.operation" => self.name.operation = Some(text.clone()),
                    genai::MODEL => self.name.model = Some(text.clone()),
                    _ => {}
                }
                self.tell(name, scrub(&text).into_owned().into());
            }
        }
    }

    fn tell(&mut self, name: &'static str, value: Value) {
        match genai::attributes(name, &value) {
            Some(attributes) => self.attributes.extend(attributes),
            None => self.attributes.push(KeyValue::new(name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.tell(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.tell(field.name(), i64::try_from(value).unwrap_or(i64::MAX).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.tell(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.tell(field.name(), value.into());
    }
}
