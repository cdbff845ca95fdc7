//! The figures as a page.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::FiguresPage;

use super::Observer;
use super::figures::{
    DATABASE_UP, DB_CONNECTIONS, EVENTS_UNSEALED, Figures, QUEUE_AGE, SEQUENCER_LAG, SPANS_DROPPED,
    SPANS_EXPORTED,
};
use super::spans::Tally;
use crate::persistence::{Database, Vitals};

/// How long the database may take: the page is wanted above all while it is away, and collectors wait some seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The page: what was counted here, and what the database says when it is asked for.
pub struct Page {
    observer: Arc<Observer>,
    database: Arc<Database>,
}

impl Page {
    /// Of these.
    pub fn new(observer: Arc<Observer>, database: Arc<Database>) -> Self {
        Self { observer, database }
    }
}

#[async_trait]
impl FiguresPage for Page {
    async fn render(&self) -> String {
        let Some(figures) = &self.observer.figures else { return String::new() };
        let asked = tokio::time::timeout(PATIENCE, self.database.vitals(self.observer.clock.now())).await;
        let vitals = asked.ok().and_then(Result::ok);
        figures.gauge(DATABASE_UP, &[]).set(if vitals.is_some() { 1.0 } else { 0.0 });
        if let Some(vitals) = vitals {
            show(figures, &vitals);
        }
        tell(figures, self.observer.spans.as_ref().map_or(&Tally::default(), |spans| &spans.tally));
        figures.render()
    }
}

fn show(figures: &Figures, vitals: &Vitals) {
    figures.gauge(QUEUE_AGE, &[]).set(vitals.queue_age.as_secs_f64());
    figures.gauge(EVENTS_UNSEALED, &[]).set(vitals.unsealed as f64);
    figures.gauge(SEQUENCER_LAG, &[]).set(vitals.sequencer_lag.as_secs_f64());
    for pool in &vitals.pools {
        for (state, count) in [("in_use", pool.in_use), ("idle", pool.idle)] {
            figures.gauge(DB_CONNECTIONS, &[("pool", pool.name), ("state", state)]).set(f64::from(count));
        }
    }
}

fn tell(figures: &Figures, tally: &Tally) {
    let dropped = |reason| figures.counter(SPANS_DROPPED, &[("reason", reason)]);
    figures.counter(SPANS_EXPORTED, &[]).absolute(tally.exported.load(Ordering::Relaxed));
    dropped("queue_full").absolute(tally.crowded_out.load(Ordering::Relaxed));
    dropped("not_taken").absolute(tally.refused.load(Ordering::Relaxed));
}
