//! The dialogue in which a model performs a task: what was said until now, and what comes next.
//!
//! It is a list of [`Entry`]s that only grows and outlives the process that holds it. What comes next is a function of the
//! list alone, so whoever has it goes on where it ended: nothing that was answered is asked for again.

mod next;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ScriptRun;
use crate::experience::Retrieval;
use crate::model::{Content, Message, Role, ToolResult, ToolSpec, Usage, Usd};
pub use next::{Bounds, Exhausted, Next, REPAIRS, SAME_CALLS};

/// The tool by which a model says that it is done.
pub const FINISH: &str = "finish";
/// The tool by which it says that it cannot do it.
pub const GIVE_UP: &str = "give_up";
/// At most so many calls of one turn are carried out.
pub const CALLS_AT_ONCE: usize = 32;

/// Something that was said, in the order in which it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// What the model is told first. It stays the same to the end.
    Opening(Box<Opening>),
    /// What the model said.
    Answer {
        /// All of it, to be sent back unchanged.
        content: Vec<Content>,
        /// Whether it was cut off at its limit.
        cut_off: bool,
        /// What it consumed.
        usage: Usage,
        /// What it cost, in billionths of a dollar; none where that is not known.
        cost_nanos: Option<i64>,
        /// What counts for the bounds besides.
        #[serde(default, skip_serializing_if = "Beyond::is_nothing")]
        beyond: Beyond,
    },
    /// A call came to no answer, and consumed this all the same. Nobody is told of it.
    Unanswered {
        /// What it consumed, as far as the provider told.
        usage: Usage,
        /// What it cost, in billionths of a dollar; none where that is not known.
        cost_nanos: Option<i64>,
        /// What counts for the bounds besides.
        #[serde(default, skip_serializing_if = "Beyond::is_nothing")]
        beyond: Beyond,
    },
    /// What a tool answered.
    Result {
        /// As the model is told.
        result: ToolResult,
        /// What we say to it besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// What the call touched.
        #[serde(default)]
        left: Left,
    },
    /// What we say to an answer that leads nowhere.
    Remark {
        /// The words.
        text: String,
    },
    /// The attempt failed for good. Whoever has it tried again goes on behind this.
    Stopped {
        /// Why, for the model.
        text: String,
    },
}

/// What a call may have taken besides what is known of it. It counts for the bounds of the run: otherwise calls that break off
/// could be repeated for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Beyond {
    /// Tokens.
    pub tokens: u64,
    /// Money, in billionths of a dollar.
    pub cost_nanos: i64,
}

impl Beyond {
    /// Whether all is known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What dialogues of a run took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Consumed {
    /// How often the model answered.
    pub turns: u32,
    /// What it read and wrote, or may have.
    pub tokens: u64,
    /// What that cost or may have cost, in billionths of a dollar, as far as prices are known.
    pub cost_nanos: i64,
}

/// What a call touched, kept for the record of the attempt that made it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// Paths relative to the sandbox.
    pub files_written: Vec<String>,
    /// Artifacts of what is too large for the record.
    pub artifacts: Vec<Uuid>,
    /// Scripts that were run.
    pub scripts: Vec<ScriptRun>,
    /// Experiences that were looked up.
    pub memories: Vec<String>,
}

/// What a model is told first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Tells this dialogue from others of the same run.
    pub id: Uuid,
    /// Of everything that the dialogue rests on. Once that is something else, this dialogue is over and another one begins.
    pub digest: String,
    /// What the dialogues before it consumed.
    pub before: Consumed,
    /// Which model is asked.
    pub model: String,
    /// What stands before all messages.
    pub system: String,
    /// The tools, those that end the dialogue among them.
    pub tools: Vec<ToolSpec>,
    /// The task.
    pub message: String,
    /// Which experiences it was given.
    pub retrieval: Option<Retrieval>,
}

/// All that was said until now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dialogue {
    entries: Vec<Entry>,
}

impl Dialogue {
    /// Of what was kept, in its order.
    pub const fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// How many characters tools have answered to the last turn of the model.
    pub fn answered_characters(&self) -> usize {
        let answers = self.entries.iter().rev().map_while(|entry| match entry {
            Entry::Result { result, .. } => Some(result.text.chars().count()),
            _ => None,
        });
        answers.sum()
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Something more was said.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// What we say to what a tool answered just now, besides.
    pub fn note(&mut self, words: &str) {
        if let Some(Entry::Result { note, .. }) = self.entries.last_mut() {
            *note = Some(words.to_owned());
        }
    }

    /// What the model was told first; none if nothing was said, or what is kept does not begin with it.
    pub fn opening(&self) -> Option<&Opening> {
        match self.entries.first() {
            Some(Entry::Opening(opening)) => Some(opening),
            _ => None,
        }
    }

    /// As it is sent: turns of ours and of the model, one after the other.
    pub fn messages(&self) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        for entry in &self.entries {
            let content = match entry {
                Entry::Opening(opening) => vec![Content::Text { text: opening.message.clone() }],
                Entry::Answer { content, .. } => {
                    messages.push(Message::assistant(content.clone()));
                    continue;
                }
                Entry::Result { result, note, .. } => {
                    let text = match note {
                        Some(note) => format!("{}\n\n({note})", result.text),
                        None => result.text.clone(),
                    };
                    vec![Content::ToolResult(ToolResult { text, ..result.clone() })]
                }
                Entry::Remark { text } | Entry::Stopped { text } => {
                    vec![Content::Text { text: text.clone() }]
                }
                Entry::Unanswered { .. } => continue,
            };
            match messages.last_mut() {
                Some(ours) if ours.role == Role::User => ours.content.extend(content),
                _ => messages.push(Message { role: Role::User, content }),
            }
        }
        messages
    }

    /// What the run took until now, dialogues before this one included.
    pub fn consumed(&self) -> Consumed {
        let before = self.opening().map(|opening| opening.before).unwrap_or_default();
        self.paid().fold(
            Consumed { turns: before.turns.saturating_add(self.turns()), ..before },
            |sum, (usage, cost, beyond)| Consumed {
                tokens: sum.tokens.saturating_add(usage.cost_tokens()).saturating_add(beyond.tokens),
                cost_nanos: sum
                    .cost_nanos
                    .saturating_add(cost.unwrap_or_default().nanos())
                    .saturating_add(beyond.cost_nanos),
                ..sum
            },
        )
    }

    /// How often the model answered.
    pub fn turns(&self) -> u32 {
        let answers = self.entries.iter().filter(|entry| matches!(entry, Entry::Answer { .. })).count();
        u32::try_from(answers).unwrap_or(u32::MAX)
    }

    /// What all calls consumed.
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        self.paid().for_each(|(usage, ..)| total += usage);
        total
    }

    /// What all calls cost; none where that of one is not known: a sum that is too small would look like one.
    pub fn cost(&self) -> Option<Usd> {
        self.paid().try_fold(Usd::default(), |total, (_, cost, _)| cost.map(|cost| total + cost))
    }

    /// What each call consumed, whether it was answered or not, what it cost where that is known, and what it may have taken
    /// besides.
    fn paid(&self) -> impl Iterator<Item = (Usage, Option<Usd>, Beyond)> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Answer { usage, cost_nanos, beyond, .. }
            | Entry::Unanswered { usage, cost_nanos, beyond } => {
                Some((*usage, cost_nanos.map(Usd::from_nanos), *beyond))
            }
            Entry::Opening(_) | Entry::Result { .. } | Entry::Remark { .. } | Entry::Stopped { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests;
