use clap::Args;
use goalwright_application::Error;
use goalwright_application::maintenance::{Compared, Differing, Drift, Maintenance, Miscount};
use goalwright_domain::ledger::Disagreement;
use goalwright_domain::task::TaskStatus;

use super::with_app;
use crate::compose::App;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(
    after_help = "Ends with 1 where something does not agree afterwards.\n\nExample:\n  goalwright admin rebuild --dry-run"
)]
pub(super) struct Rebuild {
    /// Only compare; nothing is written
    #[arg(long)]
    dry_run: bool,
}

impl Rebuild {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let agrees = with_app(async |app, _| Ok(self.rebuild(app).await?)).await?;
        Ok(if agrees { Exit::Success } else { Exit::Failed })
    }

    /// Gives whether everything agrees now. Tasks first: what goes on with them changes the counters of goals.
    async fn rebuild(&self, app: &App) -> Result<bool, Error> {
        let maintenance = Maintenance::new(&app.ports);
        let miscounted = maintenance.recount_dependencies(self.dry_run).await?;
        self.show_miscounted(&miscounted);
        let drifted = maintenance.rebuild_counts(self.dry_run).await?;
        self.show_drifted(&drifted);
        let compared = maintenance.compare_rows(&mut |one| print(&told(&one))).await?;
        show_compared(compared);
        if !self.dry_run {
            let count = app.services.experiences.rebuild().await?;
            note(&format!("read {count} experiences anew: their words, links and executions"));
        }
        let mended = !self.dry_run || (miscounted.is_empty() && drifted.is_empty());
        Ok(mended && compared.differing == 0)
    }

    fn show_miscounted(&self, miscounted: &[Miscount]) {
        for one in miscounted {
            print(&format!("task {}: open dependencies {} → {}", one.task, one.stored, one.actual));
        }
        match (miscounted.len(), self.dry_run) {
            (0, _) => note("the open dependencies of all pending tasks are counted right"),
            (count, true) => note(&format!("{count} tasks are counted wrong")),
            (count, false) => note(&format!("mended the open dependencies of {count} tasks")),
        }
    }

    fn show_drifted(&self, drifted: &[Drift]) {
        for drift in drifted {
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
    }
}

fn show_compared(Compared { rows, differing }: Compared) {
    match differing {
        0 => note(&format!("the rows of {rows} goals, tasks and agents are what their events tell")),
        _ => note(&format!(
            "{differing} goals, tasks and agents are not what their events tell, and were left as they are: somebody \
             changed them past the product; {} see whether `goalwright admin verify-audit` finds the ledger whole, and \
             what to do in the guide on auditing",
            accent("next:")
        )),
    }
}

/// `task 0193…: title is "b" in its row, and "a" by its events`.
fn told(Differing { entity, id, what, .. }: &Differing) -> String {
    let what = match what {
        Disagreement::Field { field, in_row, by_events } => {
            format!("{field} is {in_row} in its row, and {by_events} by its events")
        }
        Disagreement::NoRow => "its events tell of it, and it has no row".to_owned(),
        Disagreement::NoEvents => "it has a row, and no event tells of it".to_owned(),
        Disagreement::Deleted => "it has a row, and its events say that it was deleted".to_owned(),
        Disagreement::Contradiction { why } => format!("its events contradict each other: {why}"),
    };
    format!("{} {id}: {what}", entity.as_str())
}

/// `completed 3 → 4, ready 1 → 0`.
fn differences(drift: &Drift) -> String {
    let differing = TaskStatus::ALL.into_iter().filter(|one| drift.stored.of(*one) != drift.actual.of(*one));
    let told =
        differing.map(|one| format!("{} {} → {}", one.as_str(), drift.stored.of(one), drift.actual.of(one)));
    told.collect::<Vec<_>>().join(", ")
}
