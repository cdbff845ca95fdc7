use clap::Args;
use goalwright_application::Error;
use goalwright_application::maintenance::{Drift, Maintenance, Miscount};
use goalwright_domain::task::TaskStatus;

use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin rebuild --dry-run")]
pub(super) struct Rebuild {
    /// Only compare; nothing is written
    #[arg(long)]
    dry_run: bool,
}

impl Rebuild {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let config = Config::load()?;
        let app = App::open(&config, "admin").await?;
        let maintenance = Maintenance::new(&app.ports);
        let rebuilt = self.compare(&maintenance).await;
        let read = match (&rebuilt, self.dry_run) {
            (Ok(_), false) => app.services.experiences.rebuild().await.map(Some),
            _ => Ok(None),
        };
        app.close().await;
        let ((miscounted, drifted), read) = (rebuilt?, read?);
        for one in &miscounted {
            print(&format!("task {}: open dependencies {} → {}", one.task, one.stored, one.actual));
        }
        match (miscounted.len(), self.dry_run) {
            (0, _) => note("the open dependencies of all pending tasks are counted right"),
            (count, true) => note(&format!("{count} tasks are counted wrong")),
            (count, false) => note(&format!("mended the open dependencies of {count} tasks")),
        }
        for drift in &drifted {
            print(&format!("goal {}: {}", drift.goal, differences(drift)));
        }
        match (drifted.len(), self.dry_run) {
            (0, _) => note("the counters of all goals agree with their tasks"),
            (count, true) => {
                note(&format!(
                    "{count} goals differ; {} `goalwright admin rebuild` mends them",
                    accent("next:")
                ));
            }
            (count, false) => note(&format!("mended the counters of {count} goals")),
        }
        if let Some(count) = read {
            note(&format!("read {count} experiences anew: their words, links and executions"));
        }
        Ok(Exit::Success)
    }
}

impl Rebuild {
    /// Tasks first: what goes on with them changes the counters of goals.
    async fn compare(&self, maintenance: &Maintenance) -> Result<(Vec<Miscount>, Vec<Drift>), Error> {
        let miscounted = maintenance.recount_dependencies(self.dry_run).await?;
        Ok((miscounted, maintenance.rebuild_counts(self.dry_run).await?))
    }
}

/// `completed 3 → 4, ready 1 → 0`.
fn differences(drift: &Drift) -> String {
    let differing = TaskStatus::ALL.into_iter().filter(|one| drift.stored.of(*one) != drift.actual.of(*one));
    let told =
        differing.map(|one| format!("{} {} → {}", one.as_str(), drift.stored.of(one), drift.actual.of(one)));
    told.collect::<Vec<_>>().join(", ")
}
