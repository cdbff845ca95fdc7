//! `goalwright budget`: what may be spent on models.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use super::fields::{moment, page, text};
use super::planning::dollars;
use super::session::{Session, Shared};
use crate::client::{Answer, Call};
use crate::failure::{Exit, Failure};

/// See and say what may be spent on models in a month.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright budget")]
pub(super) struct Budget {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what may be spent, what was, and what is promised to calls that are under way
    #[command(after_help = "Example:\n  goalwright budget show")]
    Show,
    /// Say what may be spent in a month; what is not given is not limited
    #[command(
        after_help = "Examples:\n  goalwright budget set --usd 50\n  goalwright budget set --unlimited"
    )]
    Set(Set),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limits").required(true).multiple(true).args(["usd", "tokens", "unlimited"]))]
struct Set {
    /// So many US dollars
    #[arg(long, value_name = "AMOUNT")]
    usd: Option<f64>,
    /// So many tokens, read and written
    #[arg(long, value_name = "N")]
    tokens: Option<u64>,
    /// Without a limit
    #[arg(long, conflicts_with_all = ["usd", "tokens"])]
    unlimited: bool,
}

impl Budget {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let call = match self.action {
            None | Some(Action::Show) => Call::get(&["budget"]),
            Some(Action::Set(set)) => Call::put(&["budget"], set.body()),
        };
        Session::with(self.shared, async |session| {
            session.client.send(call).await.map(|answer| tell(session, &answer))
        })
        .await
    }
}

impl Set {
    fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(usd) = self.usd {
            body.insert("monthly_usd".to_owned(), json!(usd));
        }
        if let Some(tokens) = self.tokens {
            body.insert("monthly_tokens".to_owned(), json!(tokens));
        }
        Value::Object(body)
    }
}

fn tell(session: &Session, answer: &Answer) -> Exit {
    let budget = &answer.value;
    let tokens = |field: &str| Some(text(budget, field)).filter(|count| !count.is_empty() && count != "0");
    let both = |money: &str, count: &str| {
        let mut told = vec![dollars(&budget[money], "")];
        told.extend(tokens(count).map(|count| format!("{count} tokens")));
        told.retain(|part| !part.is_empty());
        told.join(", ")
    };
    session.show(answer, || {
        let promised = budget["reserved_usd"] != 0.0 || tokens("reserved_tokens").is_some();
        let limit = both("monthly_usd", "monthly_tokens");
        page(&[
            ("a month", if limit.is_empty() { "no limit".to_owned() } else { limit }),
            ("spent", both("spent_usd", "spent_tokens")),
            (
                "promised",
                Some(both("reserved_usd", "reserved_tokens")).filter(|_| promised).unwrap_or_default(),
            ),
            ("until", moment(budget, "resets_at", session.now)),
        ])
    })
}
