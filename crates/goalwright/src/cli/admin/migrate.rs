use clap::Args;
use goalwright_infrastructure::persistence::{apply_migrations, missing_migrations};

use crate::compose;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin migrate --dry-run")]
pub(super) struct Migrate {
    /// Only tell what would be applied; nothing is written
    #[arg(long)]
    dry_run: bool,
}

impl Migrate {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let config = Config::load()?;
        let settings = compose::database_settings(&config)?;
        let (names, verb) = match self.dry_run {
            true => (missing_migrations(&settings).await, "would apply"),
            false => (apply_migrations(&settings).await, "applied"),
        };
        let names = names.map_err(compose::not_opened)?;
        for name in &names {
            print(&format!("{verb} {name}"));
        }
        if names.is_empty() {
            note(&format!("the schema of {} is up to date", config.database_url));
        } else if self.dry_run {
            note(&format!(
                "{} `goalwright admin migrate` applies them to {}",
                accent("next:"),
                config.database_url
            ));
        }
        Ok(Exit::Success)
    }
}
