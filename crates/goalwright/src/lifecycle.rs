//! The life of a process: its runtime, and the signals that end it.
//!
//! Ending has two stages. The first signal asks: nothing new is begun, what runs may finish within a grace. The
//! second one insists: the process ends at once. Nothing is lost either way, since leases that are not returned
//! expire; the first way is only quicker for whoever comes next.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Exit, Failure};

/// How long work that is under way may take to finish once the process was asked to end.
pub const GRACE: Duration = Duration::from_secs(10);

/// The work waits for databases and files, not for processors: a few threads are enough, and keep an idle process
/// small.
const THREADS: usize = 4;

/// The runtime of the process.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> Result<Runtime, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().map_err(no_system)
}

/// The signals that ask a process to end.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Takes over SIGINT and SIGTERM from the system, which would end the process. Needs the runtime.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn listen() -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(no_system)?;
        let terminate = signal(SignalKind::terminate()).map_err(no_system)?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for the next signal; says how a process that was ended by it ends.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Exit::Interrupted,
            Some(()) = self.terminate.recv() => Exit::Terminated,
            else => std::future::pending().await,
        }
    }

    /// Lets `ending` come to its end, unless another signal insists.
    pub async fn unless_insisted<T>(&mut self, ending: impl Future<Output = T>) -> Result<T, Exit> {
        tokio::select! {
            ended = ending => Ok(ended),
            exit = self.next() => Err(exit),
        }
    }
}

fn no_system(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the system refuses what a process needs: {error}"))
        .with_help("look at the limits of processes and open files (`ulimit -a`)")
}
