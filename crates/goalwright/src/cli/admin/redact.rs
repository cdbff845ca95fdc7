use clap::Args;
use goalwright_application::access::LOCAL_USER;
use goalwright_application::audit::{Redact as Asked, Redacted};
use goalwright_domain::ledger::EventId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

use super::with_app;
use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  goalwright admin redact --entity 01a1fd78-0614-70f1-8338-f1c926eae046 --reason 'Erasure request 17' --dry-run"
)]
pub(super) struct Redact {
    /// A goal, a task or an agent: its events, and the experiences, attempts, calls, scripts and artifacts of a task
    #[arg(long = "entity", value_name = "ID")]
    entities: Vec<Uuid>,
    /// One event
    #[arg(long = "event", value_name = "ID")]
    events: Vec<EventId>,
    /// One experience
    #[arg(long = "experience", value_name = "ID")]
    experiences: Vec<String>,
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only look; nothing is written
    #[arg(long)]
    dry_run: bool,
    /// The workspace; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

impl Redact {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let (json, dry_run) = (self.json, self.dry_run);
        let redacted = with_app(async |app, config| self.redact(app, config).await).await?;
        match json {
            true => print(&told(&redacted, dry_run).to_string()),
            false => show(&redacted, dry_run),
        }
        Ok(Exit::Success)
    }

    async fn redact(self, app: &App, config: &Config) -> Result<Redacted, Failure> {
        let workspace = app.workspace_or_local(self.workspace).await?;
        let actor = app.services.access.enter(LOCAL_USER, None).await?.actor();
        let asked = Asked {
            events: self.events,
            entities: self.entities,
            experiences: self.experiences,
            reason: self.reason,
            dry_run: self.dry_run,
        };
        // Events have their place before they lose their payload.
        app.sequence().await?;
        Ok(app.redactor(config).redact(workspace, &actor, &asked).await?)
    }
}

fn show(redacted: &Redacted, dry_run: bool) {
    if redacted.is_nothing() {
        note("nothing is left to redact");
        return;
    }
    for (kind, count) in counts(redacted) {
        print(&format!("{kind}: {count}"));
    }
    if dry_run {
        note(&format!("nothing was written; {} the same without --dry-run", accent("next:")));
        return;
    }
    for event in &redacted.told_by {
        note(&format!("event {event} tells of it"));
    }
    note(
        "goals and tasks themselves are as they were: edit or delete them first, then redact what tells of it",
    );
}

fn counts(redacted: &Redacted) -> [(&'static str, usize); 8] {
    [
        ("events", redacted.events),
        ("experiences", redacted.experiences),
        ("attempts", redacted.attempts),
        ("tool calls", redacted.tool_calls),
        ("script runs", redacted.script_runs),
        ("artifacts", redacted.artifacts),
        ("snapshots", redacted.snapshots),
        ("files", redacted.files),
    ]
}

fn told(redacted: &Redacted, dry_run: bool) -> serde_json::Value {
    let mut told: serde_json::Map<_, _> =
        counts(redacted).into_iter().map(|(kind, count)| (kind.replace(' ', "_"), json!(count))).collect();
    told.insert("dry_run".to_owned(), json!(dry_run));
    told.insert("redacted_before".to_owned(), json!(redacted.before));
    told.insert("told_by".to_owned(), json!(redacted.told_by));
    told.into()
}
