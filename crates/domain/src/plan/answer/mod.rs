//! A plan as a model answers it: the form that is asked for, and the reader that finds everything wrong with an answer.
//!
//! Nothing is guessed. What can only mean one thing is read (a fence around the JSON, a list without the object around
//! it); everything else is a problem, so that it can be sent back, and no task, edge or field is ever made up or lost.

mod form;
mod part;
mod read;

pub use form::{FORM_NAME, form, task_as_answered};
pub use part::{Part, complete_tasks};
pub use read::{Answered, read_answer};

#[cfg(test)]
mod tests;
