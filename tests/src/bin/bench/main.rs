//! Measures the product against its databases. Run it with `cargo xtask bench`, which builds it for release and
//! brings a PostgreSQL server along; `docs/guides/benchmarks.md` says what each figure counts.
//!
//! A figure stands next to the database's own limit where there is one: the least SQL that leaves the same rows,
//! measured a moment later on the same machine. Nothing fails here because it is slow.

mod aged;
mod claims;
mod decompose;
mod drain;
mod finished;
mod import;
mod latency;
mod lists;
mod pgbench;
mod place;
mod plain;
mod product;
mod report;
mod serve;
mod words;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use place::Place;
use product::Product;
use report::Report;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// A file on this machine's disk
    Sqlite,
    /// The server that `GOALWRIGHT_TEST_POSTGRES` names
    Postgres,
}

/// What can be measured by itself: on one database, or one part on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Everything, on SQLite
    Sqlite,
    /// Everything, on PostgreSQL
    Postgres,
    /// Imports
    Imports,
    /// Decompositions by a model that answers at once
    Decompose,
    /// Claims and settlements
    Claims,
    /// The worker loop with everything it records, and one task on an idle system
    Drain,
    /// The worker loop behind many finished tasks, against empty tables; only if it is named
    Aged,
    /// The start of `serve` on what a worker loop has left
    Serve,
    /// Lists and progress, with a small and a large tenant
    Lists,
}

impl Only {
    /// The database it names; none for a part.
    const fn database(self) -> Option<Backend> {
        match self {
            Self::Sqlite => Some(Backend::Sqlite),
            Self::Postgres => Some(Backend::Postgres),
            Self::Imports
            | Self::Decompose
            | Self::Claims
            | Self::Drain
            | Self::Aged
            | Self::Serve
            | Self::Lists => None,
        }
    }
}

/// Measures imports, claims and settlements, the worker loop, the start of `serve`, and lists.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// Tasks that claims, settlements and the worker loop get
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    tasks: u32,
    /// Tasks that the worker loop drains
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    drain_tasks: u32,
    /// Finished tasks behind which the worker loop drains, for `--only aged`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(20_000..=10_000_000))]
    finished_tasks: u32,
    /// Tasks of the large tenant whose lists are measured
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=5_000_000))]
    list_tasks: u32,
    /// Measure one database or one part only; several with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Only>,
    /// Print one JSON object to standard output, and everything for people to standard error
    #[arg(long)]
    json: bool,
    /// Leave out the start of `serve`, whose program must lie next to this one
    #[arg(long)]
    no_serve: bool,
}

impl Args {
    /// Whether this database is to be measured.
    fn wants(&self, backend: Backend) -> bool {
        let mut named = self.only.iter().filter_map(|only| only.database()).peekable();
        named.peek().is_none() || named.any(|one| one == backend)
    }

    /// Whether this part is.
    fn wants_part(&self, part: Only) -> bool {
        let mut named = self.only.iter().filter(|only| only.database().is_none()).peekable();
        named.peek().is_none() || named.any(|one| *one == part)
    }
}

/// No series of claims lasts longer, however slow the disk is; its rate is that of what was done by then.
const PATIENCE: Duration = Duration::from_secs(6);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let mut report = Report::new(args.json);
    match Box::pin(measure(&args, &mut report)).await {
        Ok(()) => {
            report.finish();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    report.machine()?;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if !args.wants(backend) {
            continue;
        }
        let Some(place) = Place::open(backend)? else {
            report.say("postgres: left out, GOALWRIGHT_TEST_POSTGRES names no server");
            continue;
        };
        let measured = on(&place, args, report).await;
        place.clean().await;
        measured?;
    }
    Ok(())
}

async fn on(place: &Place, args: &Args, report: &mut Report) -> anyhow::Result<()> {
    report.database(place.name(), &place.describe().await?);
    warm_up(place).await?;
    if args.wants_part(Only::Imports) {
        import::measure(place, report).await?;
    }
    if args.wants_part(Only::Decompose) {
        decompose::measure(place, report).await?;
    }
    if args.wants_part(Only::Claims) {
        for batch in [1, 64] {
            for workers in [1, 8] {
                claims::measure(place, report, args.tasks, claims::Shape { workers, batch }, PATIENCE)
                    .await?;
            }
        }
    }
    if args.wants_part(Only::Drain) {
        drain::measure(place, report, args.drain_tasks).await?;
        latency::measure(place, report).await?;
    }
    if args.only.contains(&Only::Aged) {
        aged::measure(place, report, args.drain_tasks, args.finished_tasks).await?;
    }
    if args.wants_part(Only::Serve) {
        let drained = drain::leave_drained(place, args.tasks).await?;
        if args.no_serve {
            report.say("serve: left out, its program was not built");
        } else {
            serve::measure(place, report, &drained).await?;
        }
    }
    if args.wants_part(Only::Lists) {
        lists::measure(place, report, args.list_tasks).await?;
    }
    Ok(())
}

/// One of everything, uncounted: code, caches and the server's processes are in place afterwards.
async fn warm_up(place: &Place) -> anyhow::Result<()> {
    let product = Product::open(place).await?;
    product.import(&product::plan(5, 20)).await?;
    product.import(&product::plan(1, 200)).await?;
    claims::work_off(&product, claims::Shape { workers: 2, batch: 8 }, PATIENCE).await?;
    product.close().await;
    Ok(())
}
