//! What every client command has: its connection, and how it tells what came of it.

use clap::Args;
use goalwright_domain::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::fields::{name_of, text};
use super::input;
use crate::client::{Answer, Call, Client, Connection, Listed, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{self, Table, accent};

/// Options of every client command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Shared {
    /// Print the JSON that the interface answers, and nothing else
    #[arg(long, global = true)]
    json: bool,
    /// Print only ids
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Ask this server; without one the local database is used
    #[arg(long, global = true, value_name = "URL", env = "GOALWRIGHT_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// Act as the user of this token, or with this API key
    #[arg(long, global = true, value_name = "TOKEN", env = "GOALWRIGHT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Work in this workspace instead of the user's own
    #[arg(long, global = true, value_name = "ID")]
    workspace: Option<Uuid>,
}

/// How many items of a list.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    limit: usize,
    /// Show all
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| "give a whole number from 1".to_owned())
}

impl Paging {
    /// None means all.
    pub(super) fn limit(&self) -> Option<usize> {
        (!self.all).then_some(self.limit)
    }
}

/// One command's conversation.
pub(super) struct Session {
    /// Asks.
    pub(super) client: Client,
    /// When it began.
    pub(super) now: Timestamp,
    /// Whether a program reads.
    pub(super) json: bool,
    /// Whether only ids are wanted.
    pub(super) quiet: bool,
}

impl Session {
    /// Has a conversation, and ends it whatever came of it.
    pub(super) async fn with(
        shared: Shared,
        talk: impl AsyncFnOnce(&Self) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let session = Self::open(shared).await?;
        let talked = talk(&session).await;
        let closed = session.client.close().await;
        let exit = talked?;
        closed.map(|()| exit)
    }

    async fn open(shared: Shared) -> Result<Self, Failure> {
        let Shared { json, quiet, server, token, workspace } = shared;
        let client = Client::open(&Connection { server, token, workspace }).await?;
        let now = client.now();
        Ok(Self { client, now, json, quiet })
    }

    /// The id of what was named.
    pub(super) async fn id(&self, noun: Noun, given: &str) -> Result<String, Failure> {
        self.client.id_of(noun, given).await
    }

    /// The same, if anything was named.
    pub(super) async fn id_if(&self, noun: Noun, given: Option<&str>) -> Result<Option<String>, Failure> {
        match given {
            Some(given) => self.id(noun, given).await.map(Some),
            None => Ok(None),
        }
    }

    /// Prints one thing: its JSON, its id, or these lines.
    pub(super) fn show(&self, answer: &Answer, lines: impl FnOnce() -> Vec<String>) -> Exit {
        self.show_by("id", answer, lines)
    }

    /// The same of a thing whose id is in this field.
    pub(super) fn show_by(&self, id: &str, answer: &Answer, lines: impl FnOnce() -> Vec<String>) -> Exit {
        if self.json {
            terminal::print_raw(&answer.text);
        } else if self.quiet {
            terminal::print(&text(&answer.value, id));
        } else {
            lines().iter().for_each(|line| terminal::print(line));
        }
        Exit::Success
    }

    /// Prints a list: its JSON, its ids, or this table; `empty` says what to do where there is nothing.
    pub(super) fn list(&self, listed: &Listed, table: impl FnOnce() -> Table, empty: &str) -> Exit {
        self.list_by("id", listed, table, empty)
    }

    /// The same of things whose ids are in this field.
    pub(super) fn list_by(
        &self,
        id: &str,
        listed: &Listed,
        table: impl FnOnce() -> Table,
        empty: &str,
    ) -> Exit {
        let items = listed.items();
        if self.json {
            terminal::print_raw(&listed.answer.text);
        } else if self.quiet {
            items.iter().for_each(|item| terminal::print(&text(item, id)));
        } else if items.is_empty() {
            terminal::note(empty);
        } else {
            table().lines().iter().for_each(|line| terminal::print(line));
            if listed.more {
                terminal::note(&terminal::dim("there are more: --all shows them, --limit N so many"));
            }
        }
        Exit::Success
    }

    /// Has something go that was named, once somebody has agreed; `question` asks for that with its name.
    pub(super) async fn remove(
        &self,
        verb: &str,
        noun: Noun,
        given: &str,
        question: impl FnOnce(&str) -> String,
        yes: bool,
    ) -> Result<Exit, Failure> {
        let id = self.id(noun, given).await?;
        let thing = self.client.send(Call::get(&[noun.path(), &id])).await?.value;
        input::confirm(&question(&name_of(&thing)), yes)?;
        let answer = self.client.send(Call::delete(&[noun.path(), &id])).await?;
        Ok(self.done_to(verb, noun, &answer, &thing, None))
    }

    /// Prints what was done to one thing in one line, and on stderr what could be done next.
    pub(super) fn done(&self, verb: &str, noun: Noun, answer: &Answer, next: Option<String>) -> Exit {
        self.done_to(verb, noun, answer, &answer.value, next)
    }

    /// The same, where the answer itself is not the thing.
    pub(super) fn done_to(
        &self,
        verb: &str,
        noun: Noun,
        answer: &Answer,
        thing: &Value,
        next: Option<String>,
    ) -> Exit {
        let id = text(thing, "id");
        if self.json {
            if !answer.text.is_empty() {
                terminal::print_raw(&answer.text);
            }
        } else if self.quiet {
            terminal::print(&id);
        } else {
            let name = printable(&name_of(thing));
            let name = if name.is_empty() { name } else { format!(" “{name}”") };
            terminal::print(&format!("{verb} {} {}{name}", noun.word(), short(&id)));
            if let Some(next) = next {
                terminal::note(&format!("{} {next}", accent("next:")));
            }
        }
        Exit::Success
    }
}
