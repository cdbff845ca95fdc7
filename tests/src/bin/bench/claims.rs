//! Claiming and settling without doing anything in between, against the least SQL that takes a job and ends it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::try_join_all;
use goalwright_application::execution::{Assignment, Report as Performed, Settlement};
use goalwright_domain::execution::Outcome;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement, Value};
use serde_json::json;

use crate::place::Place;
use crate::plain;
use crate::product::{self, Product};
use crate::report::{Figure, Report};

/// How the work is shared out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Claim and settle at the same time.
    pub(crate) workers: u32,
    /// Tasks that are claimed, and settled, at once.
    pub(crate) batch: usize,
}

/// What was done, and how long it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    count: usize,
    took: Duration,
}

impl Done {
    pub(crate) fn rate(self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

pub(crate) async fn measure(
    place: &Place,
    report: &mut Report,
    tasks: u32,
    shape: Shape,
    patience: Duration,
) -> anyhow::Result<()> {
    let product = Product::open(place).await?;
    product.import(&product::plan(1, tasks)).await?;
    let done = work_off(&product, shape, patience).await?;
    product.close().await;
    let limit = limit(place, tasks, shape, patience / 2).await?;

    let Shape { workers, batch } = shape;
    let workers = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
    let what = format!("claim and settle, {workers}, {batch} at a time ({} tasks)", done.count);
    report.figure(Figure::new(place, &what, done.rate(), "tasks/s").against(limit.rate()));
    Ok(())
}

/// Claims and settles until nothing is left, or patience is.
pub(crate) async fn work_off(product: &Product, shape: Shape, patience: Duration) -> anyhow::Result<Done> {
    // Connections are opened before the clock runs: more than one only where the database has more than one writer.
    try_join_all((0..shape.workers).map(|_| async {
        let unit = product.ports.transactions.begin().await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(unit);
        anyhow::Ok(())
    }))
    .await?;
    let started = Instant::now();
    let counts =
        try_join_all((0..shape.workers).map(|_| worker(product, shape.batch, started, patience))).await?;
    Ok(Done { count: counts.iter().sum(), took: started.elapsed() })
}

async fn worker(
    product: &Product,
    batch: usize,
    started: Instant,
    patience: Duration,
) -> anyhow::Result<usize> {
    let mut count = 0;
    while started.elapsed() < patience {
        let claimed = product.kernel.claim(batch).await?;
        if claimed.is_empty() {
            break;
        }
        let settlements: Vec<Settlement> = claimed.iter().map(done).collect();
        let answers = product.kernel.settle(&settlements).await?;
        ensure!(answers.iter().all(Result::is_ok), "a lease was lost while nobody else could have taken it");
        count += claimed.len();
    }
    Ok(count)
}

/// What `time.now` would have answered, without the call.
fn done(assignment: &Assignment) -> Settlement {
    let result = json!({"iso": "2026-01-01T12:00:00Z", "unix": 1_767_268_800});
    let outcome = Outcome::Done { result, summary: None, partial: false };
    let report = Performed::of(outcome);
    Settlement { lease: assignment.lease, report, expired: false }
}

/// Two columns, a primary key, one index of what is queued; two statements per batch, each a transaction of its own,
/// by as many connections as there are workers. SQLite has one writer: there the workers share a connection, as they
/// do in the product, since several would only wait for each other's locks.
pub(crate) async fn limit(
    place: &Place,
    tasks: u32,
    shape: Shape,
    patience: Duration,
) -> anyhow::Result<Done> {
    let url = place.fresh().await?;
    let connections = if place.name() == "sqlite" { 1 } else { shape.workers };
    let database = plain::connect(&url, connections).await?;
    let backend = database.get_database_backend();
    database
        .execute_unprepared("CREATE TABLE jobs (id BIGINT NOT NULL PRIMARY KEY, status TEXT NOT NULL)")
        .await?;
    database.execute_unprepared("CREATE INDEX jobs_queued ON jobs (id) WHERE status = 'queued'").await?;
    let ids: Vec<String> = (1..=tasks).map(|id| format!("({id}, 'queued')")).collect();
    database.execute_unprepared(&format!("INSERT INTO jobs VALUES {}", ids.join(", "))).await?;
    database.execute_unprepared("ANALYZE jobs").await?;
    try_join_all((0..connections).map(|_| database.execute_raw(one(backend)))).await?;

    let started = Instant::now();
    let workers = (0..shape.workers).map(|_| take_and_end(&database, shape.batch, started, patience));
    let count = try_join_all(workers).await?.iter().sum();
    let took = started.elapsed();
    database.close().await?;
    Ok(Done { count, took })
}

/// Opens a connection, if one is to be opened; the server needs a moment, so that they do not share one.
fn one(backend: DatabaseBackend) -> Statement {
    let sql = if backend == DatabaseBackend::Postgres { "SELECT pg_sleep(0.02)" } else { "SELECT 1" };
    Statement::from_string(backend, sql)
}

async fn take_and_end(
    database: &DatabaseConnection,
    batch: usize,
    started: Instant,
    patience: Duration,
) -> anyhow::Result<usize> {
    let backend = database.get_database_backend();
    let (placeholder, skip) = match backend {
        DatabaseBackend::Postgres => ("$1", " FOR UPDATE SKIP LOCKED"),
        _ => ("?", ""),
    };
    let take = format!(
        "UPDATE jobs SET status = 'running' WHERE id IN (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id \
         LIMIT {placeholder}{skip}) RETURNING id"
    );
    let mut count = 0;
    while started.elapsed() < patience {
        let limit = Value::from(i64::try_from(batch)?);
        let taken = database.query_all_raw(Statement::from_sql_and_values(backend, &take, [limit])).await?;
        if taken.is_empty() {
            break;
        }
        let ids: Vec<i64> = taken.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        let list: Vec<String> = (1..=ids.len())
            .map(
                |number| {
                    if backend == DatabaseBackend::Postgres { format!("${number}") } else { "?".to_owned() }
                },
            )
            .collect();
        let end = format!("UPDATE jobs SET status = 'completed' WHERE id IN ({})", list.join(", "));
        let ids: Vec<Value> = ids.into_iter().map(Value::from).collect();
        count += ids.len();
        database.execute_raw(Statement::from_sql_and_values(backend, end, ids)).await?;
    }
    Ok(count)
}
