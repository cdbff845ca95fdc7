//! `goalwright prompt`: what models are told when they plan.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::fields::{text, when};
use super::input;
use super::session::{Session, Shared};
use crate::client::{Call, Listed};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, accent, note, print, print_raw};

/// Read and add versions of what models are told when they plan.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright prompt list")]
pub(super) struct Prompt {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the versions: the one that comes with the product, and those of the workspace
    #[command(after_help = "Example:\n  goalwright prompt list")]
    List,
    /// Add a version; it is never changed
    #[command(after_help = "Example:\n  goalwright prompt add short-tasks-2 --file prompt.md")]
    Add {
        /// Its name: letters, digits, `.`, `_` and `-`
        version: String,
        /// What the model is told before it hears of the goal; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

impl Prompt {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List => {
                let listed = Listed::whole(session.client.send(Call::get(&["prompts"])).await?);
                let empty = "no prompts; `goalwright prompt add VERSION --file FILE` adds one";
                Ok(session.list_by("version", &listed, || table(session, listed.items()), empty))
            }
            Self::Add { version, file } => {
                let body = json!({"version": version, "content": input::read(&file)?});
                let answer = session.client.send(Call::post(&["prompts"], body)).await?;
                let version = printable(&text(&answer.value, "version"));
                if session.json {
                    print_raw(&answer.text);
                } else if session.quiet {
                    print(&version);
                } else {
                    print(&format!("added prompt {version}"));
                    let next =
                        format!("`goalwright goal decompose ID --prompt-version {version}` plans with it");
                    note(&format!("{} {next}", accent("next:")));
                }
                Ok(Exit::Success)
            }
        }
    }
}

fn table(session: &Session, prompts: &[Value]) -> Table {
    Table::of([Column::Word("VERSION"), Column::Text("BEGINS"), Column::Aside("ADDED")], prompts, |prompt| {
        let content = text(prompt, "content");
        let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        [text(prompt, "version"), first.to_owned(), when(prompt, "created_at", session.now)]
    })
}
