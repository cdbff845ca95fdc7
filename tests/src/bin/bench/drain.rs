//! Goals worked off by the loops that `goalwright serve` runs, with everything they record.

use std::time::{Duration, Instant};

use anyhow::ensure;
use goalwright_infrastructure::worker::{SequencerLoop, Workers};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::claims::{self, Shape};
use crate::place::Place;
use crate::product::{self, Product};
use crate::report::{Figure, Report};
use crate::{Backend, pgbench, plain};

/// Attempts at once, as many as the settings give where nobody says otherwise.
const CONCURRENCY: usize = 16;
/// Tasks that are completed, as the counters of their goals say.
const COMPLETED: &str = "SELECT CAST(COALESCE(SUM(completed), 0) AS BIGINT) FROM goal_progress";
/// How often the counters are looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What is not done by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The limit is measured for so long.
const LIMIT: Duration = Duration::from_secs(4);
/// An import takes at most so many tasks.
pub(crate) const PER_GOAL: u32 = 10_000;

/// What the tasks of a drain call: what only computes is done in the unit that claims it, and the other is held under a lease
/// and settled.
pub(crate) const CALLS: [&str; 2] = ["time.now", "file.list"];

/// Drains so many tasks of each kind and says how fast.
pub(crate) async fn measure(place: &Place, report: &mut Report, tasks: u32) -> anyhow::Result<()> {
    let limit = limit(place, tasks).await?;
    for call in CALLS {
        one(place, report, (call, tasks), limit).await?;
    }
    Ok(())
}

async fn one(
    place: &Place,
    report: &mut Report,
    (call, tasks): (&str, u32),
    limit: Option<f64>,
) -> anyhow::Result<()> {
    let product = Product::open(place).await?;
    let drained = drain(&product, call, tasks).await?;
    let url = product.url.clone();
    product.close().await;
    let watch = plain::connect(&url, 1).await?;
    recorded(&watch, drained.count).await?;
    watch.close().await?;
    let what = format!(
        "drain: goals of `{call}` tasks through the worker loop, {CONCURRENCY} at once ({} tasks)",
        drained.count
    );
    let figure = Figure::new(place, &what, drained.rate(), "tasks/s");
    report.figure(match limit {
        Some(limit) => figure.against(limit),
        None => figure,
    });
    Ok(())
}

/// What the database alone can do one by one: as `pgbench` tells it, or the plain statements of `claims` through one
/// connection.
async fn limit(place: &Place, tasks: u32) -> anyhow::Result<Option<f64>> {
    match place.backend {
        Backend::Postgres => pgbench::limit(place).await,
        Backend::Sqlite => {
            let shape = Shape { workers: 1, batch: 1 };
            Ok(Some(claims::limit(place, tasks, shape, LIMIT).await?.rate()))
        }
    }
}

/// A database in which so many tasks were drained; gives its URL.
pub(crate) async fn leave_drained(place: &Place, tasks: u32) -> anyhow::Result<String> {
    let product = Product::open(place).await?;
    drain(&product, CALLS[0], tasks).await?;
    let url = product.url.clone();
    product.close().await;
    Ok(url)
}

/// What was done in which time.
pub(crate) struct Drained {
    pub(crate) count: u32,
    took: Duration,
}

impl Drained {
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.count) / self.took.as_secs_f64()
    }
}

/// From the start of the loops until all tasks are completed, and every event of it has its position and its seal.
pub(crate) async fn drain(product: &Product, call: &str, tasks: u32) -> anyhow::Result<Drained> {
    let done_before = done(product).await?;
    let mut left = tasks;
    while left > 0 {
        let some = left.min(PER_GOAL);
        product.import(&product::plan_of(call, 1, some)).await?;
        left -= some;
    }
    while product.database.sequencer().sequence().await? > 0 {}
    let watch = plain::connect(&product.url, 1).await?;

    let started = Instant::now();
    let sequencer = SequencerLoop::start(
        product.database.sequencer(),
        product.database.ledger(),
        product.ports.signals.clone(),
    );
    let workers = Workers::start(product.kernel.clone(), product.ports.signals.clone(), CONCURRENCY);
    let open = "SELECT COUNT(*) FROM events WHERE position IS NULL";
    let (count, took) = loop {
        let count = number(&watch, COMPLETED).await? - done_before;
        if count >= i64::from(tasks) && number(&watch, open).await? == 0 || started.elapsed() > PATIENCE {
            break (u32::try_from(count)?, started.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    };
    workers.stop(Duration::from_secs(5)).await;
    sequencer.stop().await;
    watch.close().await?;
    Ok(Drained { count, took })
}

/// Tasks that are completed by now.
async fn done(product: &Product) -> anyhow::Result<i64> {
    let watch = plain::connect(&product.url, 1).await?;
    let count = number(&watch, COMPLETED).await?;
    watch.close().await?;
    Ok(count)
}

/// Fails unless every task left its experience, its attempt and its events.
async fn recorded(database: &DatabaseConnection, tasks: u32) -> anyhow::Result<()> {
    let expected = i64::from(tasks);
    for (what, sql) in [
        ("experiences", "SELECT COUNT(*) FROM experiences WHERE type = 'TASK_EXECUTION'"),
        ("attempts", "SELECT COUNT(*) FROM attempts WHERE status = 'succeeded'"),
        (
            "events",
            "SELECT COUNT(*) FROM events WHERE event_type = 'task.completed' AND position IS NOT NULL",
        ),
    ] {
        let found = number(database, sql).await?;
        ensure!(found == expected, "{found} {what} where {expected} were to be");
    }
    Ok(())
}

pub(crate) async fn number(database: &DatabaseConnection, sql: &str) -> anyhow::Result<i64> {
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
}
