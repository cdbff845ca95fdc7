//! The domain of Goalwright: what is true about goals, plans, tasks, agents and executions.
//!
//! Nothing here performs I/O, reads a clock, draws a random number or needs an async runtime: time, ids and
//! chance are arguments. That is what makes the crate embeddable — see `examples/embed.rs` — and what lets the
//! same rules run live, in tests and in simulation.
//!
//! Where to look:
//!
//! - [`plan`] reads a written plan and validates a task graph before anything is stored,
//! - [`goal`], [`task`] and [`agent`] are the aggregates with their state machines,
//! - [`execution`] holds actions, runs, attempts and the decision taken when an attempt ends,
//! - [`template`] is the expression language that hands the result of one task to the next,
//! - [`schedule`] says when something recurs, in the time of a place,
//! - [`model`] is what language models have in common: words, tokens, prices, failures,
//! - [`experience`] builds the audit record of an attempt,
//! - [`ledger`] holds events, and folds them back into state.

pub mod agent;
pub mod api_key;
pub mod canonical;
pub mod execution;
pub mod experience;
pub mod goal;
pub mod id;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod progress;
pub mod schedule;
pub mod scrub;
pub mod task;
pub mod template;
pub mod time;
pub mod workspace;

pub use id::Id;
pub use time::Timestamp;

/// The guide for programs that embed this crate; its examples are run with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/embedding.md")]
struct Embedding;

/// A domain rule says no in this state: a stable code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Stable, snake_case; documented in `docs/problems/<code>.md`.
    pub code: &'static str,
    /// What is refused, why, and what to do instead.
    pub message: String,
}

impl Rejection {
    /// A refusal with its code and its sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One thing wrong with an input: where, which rule, in words. All violations are reported at once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Path into the input, such as `title` or `tasks[3].title`.
    pub path: String,
    /// Stable, snake_case.
    pub code: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl Violation {
    /// What is wrong with a text that may have `limit` characters: its length, or a character that not every database
    /// can store.
    pub fn of_text(path: &str, value: &str, limit: usize) -> Vec<Self> {
        let mut violations = Vec::new();
        let count = value.chars().count();
        if count > limit {
            let message = format!("{count} characters; at most {limit} are allowed");
            violations.push(Self::new(path, "too_long", message));
        }
        if value.contains('\0') {
            violations.push(Self::new(path, "control_character", "contains the character U+0000; remove it"));
        }
        violations
    }

    /// A violation at `path`.
    pub fn new(path: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: code.into(), message: message.into() }
    }
}
