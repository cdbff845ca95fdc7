//! What was measured, for people and for programs.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::lists::{self, Latency};
use crate::place::Place;

/// One measurement, with the database's own limit where there is one.
pub(crate) struct Figure {
    database: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    limit: Option<f64>,
}

impl Figure {
    pub(crate) fn new(place: &Place, what: &str, value: f64, unit: &'static str) -> Self {
        Self { database: place.name(), what: what.to_owned(), value, unit, limit: None }
    }

    pub(crate) fn against(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The part of the limit that is reached: 1 is as fast as the database alone.
    fn ratio(&self) -> Option<f64> {
        let limit = self.limit?;
        Some(if self.unit == "ms" { limit / self.value } else { self.value / limit })
    }

    fn row(&self) -> [String; 5] {
        let with_unit = |value| format!("{} {}", number(value), self.unit);
        [
            self.database.to_owned(),
            self.what.clone(),
            with_unit(self.value),
            self.limit.map(with_unit).unwrap_or_default(),
            self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "database": self.database, "what": self.what, "value": self.value, "unit": self.unit,
            "limit": self.limit, "ratio": self.ratio(),
        })
    }
}

/// Collects figures, and tells of each as it comes.
pub(crate) struct Report {
    json: bool,
    started: Instant,
    machine: Value,
    databases: Vec<(&'static str, String)>,
    figures: Vec<Figure>,
    latencies: Vec<Latency>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        let (databases, figures, latencies) = (Vec::new(), Vec::new(), Vec::new());
        Self { json, started: Instant::now(), machine: Value::Null, databases, figures, latencies }
    }

    /// A line for people.
    pub(crate) fn say(&self, line: &str) {
        if self.json {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }

    /// What all figures depend on: the processors, who else uses them, and how often the disk can be made to keep
    /// something.
    pub(crate) fn machine(&mut self) -> anyhow::Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (load, syncs) = (load(), syncs_per_second()?);
        self.machine = json!({"cores": cores, "load": load, "syncs_per_second": syncs});
        let load = load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2}"));
        let syncs = number(syncs);
        self.say(&format!("machine: {cores} cores; load before the run: {load}"));
        self.say(&format!("disk: {syncs} appended blocks/s are kept (4 KiB, each synced)"));
        Ok(())
    }

    pub(crate) fn database(&mut self, name: &'static str, description: &str) {
        self.say(&format!("\n{name}: {description}"));
        self.databases.push((name, description.to_owned()));
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        let [database, what, value, limit, ratio] = figure.row();
        let limit =
            if limit.is_empty() { limit } else { format!("; the database alone: {limit}; ratio {ratio}") };
        self.say(&format!("{database}: {what}: {value}{limit}"));
        self.figures.push(figure);
    }

    pub(crate) fn latency(&mut self, latency: Latency) {
        self.say(&latency.line());
        self.latencies.push(latency);
    }

    /// The tables, or the JSON object.
    pub(crate) fn finish(self) {
        if !self.figures.is_empty() {
            let head = ["database", "what", "figure", "the database alone", "ratio"].map(str::to_owned);
            self.table(
                &std::iter::once(head).chain(self.figures.iter().map(Figure::row)).collect::<Vec<_>>(),
            );
            self.say("\nratio: the part of the database's own limit that is reached.");
        }
        if !self.latencies.is_empty() {
            self.table(&lists::table(&self.latencies));
            self.say("\nratio: the median of the large tenant by that of the small one.");
        }
        self.say(&format!("Took {:.0} s.", self.started.elapsed().as_secs_f64()));
        if self.json {
            let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
            let latencies: Vec<Value> = self.latencies.iter().map(Latency::json).collect();
            let databases: serde_json::Map<String, Value> =
                self.databases.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
            let told = json!({
                "machine": self.machine, "databases": databases, "figures": figures, "lists": latencies,
            });
            println!("{told}");
        }
    }

    /// Words to the left, figures to the right.
    fn table<const COLUMNS: usize>(&self, rows: &[[String; COLUMNS]]) {
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        self.say("");
        for (index, row) in rows.iter().enumerate() {
            let cells: [String; COLUMNS] =
                std::array::from_fn(|column| match (&row[column], widths[column]) {
                    (cell, width) if column < 2 => format!("{cell:<width$} "),
                    (cell, width) => format!("{cell:>width$} "),
                });
            self.say(&format!("| {}|", cells.join("| ")));
            if index == 0 {
                let rules: [String; COLUMNS] = std::array::from_fn(|column| {
                    format!("{}{}", "-".repeat(widths[column] + 1), if column < 2 { "-" } else { ":" })
                });
                self.say(&format!("|{}|", rules.join("|")));
            }
        }
    }
}

/// How many processes wanted a processor during the last minute, where the system tells. Above a fraction of the
/// cores, the figures say more about the others than about us.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// Appends blocks for a quarter of a second, and waits for the disk after each.
fn syncs_per_second() -> anyhow::Result<f64> {
    let mut file = tempfile::NamedTempFile::with_prefix("goalwright-bench-").context("a temporary file")?;
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < Duration::from_millis(250) {
        file.write_all(&[0; 4096])?;
        file.as_file().sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// The middle one; of an even number, the upper of the two.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// With three digits at least, and thousands apart.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut number = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            number.push(',');
        }
        number.push(digit);
    }
    number
}
