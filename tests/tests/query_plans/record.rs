//! What the product sends to the database, as `goalwright::sql` tells it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, registry};

/// A statement that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sent {
    /// With placeholders.
    pub(crate) text: String,
    /// The types of the values, as PostgreSQL calls them, separated by commas.
    pub(crate) types: String,
}

/// Listens for as long as its guard lives, to what this thread sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<Sent>>>);

impl Record {
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let record = Self::default();
        let only = Targets::new().with_target("goalwright::sql", LevelFilter::TRACE);
        let guard = registry().with(record.clone().with_filter(only)).set_default();
        (record, guard)
    }

    /// What was sent since the last time.
    pub(crate) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for Record {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut sent = Sent::default();
        event.record(&mut sent);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}

impl Visit for Sent {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "statement" => self.text = format!("{value:?}"),
            "types" => self.types = format!("{value:?}"),
            _ => {}
        }
    }
}
