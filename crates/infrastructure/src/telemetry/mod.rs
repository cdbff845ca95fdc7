//! Who watches: figures for Prometheus, and spans for a collector that speaks OTLP.
//!
//! - `figures` counts and measures, and has the name and the help text of everything that is,
//! - `page` renders the figures, with those that only the database knows,
//! - `spans` is the way of spans to the collector: ids, a bounded queue, a thread of its own,
//! - `layer` makes spans of requests and calls of tools and models, and of what is done below them,
//! - `genai` has the names for calls of models, which still change,
//! - `attempts` makes the spans of settled attempts, under the ids that the record has,
//! - `sampling` decides which traces are recorded.
//!
//! This is the one place that names OpenTelemetry and the library of metrics.

mod attempts;
mod figures;
mod genai;
mod layer;
mod page;
mod sampling;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::ports::{Clock, Happening, Telemetry};
use uuid::Uuid;

use figures::Figures;
pub use figures::{FIGURES, Figure, Kind, UpkeepLoop};
pub use layer::SpanLayer;
pub use page::Page;
pub use sampling::{Sampling, SamplingError};
use spans::Spans;
pub use spans::{Collector, ExportError};

/// How long spans that are not sent yet may take to be, once the process ends.
const FLUSH: Duration = Duration::from_secs(3);

/// Counts, measures and traces, as far as anybody looks.
pub struct Observer {
    figures: Option<Figures>,
    spans: Option<Arc<Spans>>,
    clock: Arc<dyn Clock>,
}

impl Observer {
    /// Keeps figures if they are wanted, and sends spans to the collector if there is one.
    ///
    /// # Errors
    /// If nothing can be sent to this collector, whether it is there or not.
    pub fn start(
        figures: bool,
        collector: Option<&Collector>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, ExportError> {
        let spans = collector.map(Spans::start).transpose()?.map(Arc::new);
        Ok(Arc::new(Self { figures: figures.then(Figures::new), spans, clock }))
    }

    /// What makes spans of the ones that the program opens; none without a collector.
    pub fn layer(&self) -> Option<SpanLayer> {
        self.spans.clone().map(SpanLayer::new)
    }

    /// Sends what is left, for a while. It blocks: call it where no runtime is.
    pub fn finish(&self) {
        if let Some(spans) = &self.spans {
            spans.finish(FLUSH);
        }
    }
}

impl Telemetry for Observer {
    fn tell(&self, happening: Happening<'_>) {
        if let Some(figures) = &self.figures {
            figures.take(happening);
        }
        if let (Some(spans), Happening::Executed(executed)) = (&self.spans, happening) {
            attempts::record(spans, executed, self.clock.now());
        }
    }

    fn watches(&self) -> bool {
        self.figures.is_some() || self.spans.is_some()
    }

    fn follows_traces(&self) -> bool {
        self.spans.is_some()
    }

    fn samples(&self, trace: Uuid, wanted: Option<bool>) -> bool {
        match &self.spans {
            Some(spans) => spans.sampling.samples(trace, wanted),
            None => wanted.unwrap_or(true),
        }
    }
}
