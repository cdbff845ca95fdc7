//! Phases: runs of tasks under one heading, and the names other lines use for them.

use std::ops::Range;

use super::section::{Heading, phase_number};
use super::wording::in_english;

/// A run of tasks that belongs together. Tasks under no phase heading make phases without a name.
#[derive(Debug)]
pub(super) struct Phase {
    /// The heading's text.
    pub(super) name: String,
    /// From “Phase 3” or “Phase 3.2”.
    pub(super) number: Option<(u32, u32)>,
    /// From “User Story 2” or “US2”.
    pub(super) story: Option<u32>,
    /// The words of its name without number and labels, in lower case.
    pub(super) words: Vec<String>,
    /// Its tasks, by position.
    pub(super) tasks: Range<usize>,
}

/// The phases in order, from the phase heading of each task.
pub(super) fn phases(headings: &[Heading], of_tasks: &[Option<usize>]) -> Vec<Phase> {
    let mut phases: Vec<(Option<usize>, Phase)> = Vec::new();
    for (index, &heading) in of_tasks.iter().enumerate() {
        match phases.last_mut() {
            Some((last, phase)) if *last == heading => phase.tasks.end = index + 1,
            _ => {
                let phase = match heading {
                    Some(heading) => Phase::new(&headings[heading].text, index),
                    None => Phase::nameless(index),
                };
                phases.push((heading, phase));
            }
        }
    }
    // Where no heading has a number, “Phase 2” can only mean the second one.
    if phases.iter().all(|(_, phase)| phase.number.is_none()) {
        let named = phases.iter_mut().filter(|(heading, _)| heading.is_some());
        for (number, (_, phase)) in (1..).zip(named) {
            phase.number = Some((number, 0));
        }
    }
    phases.into_iter().map(|(_, phase)| phase).collect()
}

impl Phase {
    fn nameless(first: usize) -> Self {
        let mut phase = Self::new("", first);
        phase.name = "tasks outside phases".to_owned();
        phase
    }

    fn new(name: &str, first: usize) -> Self {
        let english = in_english(name);
        let tokens = tokens(&english);
        let number = phase_number(&english);
        let behind_number = tokens.iter().position(|token| token == "phase").map_or(0, |at| at + 1);
        let is_name = |token: &&String| token.starts_with(char::is_alphabetic);
        Self {
            name: name.to_owned(),
            number,
            story: story_number(&tokens),
            words: tokens[behind_number..].iter().filter(is_name).cloned().collect(),
            tasks: first..first + 1,
        }
    }
}

/// The number of the first story that tokens name.
fn story_number(tokens: &[String]) -> Option<u32> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        let number = if token == "story" { tokens.get(at + 1)? } else { token.strip_prefix("us")? };
        number.parse().ok()
    })
}

/// Words and numbers in lower case, and the signs that join them: `,` `+` `-` `/` `&`.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut is_open = false;
    for character in text.to_lowercase().chars() {
        if character.is_alphanumeric() {
            match tokens.last_mut().filter(|_| is_open) {
                Some(token) => token.push(character),
                None => tokens.push(character.to_string()),
            }
        } else if matches!(character, '–' | '—' | '‑') {
            tokens.push("-".to_owned());
        } else if ",+-/&.".contains(character) {
            tokens.push(character.to_string());
        }
        is_open = character.is_alphanumeric();
    }
    tokens
}
