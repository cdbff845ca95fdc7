//! Kills what works, and looks whether the work was done right. Run it with `cargo xtask torture`, which builds the
//! product beside it and brings a PostgreSQL server along; `docs/guides/torture.md` says what it does and what it
//! checks.

mod chance;
mod faults;
mod graph;
mod invariants;
mod person;
mod place;
mod processes;
mod prune;
mod recorder;
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use goalwright_tests::Patience;

use faults::{Extent, Faults};
use graph::Work;
use invariants::Verdict;
use person::Person;
use place::Place;
use processes::Processes;
use recorder::Recorder;
use watch::Watch;

/// Short, so that work goes on soon after its worker is dead.
const LEASE_MS: &str = "1500";
/// How often it is looked what has been done.
const LOOK: Duration = Duration::from_millis(20);
/// Workers on PostgreSQL.
const WORKERS: usize = 4;

/// The databases that everything must work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// What is tortured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// On SQLite
    Sqlite,
    /// On PostgreSQL
    Postgres,
    /// Pruning, on both
    Prune,
}

/// What processes do while they are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Work,
    Prune,
}

/// Real processes over one database, killed and replaced while they work.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Decides the work and the faults
    #[arg(long)]
    seed: u64,
    /// Tasks on PostgreSQL, of which SQLite gets a fifth, and tasks whose history is pruned on each
    #[arg(long, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    tasks: Option<u32>,
    /// After so long a database counts as stuck
    #[arg(long)]
    seconds: Option<u64>,
    /// One database, or one part, only
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Little work and few faults, for the gate
    #[arg(long)]
    short: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut failed = false;
    for part in [Part::Work, Part::Prune] {
        for backend in [Backend::Sqlite, Backend::Postgres] {
            if args.does(part, backend) {
                failed |= !args.torture(part, backend)?;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Args {
    fn does(&self, part: Part, backend: Backend) -> bool {
        match self.only {
            None => true,
            Some(Only::Sqlite) => backend == Backend::Sqlite,
            Some(Only::Postgres) => backend == Backend::Postgres,
            Some(Only::Prune) => part == Part::Prune,
        }
    }

    /// Whether everything held.
    fn torture(&self, part: Part, backend: Backend) -> anyhow::Result<bool> {
        let name = if part == Part::Work { "work" } else { "prune" };
        let Some(place) = Place::open(backend, name)? else {
            anyhow::ensure!(self.only != Some(Only::Postgres), "{} names no server", place::VARIABLE);
            println!("PostgreSQL is left out: {} names no server", place::VARIABLE);
            return Ok(true);
        };
        let passed = match part {
            Part::Work => torture(self, &place),
            Part::Prune => prune::torture(self, &place),
        };
        let passed = passed.unwrap_or_else(|error| {
            println!("{backend:?}: {error:#}");
            false
        });
        if passed {
            place.discard()?;
        } else {
            println!("{backend:?} FAILED with --seed {}", self.seed);
            println!("logs and data are kept in {}{}", place.folder().display(), place.dump());
        }
        Ok(passed)
    }
}

impl Args {
    fn tasks(&self, backend: Backend) -> usize {
        let all = self.tasks.unwrap_or(if self.short { 200 } else { 5000 }) as usize;
        match backend {
            Backend::Postgres => all,
            Backend::Sqlite if self.short => all / 2,
            Backend::Sqlite => all / 5,
        }
    }

    fn extent(&self, backend: Backend) -> Extent {
        match (backend, self.short) {
            (Backend::Sqlite, true) => Extent { kills: 5, terminations: 0, restart: false },
            (Backend::Sqlite, false) => Extent { kills: 20, terminations: 0, restart: false },
            (Backend::Postgres, true) => Extent { kills: 6, terminations: 8, restart: false },
            (Backend::Postgres, false) => Extent { kills: 60, terminations: 60, restart: true },
        }
    }

    fn bound(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.short { 120 } else { 900 }))
    }
}

/// Whether everything held.
fn torture(args: &Args, place: &Place) -> anyhow::Result<bool> {
    let (backend, tasks, started) = (place.backend, args.tasks(place.backend), Instant::now());
    let name = format!("{backend:?}");
    println!("{name}: {tasks} tasks, --seed {}, in {}", args.seed, place.folder().display());
    let recorder = Recorder::start()?;
    let work = Work::draw(args.seed, tasks, recorder.address());
    let settings = vec![
        ("GOALWRIGHT_LEASE_MS", LEASE_MS.to_owned()),
        ("GOALWRIGHT_WORKER_CONCURRENCY", "4".to_owned()),
        ("GOALWRIGHT_RATE_LIMIT", "0".to_owned()),
        ("GOALWRIGHT_DB_POOL", "8".to_owned()),
        ("GOALWRIGHT_DB_POOL_OVERFLOW", "4".to_owned()),
        ("GOALWRIGHT_OUTBOUND_ALLOW", recorder.address().to_owned()),
        ("RUST_LOG", "info".to_owned()),
    ];
    let mut processes = Processes::start(place, WORKERS, settings)?;
    let token = processes.command(&["token"]).output()?;
    let token = String::from_utf8(token.stdout)?.trim_end().to_owned();
    let mut person = Person::new(processes.address(), token)?;
    for plan in &work.plans {
        person.import(plan)?;
    }
    println!("{name}: imported {} goals after {:.1} s", work.plans.len(), started.elapsed().as_secs_f64());

    let faults = Faults::plan(args.seed, backend, tasks, WORKERS, &args.extent(backend));
    let mut watch = Watch::begin(place, (tasks, started), faults);
    let patience = Patience { look: LOOK, limit: args.bound().saturating_sub(started.elapsed()) };
    let done = patience.try_until(|| watch.look(&mut processes, &mut person, &work, &recorder))?;
    if done.is_none() {
        return Err(watch.stuck(0, &person));
    }
    let worked = started.elapsed();
    let Watch { faults, mut gave_up, .. } = watch;
    gave_up.extend(processes.stop()?);
    println!("{name}: all processes have ended after {:.1} s", started.elapsed().as_secs_f64());
    let mut verdicts = vec![
        Verdict::new(
            "a person was asked only for a reason that the rules give",
            (i64::try_from(person.asked.completed + person.asked.retried)?, "questions"),
            std::mem::take(&mut person.asked.wrongly),
        ),
        Verdict::new("no process ended by itself", (i64::try_from(faults.done.kills)?, "kills"), gave_up),
    ];
    verdicts.extend(invariants::judge(place, &processes, &work.deeds, &recorder)?);
    let hold = invariants::tell(&verdicts);
    println!("{name}: {}; {}", faults.done, person.asked);
    println!(
        "{name}: {hold} of {} invariants hold; worked for {:.1} s, {:.1} s in all, --seed {}",
        verdicts.len(),
        worked.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        args.seed
    );
    Ok(hold == verdicts.len())
}
