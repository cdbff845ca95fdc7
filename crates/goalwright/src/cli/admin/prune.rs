use std::time::Duration;

use clap::Args;
use goalwright_application::access::LOCAL_USER;
use goalwright_application::audit::{Prune as Asked, Pruned};
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;

use super::with_app;
use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

/// A day, in seconds.
const DAY: u64 = 86_400;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin prune --older-than 90 --dry-run")]
pub(super) struct Prune {
    /// What was before this day or moment, such as 2026-01-31 (its beginning in UTC) or 2026-01-31T09:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment, conflicts_with = "older_than", required_unless_present = "older_than")]
    before: Option<Timestamp>,
    /// What is older than so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    older_than: Option<u32>,
    /// Why; kept with the event that tells of it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only look; nothing is removed
    #[arg(long)]
    dry_run: bool,
    /// The workspace; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

impl Prune {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let (json, dry_run) = (self.json, self.dry_run);
        let pruned = with_app(async |app, config| self.prune(app, config).await).await?;
        match json {
            true => print(&told(&pruned, dry_run).to_string()),
            false => show(&pruned, dry_run),
        }
        Ok(Exit::Success)
    }

    async fn prune(self, app: &App, config: &Config) -> Result<Pruned, Failure> {
        let workspace = app.workspace_or_local(self.workspace).await?;
        let actor = app.services.access.enter(LOCAL_USER, None).await?.actor();
        let now = app.ports.clock.now();
        let days = self.older_than.map(|days| now - Duration::from_secs(DAY * u64::from(days)));
        let before = self.before.or(days).unwrap_or(now);
        // Events have their place before they go, and what follows them has read them.
        app.sequence().await?;
        app.services.experiences.read_all().await?;
        if !self.dry_run {
            // What follows executions reads them first; what fails is tried again by a server, and holds back until then.
            let hooks = app.hooks(&config.hooks);
            while hooks.tick().await? > 0 {}
            app.write_result_files(config, workspace).await?;
        }
        let asked = Asked { before, actor, reason: self.reason, dry_run: self.dry_run, units: usize::MAX };
        Ok(app.pruner(config).prune(workspace, &asked).await?)
    }
}

/// A moment, or the beginning of a day.
fn moment(text: &str) -> Result<Timestamp, String> {
    let day = (text.len() == "2026-01-31".len()).then(|| format!("{text}T00:00:00Z"));
    day.as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "give a day, such as 2026-01-31, or a moment, such as 2026-01-31T09:00:00Z".to_owned())
}

fn show(pruned: &Pruned, dry_run: bool) {
    if let Some(position) = pruned.held_back {
        note(&format!(
            "result files are written up to position {position} of the ledger, and what comes behind stays; {} start \
             `goalwright serve`, which writes them",
            accent("next:")
        ));
    }
    if pruned.unread > 0 {
        note(&format!(
            "{} experience(s) stay until they are read into words and links and hooks have run after them; {} start \
             `goalwright serve`, which does so, or leave hooks that are not wanted any more out of the settings",
            pruned.unread,
            accent("next:")
        ));
    }
    if pruned.is_nothing() {
        note("nothing is old enough and free to go");
        return;
    }
    for (kind, count) in pruned.counts() {
        print(&format!("{}: {count}", kind.replace('_', " ")));
    }
    if dry_run {
        note(&format!("nothing was removed; {} the same without --dry-run", accent("next:")));
        return;
    }
    print(&format!("files: {}", pruned.files));
    if let Some((position, known_from)) = pruned.checkpoint.filter(|(position, _)| *position > 0) {
        note(&format!(
            "the ledger begins behind position {position}; how things stood is known from {known_from} on"
        ));
    }
}

fn told(pruned: &Pruned, dry_run: bool) -> serde_json::Value {
    let mut told: serde_json::Map<_, _> =
        pruned.counts().into_iter().map(|(kind, count)| (kind.to_owned(), json!(count))).collect();
    told.insert("files".to_owned(), json!(pruned.files));
    told.insert("dry_run".to_owned(), json!(dry_run));
    told.insert("position".to_owned(), json!(pruned.checkpoint.map(|(position, _)| position)));
    told.insert("known_from".to_owned(), json!(pruned.checkpoint.map(|(_, known_from)| known_from)));
    told.insert("held_back_at".to_owned(), json!(pruned.held_back));
    told.insert("unread".to_owned(), json!(pruned.unread));
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning_and_anything_else_is_told() {
        assert_eq!(
            moment("2026-01-31").map(|at| at.to_string()),
            Ok("2026-01-31T00:00:00.000000Z".to_owned())
        );
        assert_eq!(
            moment("2026-01-31T10:00:00+01:00").map(|at| at.to_string()),
            Ok("2026-01-31T09:00:00.000000Z".to_owned())
        );
        for wrong in ["yesterday", "", "2026-02-30", "30 days"] {
            assert!(moment(wrong).is_err_and(|why| why.contains("such as")), "{wrong}");
        }
    }
}
