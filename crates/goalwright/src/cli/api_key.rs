//! `goalwright api-key`: what agents and services authenticate with.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::duration;
use super::fields::{name_of, short_id, text, texts, when};
use super::session::{Paging, Session, Shared};
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{self, Column, Table, accent};

/// Make and revoke what agents and services authenticate with.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright api-key list")]
pub(super) struct ApiKey {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it, this once; with --quiet nothing else
    #[command(after_help = "Example:\n  goalwright api-key create worker --agent printer --expires 30d")]
    Create(Create),
    /// List keys, newest first, also those that are revoked
    #[command(after_help = "Example:\n  goalwright api-key list")]
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Revoke a key: it lets nobody in any more
    #[command(after_help = "Example:\n  goalwright api-key revoke worker --yes")]
    Revoke {
        /// The key: its id, the beginning or end of it, or its name
        id: String,
        /// Do it without being asked
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// What people know it by
    name: String,
    /// What it may be used for; may be given several times. Unless given: all but admin
    #[arg(long = "scope", value_name = "SCOPE", value_parser = ["read", "write", "work", "admin"])]
    scopes: Vec<String>,
    /// The only agent that it may act for; then it can have the scopes read and work
    #[arg(long)]
    agent: Option<String>,
    /// How long it is good for, such as 90d; until it is revoked unless given
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    expires: Option<Duration>,
}

impl ApiKey {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Create(create) => create.execute(session).await,
            Self::List { paging } => {
                let listed = session.client.list("api-keys", &[], paging.limit()).await?;
                let empty = "no API keys; `goalwright api-key create NAME` makes one";
                Ok(session.list(&listed, || table(session, listed.items()), empty))
            }
            Self::Revoke { id, yes } => {
                let question = |name: &str| format!("Revoke the API key “{name}”?");
                session.remove("revoked", Noun::ApiKey, &id, question, yes).await
            }
        }
    }
}

impl Create {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let mut body = Map::from_iter([("name".to_owned(), json!(self.name))]);
        if !self.scopes.is_empty() {
            body.insert("scopes".to_owned(), json!(self.scopes));
        }
        if let Some(agent) = self.agent {
            body.insert("agent_id".to_owned(), json!(session.id(Noun::Agent, &agent).await?));
        }
        if let Some(span) = self.expires {
            body.insert("expires_at".to_owned(), json!((session.now + span).to_string()));
        }
        let answer = session.client.send(Call::post(&["api-keys"], Value::Object(body))).await?;
        let (key, made) = (text(&answer.value, "key"), &answer.value);
        if session.json {
            terminal::print_raw(&answer.text);
        } else if session.quiet {
            terminal::print(&key);
        } else {
            let (id, name) = (text(made, "id"), printable(&name_of(made)));
            terminal::print(&format!("created api-key {} “{name}”", short(&id)));
            terminal::print(&key);
            terminal::note(&format!("{} save the key; it is shown this once", accent("next:")));
        }
        Ok(Exit::Success)
    }
}

fn table(session: &Session, keys: &[Value]) -> Table {
    let columns = [
        Column::Word("ID"),
        Column::Text("NAME"),
        Column::Text("SCOPES"),
        Column::Word("AGENT"),
        Column::Word("USED"),
        Column::Word("EXPIRES"),
        Column::Aside("REVOKED"),
    ];
    Table::of(columns, keys, |key| {
        [
            short_id(key, "id"),
            text(key, "name"),
            texts(key, "scopes").join(", "),
            short_id(key, "agent_id"),
            when(key, "last_used_at", session.now),
            when(key, "expires_at", session.now),
            when(key, "revoked_at", session.now),
        ]
    })
}
