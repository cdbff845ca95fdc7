//! What is done to the processes and to the database, and when.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::Backend;
use crate::chance::Chance;
use crate::place::Place;
use crate::processes::Processes;

/// Where a throwaway server is restarted at once and in immediate mode: whoever connects gets an answer when it is
/// back.
pub(crate) const RESTART: &str = "GOALWRIGHT_TORTURE_RESTART";
/// A fault is not waited for longer than this, also if no work is done.
const LULL: Duration = Duration::from_secs(3);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A process is killed, and another takes its place.
    Kill(usize),
    /// So many connections to the database are ended.
    Terminate(usize),
    /// The database's server dies without a chance to write anything, and comes back.
    Restart,
}

/// All faults of a run, decided before it begins.
pub(crate) struct Faults {
    /// In order: once so many tasks are completed, after so long.
    planned: Vec<(usize, Duration, Fault)>,
    next: usize,
    armed: Option<Instant>,
    last: Instant,
    restarted: Option<Instant>,
    /// What was done.
    pub(crate) done: Done,
}

/// How often something was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) kills: usize,
    pub(crate) terminations: i64,
    pub(crate) restarts: usize,
}

/// How much is done.
pub(crate) struct Extent {
    pub(crate) kills: usize,
    pub(crate) terminations: usize,
    pub(crate) restart: bool,
}

impl Faults {
    /// Over work of so many tasks.
    pub(crate) fn plan(seed: u64, backend: Backend, tasks: usize, workers: usize, extent: &Extent) -> Self {
        let mut chance = Chance::new(seed, "faults");
        let (mut planned, end) = (Vec::new(), tasks * 9 / 10);
        for _ in 0..extent.kills {
            // The process that answers requests is killed less often than each worker.
            let victim = match backend {
                Backend::Sqlite => 0,
                Backend::Postgres => chance.below(2 * workers + 1).div_ceil(2),
            };
            planned.push((chance.below(end), chance.millis(0, 40), Fault::Kill(victim)));
        }
        for _ in 0..extent.terminations {
            let connections = chance.between(1, 6);
            planned.push((chance.below(end), chance.millis(0, 20), Fault::Terminate(connections)));
        }
        if extent.restart && std::env::var_os(RESTART).is_some() {
            planned.push((tasks / 2, Duration::ZERO, Fault::Restart));
        }
        planned.sort_by_key(|(at, ..)| *at);
        Self { planned, next: 0, armed: None, last: Instant::now(), restarted: None, done: Done::default() }
    }

    /// Whether nothing is left to be done.
    pub(crate) const fn are_over(&self) -> bool {
        self.next == self.planned.len()
    }

    /// Whether the database was away a moment ago, so that a process that starts may not find it.
    pub(crate) fn have_shaken_the_database(&self) -> bool {
        self.restarted.is_some_and(|at| at.elapsed() < Duration::from_secs(10))
    }

    /// Does what is due once so many tasks are completed.
    pub(crate) fn strike(
        &mut self,
        completed: usize,
        place: &Place,
        processes: &mut Processes<'_>,
    ) -> anyhow::Result<()> {
        while let Some((at, after, fault)) = self.planned.get(self.next).copied() {
            if completed < at && self.last.elapsed() < LULL {
                return Ok(());
            }
            let armed = *self.armed.get_or_insert_with(Instant::now);
            if armed.elapsed() < after {
                return Ok(());
            }
            (self.armed, self.last) = (None, Instant::now());
            self.next += 1;
            self.make(fault, place, processes)?;
        }
        Ok(())
    }

    fn make(&mut self, fault: Fault, place: &Place, processes: &mut Processes<'_>) -> anyhow::Result<()> {
        match fault {
            Fault::Kill(slot) => {
                let slot = slot.min(processes.count() - 1);
                processes.replace(slot)?;
                self.done.kills += 1;
            }
            Fault::Terminate(connections) => {
                // One that was ended a moment ago, or a server that recovers, cannot be asked.
                let order = self.next;
                let ended = place.number(&format!(
                    "SELECT COUNT(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid() \
                     ORDER BY md5(pid::text || '{order}') LIMIT {connections}) chosen"
                ));
                match ended {
                    Ok(ended) => self.done.terminations += ended,
                    Err(error) if self.have_shaken_the_database() => {
                        println!("no connections were ended: {error:#}");
                    }
                    Err(error) => return Err(error),
                }
            }
            Fault::Restart => {
                let address = std::env::var(RESTART).context(RESTART)?;
                let mut answer = String::new();
                TcpStream::connect(address)?.read_to_string(&mut answer)?;
                anyhow::ensure!(answer == "restarted\n", "the server was not restarted: {answer}");
                self.restarted = Some(Instant::now());
                self.done.restarts += 1;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} processes killed, {} connections ended, {} restarts of the server",
            self.kills, self.terminations, self.restarts
        )
    }
}
