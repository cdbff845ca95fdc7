use clap::Args;

use super::with_app;
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{accent, note, print};

/// So many are shown.
const SHOWN: u64 = 50;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin hooks --retry")]
pub(super) struct Failed {
    /// Have everything that failed tried again, by whoever runs the server
    #[arg(long)]
    retry: bool,
}

impl Failed {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let (failed, retried) = with_app(async |app, config| {
            let failed = app.services.queries.failed_hooks(SHOWN).await?;
            let retried = match self.retry {
                true => Some(app.hooks(&config.hooks).retry_failed().await?),
                false => None,
            };
            Ok((failed, retried))
        })
        .await?;
        for hook in &failed {
            let error = printable(hook.error.as_deref().unwrap_or_default());
            print(&format!("{} {} after {} attempts: {error}", hook.hook, hook.experience_id, hook.attempts));
        }
        match retried {
            Some(count) => note(&format!("{count} are tried again")),
            None if failed.is_empty() => note("nothing that follows executions has failed for good"),
            None => {
                note(&format!("{} `goalwright admin hooks --retry` has them tried again", accent("next:")))
            }
        }
        Ok(Exit::Success)
    }
}
