//! `goalwright run`: the main job in one command.

mod ask;
mod leases;
mod plan;
mod show;
mod standing;
mod summary;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use goalwright_application::Context;
use goalwright_application::access::LOCAL_USER;
use goalwright_domain::goal::GoalStatus;
use goalwright_infrastructure::telemetry::Observer;

use super::remark;
use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::lifecycle::{GRACE, Interrupts};
use crate::logging;
use ask::Asked;
use leases::Leases;
use plan::Begun;
use show::Show;
use standing::Standing;
use summary::Summary;
use watch::Watch;

/// Run a plan to its end and print a summary; no server is needed.
///
/// Running the same file again resumes its goal if that is unfinished. Ends with 0 when the goal is achieved, 1 when
/// something failed, 2 when the plan or the usage is wrong, 3 when only people can go on.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright run examples/docs-audit.md --json")]
pub struct Run {
    /// The plan: Markdown with checklist items such as `- [ ] T001 Title`
    file: PathBuf,
    /// Print one JSON summary on stdout, and nothing else there
    #[arg(long)]
    json: bool,
    /// Never ask anybody
    #[arg(long)]
    no_input: bool,
    /// Begin a new goal, although this file has an unfinished one
    #[arg(long)]
    new: bool,
}

impl Run {
    /// Does it, and says how it ended.
    ///
    /// # Errors
    /// What keeps the plan from being run.
    pub async fn execute(self, config: &Config, observer: Arc<Observer>) -> Result<Exit, Failure> {
        let since = Instant::now();
        let show = Show::new(self.json);
        logging::start(config, QUIET, show.bars(), observer.layer())?;
        let source = plan::read(&self.file)?;
        let app = App::open_watched(config, "run", observer).await?;
        let principal = app.services.access.enter(LOCAL_USER, None).await?;
        app.equip().await;
        let context = Context::of(principal);
        let begun = plan::begin(&app, config, &context, source, self.new).await?;
        // Until here a signal simply ends the process: there is nothing that would have to finish.
        let mut interrupts = Interrupts::listen()?;
        for remarked in &begun.remarks {
            show.remark(remarked);
        }

        show.begin(begun.names.len());
        let workers = app.start_workers(config, &begun.queue);
        let (sequencer, follower) = (app.start_sequencer(), app.start_follower());
        let hooks = app.start_hooks(config);
        let result_files = app.start_result_files(config);
        let ended = tokio::select! {
            ended = self.work(&app, &context, &begun, &show, Leases::new(config.lease)) => ended,
            exit = interrupts.next() => Ok(Ending::Told(exit)),
        };
        show.finish();
        if let Ok(Ending::Told(_)) = ended {
            remark("stopping: what runs may finish; a second signal ends at once");
        }
        let released = async {
            workers.stop(GRACE).await;
            sequencer.stop().await;
            follower.stop().await;
            hooks.stop().await;
            if let Some(result_files) = result_files {
                result_files.stop().await;
            }
        };
        if let Err(insisted) = interrupts.unless_insisted(released).await {
            remark(&format!("help: {}", summary::resumption(&self.file)));
            return Ok(insisted);
        }
        let mut ending = ended?;
        if app.services.goals.get(&context, begun.goal).await?.state.status == GoalStatus::Achieved {
            // What a signal let finish may have been the last of it.
            ending = Ending::Still(Standing::Achieved);
        }
        // Whoever reads the ledger after this command finds every event of it.
        app.sequence().await?;
        let summary = Summary::gather(&app, &context, &begun, ending, since.elapsed()).await?;
        summary.print(self.json, config, &self.file);
        app.close().await;
        Ok(ending.exit())
    }

    /// Watches until nothing moves, and asks people where only they can go on.
    async fn work(
        &self,
        app: &App,
        context: &Context,
        begun: &Begun,
        show: &Show,
        leases: Leases,
    ) -> Result<Ending, Failure> {
        let mut watch = Watch::new(app, *context, begun, show, leases);
        loop {
            let standing = watch.until_still().await?;
            if standing == Standing::People && show.may_ask() && !self.no_input {
                show.pause();
                let asked = ask::everybody(app, context, begun.goal).await?;
                show.resume();
                if asked == Asked::Answered {
                    continue;
                }
            }
            return Ok(Ending::Still(standing));
        }
    }
}

/// What is logged unless the settings say: that leases expired is told by the watch already, in better words.
const QUIET: &str = "warn,goalwright_application::execution::reclaim=error";

/// How the work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing moves any more.
    Still(Standing),
    /// A signal ended it.
    Told(Exit),
}

impl Ending {
    const fn exit(self) -> Exit {
        match self {
            Self::Still(Standing::Achieved) => Exit::Success,
            Self::Still(Standing::Failed) => Exit::Failed,
            Self::Still(Standing::People | Standing::Stuck) => Exit::Waiting,
            // Never an ending: whoever is moving is watched on.
            Self::Still(Standing::Moving) => Exit::Failed,
            Self::Told(exit) => exit,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Still(Standing::Achieved) => "achieved",
            Self::Still(Standing::Failed) => "failed",
            Self::Still(Standing::People | Standing::Stuck) => "waiting",
            Self::Still(Standing::Moving) | Self::Told(_) => "interrupted",
        }
    }
}
