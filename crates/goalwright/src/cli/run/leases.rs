//! Says whose leases the work waits for: those of a process that was killed have to expire first.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use goalwright_application::{Context, Error};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunStatus;
use goalwright_domain::task::TaskId;

use super::plan::Begun;
use super::show::Show;
use crate::compose::App;

/// So many runs that are not over are looked at: as many as a plan may have.
const LOOKED_AT: u64 = 10_000;

/// Whose leases were told of.
pub(super) struct Leases {
    told: HashSet<String>,
    /// How long a lease may have been expired before that is noticed.
    notice: Duration,
}

impl Leases {
    /// Where leases are this long; workers look for expired ones three times as often.
    pub(super) fn new(lease: Duration) -> Self {
        Self { told: HashSet::new(), notice: lease / 3 }
    }

    /// Names the other processes that hold leases on tasks of this goal, each once.
    pub(super) async fn tell(
        &mut self,
        app: &App,
        context: &Context,
        begun: &Begun,
        show: &Show,
    ) -> Result<(), Error> {
        let runs = app.services.queries.runs_of_goal(context.workspace(), begun.goal, LOOKED_AT).await?;
        let (own, now) = (app.runner.label(), app.ports.clock.now());
        let mut held: BTreeMap<String, Vec<(Timestamp, TaskId)>> = BTreeMap::new();
        for run in runs.into_iter().filter(|run| run.status == RunStatus::Running) {
            let (Some(worker), Some(expires_at)) = (run.worker, run.lease_expires_at) else { continue };
            if worker != own && !self.told.contains(&worker) {
                held.entry(worker).or_default().push((expires_at, run.task_id));
            }
        }
        for (worker, mut leases) in held {
            leases.sort_unstable();
            let Some((last, task)) = leases.last() else { continue };
            let task = begun.names.get(task).map_or("a task", String::as_str);
            let tasks = match leases.len() {
                1 => task.to_owned(),
                2 => format!("{task} and 1 other task"),
                count => format!("{task} and {} other tasks", count - 1),
            };
            if is_alive(&worker, &own) {
                show.remark(&format!("{worker} works on {tasks} at the same time"));
            } else {
                let seconds = (*last + self.notice).millis_since(now) / 1000 + 1;
                show.remark(&format!(
                    "waiting up to {seconds} s for the lease of {worker} on {tasks} to expire"
                ));
            }
            self.told.insert(worker);
        }
        Ok(())
    }
}

/// Whether a process of that name runs on this machine; `false` where that cannot be known. Names are those of
/// `Runner::label`: `name@host:pid`.
fn is_alive(worker: &str, own: &str) -> bool {
    let place = |label: &str| {
        let (rest, pid) = label.rsplit_once(':')?;
        Some((rest.split_once('@')?.1.to_owned(), pid.parse::<u32>().ok()?))
    };
    match (place(worker), place(own)) {
        (Some((host, pid)), Some((here, _))) => {
            host == here && Path::new("/proc").join(pid.to_string()).exists()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_this_machine_can_be_seen() {
        let pid = std::process::id();
        let own = format!("run@here:{pid}");
        assert_eq!(is_alive(&own, &own), Path::new("/proc/self").exists());
        for other in [format!("run@elsewhere:{pid}"), "run@here:0".to_owned(), "odd".to_owned()] {
            assert!(!is_alive(&other, &own), "{other}");
        }
    }
}
