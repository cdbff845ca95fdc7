use clap::Args;
use goalwright_application::audit::{Invalid, Verified};
use serde_json::{Value, json};

use super::with_app;
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin verify-audit")]
pub(super) struct VerifyAudit {
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

impl VerifyAudit {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let verified = with_app(async |app, _| Ok(app.services.audit.verify_all().await?)).await?;
        let valid = verified.iter().all(|one| one.first_invalid.is_none());
        if self.json {
            let ledgers: Vec<Value> = verified.iter().map(told).collect();
            print(&json!({"valid": valid, "ledgers": ledgers}).to_string());
        } else {
            show(&verified);
        }
        Ok(if valid { Exit::Success } else { Exit::Failed })
    }
}

fn show(verified: &[Verified]) {
    for one in verified {
        match &one.first_invalid {
            None => print(&format!("workspace {}: {}", one.workspace_id, whole(one))),
            Some(Invalid { event_id, position, reason }) => {
                let event =
                    event_id.map_or_else(|| "no event is left".to_owned(), |id| format!("event {id}"));
                print(&format!("workspace {}: {event} at position {position}: {reason}", one.workspace_id));
            }
        }
    }
    let broken = verified.iter().filter(|one| one.first_invalid.is_some()).count();
    if broken > 0 {
        note(&format!(
            "{broken} of {} ledgers are not what was written; {} keep the database as it is, and compare it with a backup",
            verified.len(),
            accent("next:")
        ));
    }
}

/// What is true of a ledger with which nothing is wrong.
fn whole(one: &Verified) -> String {
    let Verified { events, pruned, redacted, unverifiable, .. } = one;
    let mut text = match unverifiable {
        0 => format!("{events} events, as they were written"),
        lost => format!(
            "{} events, as they were written; the {lost} before them cannot be verified, since their key was lost",
            events - lost
        ),
    };
    if *pruned > 0 {
        text.push_str(&format!("; the {pruned} before them were pruned"));
    }
    if *redacted > 0 {
        text.push_str(&format!("; {redacted} of them redacted"));
    }
    text
}

fn told(one: &Verified) -> Value {
    let invalid = one.first_invalid.as_ref();
    json!({
        "workspace_id": one.workspace_id,
        "events": one.events,
        "pruned": one.pruned,
        "redacted": one.redacted,
        "unverifiable": one.unverifiable,
        "first_invalid": invalid.map(|invalid| json!({
            "event_id": invalid.event_id, "position": invalid.position, "reason": invalid.reason.to_string(),
        })),
    })
}
