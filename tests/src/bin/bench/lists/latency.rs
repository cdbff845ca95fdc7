//! How long answers took.

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;

/// A tenant a thousand times larger may cost this much more.
const BAR: f64 = 1.5;

/// One question, put to a small and to a large tenant.
pub(crate) struct Latency {
    database: &'static str,
    what: &'static str,
    small: Quantiles,
    large: Quantiles,
}

/// Milliseconds.
struct Quantiles {
    tasks: u32,
    median: f64,
    p95: f64,
}

impl Quantiles {
    fn new((tasks, mut times): (u32, Vec<Duration>)) -> Self {
        times.sort();
        let at = |part: f64| {
            let last = times.len().saturating_sub(1);
            let time = times.get((last as f64 * part).round() as usize).copied().unwrap_or_default();
            time.as_secs_f64() * 1e3
        };
        Self { tasks, median: at(0.5), p95: at(0.95) }
    }

    fn show(&self) -> String {
        format!("{:.2} / {:.2} ms", self.median, self.p95)
    }

    fn json(&self) -> Value {
        json!({"tasks": self.tasks, "median_ms": self.median, "p95_ms": self.p95})
    }
}

impl Latency {
    /// Each tenant with its number of tasks.
    pub(super) fn new(
        place: &Place,
        what: &'static str,
        small: (u32, Vec<Duration>),
        large: (u32, Vec<Duration>),
    ) -> Self {
        Self { database: place.name(), what, small: Quantiles::new(small), large: Quantiles::new(large) }
    }

    /// What the median of the large tenant is of that of the small one.
    fn ratio(&self) -> f64 {
        self.large.median / self.small.median
    }

    fn verdict(&self) -> &'static str {
        if self.ratio() > BAR { "MISS" } else { "" }
    }

    /// For a line of its own.
    pub(crate) fn line(&self) -> String {
        let Self { database, what, small, large, .. } = self;
        let (ratio, verdict) = (self.ratio(), self.verdict());
        format!("{database}: {what}: {}, then {}: ratio {ratio:.2} {verdict}", small.show(), large.show())
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "database": self.database, "what": self.what, "small": self.small.json(),
            "large": self.large.json(), "ratio": self.ratio(), "bar": BAR,
        })
    }

    fn row(&self) -> [String; 6] {
        [
            self.database.to_owned(),
            self.what.to_owned(),
            self.small.show(),
            self.large.show(),
            format!("{:.2}", self.ratio()),
            self.verdict().to_owned(),
        ]
    }
}

/// The rows of a table, its head first; nothing if nothing was asked.
pub(crate) fn table(latencies: &[Latency]) -> Vec<[String; 6]> {
    let Some(first) = latencies.first() else { return Vec::new() };
    let tenant = |tasks| format!("{tasks} tasks, median / p95");
    let head = [
        "database".to_owned(),
        "question".to_owned(),
        tenant(first.small.tasks),
        tenant(first.large.tasks),
        "ratio".to_owned(),
        format!("above {BAR}"),
    ];
    std::iter::once(head).chain(latencies.iter().map(Latency::row)).collect()
}
