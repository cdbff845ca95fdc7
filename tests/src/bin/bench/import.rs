//! Importing a plan, against writing the same rows.

use std::time::{Duration, Instant};

use goalwright_application::planning::ImportRequest;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};

use crate::place::Place;
use crate::plain::{self, Table};
use crate::product::{self, Product};
use crate::report::{Figure, Report, median};

const PHASES: u32 = 50;
const TASKS_PER_PHASE: u32 = 20;
const TASKS: u32 = PHASES * TASKS_PER_PHASE;
const ROUNDS: usize = 5;

/// What an import refers to, and what it writes; in an order that foreign keys allow.
const TABLES: [&str; 12] = [
    "users",
    "workspaces",
    "workspace_members",
    "agents",
    "goals",
    "goal_progress",
    "tasks",
    "task_dependencies",
    "runs",
    "decompositions",
    "events",
    "ledger_heads",
];

struct Round {
    reading: Duration,
    import: Duration,
    limit: Duration,
    edges: usize,
    rows: usize,
}

pub(crate) async fn measure(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    let plan = product::plan(PHASES, TASKS_PER_PHASE);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(round(place, &plan).await?);
    }
    let seconds = |pick: fn(&Round) -> Duration| median(rounds.iter().map(|round| pick(round).as_secs_f64()));
    let (reading, import, limit) = (seconds(|r| r.reading), seconds(|r| r.import), seconds(|r| r.limit));
    let (edges, rows) = rounds.last().map_or((0, 0), |round| (round.edges, round.rows));

    let what = format!("import of {TASKS} tasks in {PHASES} phases, {edges} edges, {rows} rows");
    report.figure(Figure::new(place, &what, import * 1e3, "ms").against(limit * 1e3));
    let rate =
        |count: f64, unit| Figure::new(place, "the same import", count / import, unit).against(count / limit);
    report.figure(rate(f64::from(TASKS), "tasks/s"));
    report.figure(rate(edges as f64, "edges/s"));
    let what = "of the import, reading and checking the plan (a dry run)";
    report.figure(Figure::new(place, what, reading * 1e3, "ms"));
    Ok(())
}

/// On two databases of its own, one for the product and one for the limit.
async fn round(place: &Place, plan: &str) -> anyhow::Result<Round> {
    let product = Product::open(place).await?;
    let target = Product::open_schema(place).await?;
    let source = plain::connect(&product.url, 1).await?;
    let backend = source.get_database_backend();

    // What is there before the import goes over uncounted. Heads of the ledger are moved, not added: they count.
    let mut tables = Vec::new();
    for name in TABLES {
        let table = Table::read(&source, name).await?;
        let before = if name == "ledger_heads" { Vec::new() } else { table.rows(&source).await? };
        for statement in table.inserts(backend, &before) {
            target.execute_raw(statement).await?;
        }
        tables.push((table, before));
    }

    let request = ImportRequest { content: plan.to_owned(), dry_run: true, ..ImportRequest::default() };
    let started = Instant::now();
    product.services.planning.import(&product.context, request).await?;
    let reading = started.elapsed();

    let started = Instant::now();
    product.import(plan).await?;
    let import = started.elapsed();

    let (mut statements, mut edges, mut written) = (Vec::new(), 0, 0);
    for (name, (table, before)) in TABLES.iter().zip(&tables) {
        let mut rows = table.rows(&source).await?;
        rows.retain(|row| !before.contains(row));
        edges += if *name == "task_dependencies" { rows.len() } else { 0 };
        written += rows.len();
        statements.extend(table.inserts(backend, &rows));
    }
    let limit = in_one_transaction(&target, statements).await?;
    source.close().await?;
    target.close().await?;
    product.close().await;
    Ok(Round { reading, import, limit, edges, rows: written })
}

async fn in_one_transaction(
    database: &DatabaseConnection,
    statements: Vec<Statement>,
) -> anyhow::Result<Duration> {
    let begin = match database.get_database_backend() {
        DatabaseBackend::Postgres => "BEGIN",
        _ => "BEGIN IMMEDIATE",
    };
    let started = Instant::now();
    database.execute_unprepared(begin).await?;
    for statement in statements {
        database.execute_raw(statement).await?;
    }
    database.execute_unprepared("COMMIT").await?;
    Ok(started.elapsed())
}
