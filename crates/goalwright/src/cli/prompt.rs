//! `goalwright prompt`: what models are told when they plan.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::fields::{text, when};
use super::input;
use super::session::{Session, Shared};
use crate::client::{Answer, Call};
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
        let session = Session::open(self.shared).await?;
        let ended = self.action.execute(&session).await;
        session.end(ended).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List => {
                let answer = session.client.send(Call::get(&["prompts"])).await?;
                Ok(list(session, &answer))
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

fn list(session: &Session, answer: &Answer) -> Exit {
    let prompts = answer.value["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if session.json {
        print_raw(&answer.text);
    } else if session.quiet {
        prompts.iter().for_each(|prompt| print(&text(prompt, "version")));
    } else {
        table(session, prompts).lines().iter().for_each(|line| print(line));
    }
    Exit::Success
}

fn table(session: &Session, prompts: &[Value]) -> Table {
    let mut table = Table::new([Column::Word("VERSION"), Column::Text("BEGINS"), Column::Aside("ADDED")]);
    for prompt in prompts {
        let content = text(prompt, "content");
        let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        table.row([text(prompt, "version"), first.to_owned(), when(prompt, "created_at", session.now)]);
    }
    table
}
