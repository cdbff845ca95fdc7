//! Which phases a phrase names: “Phase 2”, “User Stories 1-3”, “Setup and Foundational”, “all stories”.

use super::phase::{Phase, tokens};

/// The phases that `text` names, sorted; `None` if it names none. `before` is the phase that
/// “previous” looks back from.
pub(super) fn named(text: &str, phases: &[Phase], before: Option<usize>) -> Option<Vec<usize>> {
    let tokens = tokens(text);
    let mut reader = Naming { phases, tokens: &tokens, at: 0, before, found: Vec::new(), understood: false };
    let mut starts_name = true;
    while reader.at < tokens.len() {
        let start = reader.at;
        let is_joint = JOINTS.contains(&tokens[start].as_str());
        let found = reader.take_numbered() || reader.take_story_code() || starts_name && reader.take_name();
        if !found {
            reader.at += 1;
        }
        starts_name = is_joint;
    }
    let mut found = reader.found;
    found.sort_unstable();
    found.dedup();
    (reader.understood || !found.is_empty()).then_some(found)
}

/// Words and signs behind which the name of a phase may begin.
const JOINTS: [&str; 12] =
    [",", "+", "/", "&", "and", "or", "plus", "the", "all", "both", "of", "completing"];

struct Naming<'a> {
    phases: &'a [Phase],
    tokens: &'a [String],
    at: usize,
    before: Option<usize>,
    found: Vec<usize>,
    understood: bool,
}

/// A number as written after “Phase”: major and, if there is one, minor.
type Number = (u32, Option<u32>);

impl<'a> Naming<'a> {
    fn token(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    fn previous(&self, back: usize) -> &'a str {
        self.at.checked_sub(back).map_or("", |at| self.token(at))
    }

    /// “Phase 2”, “Phases 3-5 and 7”, “Phase 3+”, “User Story 1”, “all user stories”, “previous phase”.
    fn take_numbered(&mut self) -> bool {
        let is_story = match self.token(self.at) {
            "phase" | "phases" => false,
            "story" | "stories" => true,
            _ => return false,
        };
        let list = self.number_list(self.at + 1);
        if list.is_empty() {
            self.take_collective(is_story);
            self.at += 1;
            return true;
        }
        for (first, last) in list {
            let matching: Vec<usize> = (0..self.phases.len())
                .filter(|&index| self.is_between(index, is_story, first, last))
                .collect();
            self.found.extend(matching);
        }
        true
    }

    fn is_between(&self, index: usize, is_story: bool, first: Number, last: Number) -> bool {
        let phase = &self.phases[index];
        if is_story {
            return phase.story.is_some_and(|story| (first.0..=last.0).contains(&story));
        }
        let Some((major, minor)) = phase.number else {
            return false;
        };
        let from = (first.0, first.1.unwrap_or(0));
        let to = (last.0, last.1.unwrap_or(u32::MAX));
        // “Phase 3+” means the stories from there on where it stands beside “User Stories”.
        let is_open_end = last.0 == u32::MAX;
        let of_stories = self.tokens.iter().any(|token| token == "stories");
        (from..=to).contains(&(major, minor)) && !(is_open_end && of_stories && phase.story.is_none())
    }

    /// Numbers, ranges and their joints behind `start`; moves behind them.
    fn number_list(&mut self, start: usize) -> Vec<(Number, Number)> {
        let mut list = Vec::new();
        let mut at = start;
        loop {
            if self.token(at) == "-" {
                at += 1;
            }
            let Some((first, behind)) = self.number(at) else {
                return list;
            };
            at = behind;
            let mut last = first;
            if matches!(self.token(at), "-" | "to" | "through")
                && let Some((other, behind)) = self.number(at + 1)
            {
                (last, at) = (other, behind);
            } else if self.token(at) == "+" && self.number(at + 1).is_none() {
                // “Phase 1 + Phase 2” adds; only a plus with nothing to add is an open end.
                if !matches!(self.token(at + 1), "phase" | "phases" | "user" | "story") {
                    last = (u32::MAX, None);
                }
                at += 1;
            }
            list.push((first, last));
            self.at = at;
            let joint = self.token(at);
            if !matches!(joint, "," | "and" | "&" | "/" | "+" | "or") {
                return list;
            }
            at += 1;
            if self.token(at) == "and" {
                at += 1;
            }
        }
    }

    fn number(&self, at: usize) -> Option<(Number, usize)> {
        let major = self.token(at).parse().ok()?;
        let minor = (self.token(at + 1) == ".").then(|| self.token(at + 2).parse().ok()).flatten();
        Some(((major, minor), if minor.is_some() { at + 3 } else { at + 1 }))
    }

    /// Phases named without a number, by what stands around the word.
    fn take_collective(&mut self, is_story: bool) {
        let count = self.phases.len();
        let back = self.before.unwrap_or(count);
        let around = [self.previous(1), self.previous(2)];
        let says = |words: &[&str]| around.iter().any(|word| words.contains(word));
        if is_story {
            if self.token(self.at) == "stories" || says(&["each", "every", "all"]) {
                self.understood = true;
                self.found.extend((0..count).filter(|&index| self.phases[index].story.is_some()));
            }
        } else if says(&["final", "last"]) {
            self.found.extend(count.checked_sub(1));
        } else if says(&["previous", "prior", "preceding", "earlier"]) {
            self.understood = true;
            let first =
                if says(&["all"]) || self.token(self.at) == "phases" { 0 } else { back.saturating_sub(1) };
            self.found.extend(first..back);
        } else if self.token(self.at) == "phases" && says(&["all", "other"]) {
            self.understood = true;
            self.found.extend((0..count).filter(|&index| Some(index) != self.before));
        }
    }

    /// “US2”, “US1-US3”, “US1/US2”.
    fn take_story_code(&mut self) -> bool {
        let code = |token: &str| token.strip_prefix("us").and_then(|number| number.parse::<u32>().ok());
        let Some(first) = code(self.token(self.at)) else {
            return false;
        };
        self.at += 1;
        let mut last = first;
        if self.token(self.at) == "-"
            && let Some(other) =
                code(self.token(self.at + 1)).or_else(|| self.token(self.at + 1).parse().ok())
        {
            last = other;
            self.at += 2;
        }
        let matching: Vec<usize> = (0..self.phases.len())
            .filter(|&index| self.is_between(index, true, (first, None), (last, None)))
            .collect();
        self.found.extend(matching);
        true
    }

    /// The phase whose name begins here: the one that shares most words from its first on.
    fn take_name(&mut self) -> bool {
        let rest: Vec<&str> = self.tokens[self.at..]
            .iter()
            .take(12)
            .map(String::as_str)
            .filter(|token| token.starts_with(char::is_alphabetic))
            .collect();
        let shared = |phase: &Phase| {
            let same = |(word, token): &(&String, &&str)| is_same_word(word, token);
            phase.words.iter().zip(&rest).take_while(same).count()
        };
        let candidates = self.phases.iter().enumerate().filter(|(_, phase)| phase.story.is_none());
        let counts: Vec<(usize, usize)> = candidates.map(|(index, phase)| (index, shared(phase))).collect();
        let most = counts.iter().map(|&(_, count)| count).max().unwrap_or(0);
        if most == 0 {
            return false;
        }
        self.found.extend(counts.iter().filter(|&&(_, count)| count == most).map(|&(index, _)| index));
        self.at += 1;
        true
    }
}

/// “Foundation” and “Foundational”, “Test” and “Tests” are the same word.
fn is_same_word(one: &str, other: &str) -> bool {
    let shorter = one.len().min(other.len());
    one == other
        || shorter >= 4
            && one.len().abs_diff(other.len()) <= 3
            && (one.starts_with(other) || other.starts_with(one))
}
