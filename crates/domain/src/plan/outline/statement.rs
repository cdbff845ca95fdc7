//! Bullets such as `- **User Stories (Phase 3-7)**: All depend on Foundational phase completion`.

use std::collections::BTreeSet;

use crate::plan::Finding;

use super::document::Bullet;
use super::naming::named;
use super::phase::Phase;
use super::sentence::names_an_id;
use super::wording::in_english;

/// What the bullets of a plan say about one phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// Line of the first bullet about the phase.
    pub(super) line: u32,
    /// The phases it waits for.
    pub(super) on: BTreeSet<usize>,
    /// Some bullet says what it waits for, or that it waits for nothing.
    pub(super) is_clear: bool,
    /// Some bullet says only that it waits for no other story.
    pub(super) free_of_stories: bool,
    /// The first bullet about it that could not be understood.
    pub(super) unclear: Option<u32>,
}

const MOST_BULLETS: usize = 1_000;
const MOST_PHASES: usize = 200;
const MOST_CHARS: usize = 1_000;

const TRIGGERS: [&str; 11] = [
    "depends on",
    "depend on",
    "depends upon",
    "depending on",
    "requires",
    "require",
    "after",
    "blocked by",
    "waits for",
    "wait for",
    "once",
];
/// Where the list of what is waited for ends.
const ENDS: [&str; 12] =
    [" - ", " – ", " — ", ". ", ";", " but ", " blocks", "→", " before ", " so ", " because ", " can "];

/// For each phase what the bullets say; `None` for those no bullet is about.
///
/// Every word of a bullet may be compared with every phase, and every phase may wait for every other
/// one. What people write is far below these bounds; beyond them only the order of phases counts.
pub(super) fn read(bullets: &[Bullet], phases: &[Phase], findings: &mut Vec<Finding>) -> Vec<Option<Stated>> {
    let mut stated: Vec<Option<Stated>> = vec![None; phases.len()];
    if let Some(first) = bullets.first()
        && (bullets.len() > MOST_BULLETS || phases.len() > MOST_PHASES)
    {
        let (count, phases) = (bullets.len(), phases.len());
        let message = format!(
            "{count} statements about {phases} phases are too many to weigh (at most {MOST_BULLETS} about \
             {MOST_PHASES}); each phase waits for the one before it"
        );
        findings.push(Finding::warning("phase_statements_ignored", first.line, message));
        return stated;
    }
    for bullet in bullets {
        let text: String = bullet.text.chars().take(MOST_CHARS).collect();
        let plain = in_english(&text.replace(['*', '`'], "")).into_owned();
        let Some((subject, says)) = split_subject(&plain) else {
            continue;
        };
        let Some(subjects) = subjects(subject, phases) else {
            continue;
        };
        let said = Said::read(&says, phases, subjects.first().copied());
        for phase in subjects {
            let entry =
                stated[phase].get_or_insert_with(|| Stated { line: bullet.line, ..Stated::default() });
            entry.add(&said, phase, bullet.line);
        }
    }
    stated
}

impl Stated {
    fn add(&mut self, said: &Said, phase: usize, line: u32) {
        self.on.extend(said.on.iter().copied().filter(|&other| other != phase));
        self.is_clear |= said.is_clear;
        self.free_of_stories |= said.free_of_stories;
        if said.is_unclear {
            self.unclear.get_or_insert(line);
        }
    }
}

/// What one bullet says about its subject.
#[derive(Default)]
struct Said {
    on: BTreeSet<usize>,
    is_clear: bool,
    is_unclear: bool,
    free_of_stories: bool,
}

impl Said {
    fn read(says: &str, phases: &[Phase], subject: Option<usize>) -> Self {
        let lower = unparenthesised(&says.to_lowercase());
        let clauses = clauses(&lower);
        let mut said = Self::default();
        for clause in &clauses {
            match named(clause, phases, subject) {
                Some(on) => {
                    said.is_clear = true;
                    said.on.extend(on);
                }
                // What waits for a task is no statement about phases, and is read elsewhere.
                None if names_an_id(clause.to_uppercase().as_bytes()) => {}
                None => said.is_unclear = true,
            }
        }
        if clauses.is_empty() {
            said.read_without_verb(&lower);
        }
        said
    }

    /// “No dependencies on other stories” leaves open what else is waited for; “no dependencies” does
    /// not.
    fn read_without_verb(&mut self, lower: &str) {
        let none = lower.find("no dependenc").map(|at| &lower[at..]);
        let of_stories = none.is_some_and(|rest| rest.contains("stor"));
        if of_stories || lower.contains("independent of other stor") {
            self.free_of_stories = true;
        } else if none.is_some() || lower.contains("immediately") || lower.trim().starts_with("none") {
            self.is_clear = true;
        } else {
            self.is_unclear = lower.contains("depend") || lower.contains("start");
        }
    }
}

/// The subject, and what is said about it: at the first colon outside parentheses, else at the verb.
fn split_subject(text: &str) -> Option<(&str, String)> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some((&text[..at], text[at + 1..].to_owned())),
            _ => {}
        }
    }
    let lower = text.to_ascii_lowercase();
    let verb = TRIGGERS[..5].iter().filter_map(|trigger| lower.find(trigger)).min()?;
    Some((&text[..verb], text[verb..].to_owned()))
}

/// A number in parentheses is the surest name: “Polish (Phase 8)”. “User Stories (Phase 3+)” are the
/// stories from there on, not the polish behind them.
fn subjects(subject: &str, phases: &[Phase]) -> Option<Vec<usize>> {
    let (outside, inside) = subject.split_once('(').unwrap_or((subject, ""));
    let inside = inside.split(')').next().unwrap_or(inside);
    let is_numbered = inside.to_lowercase().contains("phase");
    let of_stories = inside.contains('+') && outside.to_lowercase().contains("stories");
    let number = if of_stories { format!("{inside} of stories") } else { inside.to_owned() };
    let by_number = is_numbered.then(|| named(&number, phases, None)).flatten();
    let is_some_phase = |found: &Vec<usize>| !found.is_empty();
    by_number.filter(is_some_phase).or_else(|| named(outside, phases, None)).filter(is_some_phase)
}

/// Drops what stands in parentheses, except a phase's number and a dependency.
fn unparenthesised(lower: &str) -> String {
    let mut kept = String::new();
    let mut rest = lower;
    while let Some((before, behind)) = rest.split_once('(') {
        kept.push_str(before);
        let (inside, after) = behind.split_once(')').unwrap_or((behind, ""));
        let is_number = inside.trim_start().strip_prefix("phase").is_some_and(|number| {
            number.trim_start_matches('s').chars().all(|c| c.is_ascii_digit() || " -–—,.+#".contains(c))
        });
        if is_number || inside.trim_start().starts_with("depend") {
            kept.push(' ');
            kept.push_str(inside);
        }
        rest = after;
    }
    kept + rest
}

/// What follows each trigger, up to the next trigger or the end of the thought.
fn clauses(lower: &str) -> Vec<&str> {
    let mut starts: Vec<(usize, usize)> = TRIGGERS
        .iter()
        .flat_map(|trigger| lower.match_indices(trigger).map(|(at, found)| (at, at + found.len())))
        .filter(|&(at, end)| is_whole(lower, at, end))
        .collect();
    starts.sort_unstable();
    let mut clauses = Vec::new();
    for (position, &(at, start)) in starts.iter().enumerate() {
        let next = starts.get(position + 1).map_or(lower.len(), |&(next, _)| next.max(start));
        let clause = &lower[start..next];
        let end = ENDS.iter().filter_map(|end| clause.find(end)).min().unwrap_or(clause.len());
        let before = lower[..at].trim_end();
        let is_negated = ["not", "n't", "n’t", "longer", "never"].iter().any(|word| before.ends_with(word));
        if !is_negated {
            clauses.push(clause[..end].trim_end_matches('.'));
        }
    }
    clauses
}

fn is_whole(text: &str, start: usize, end: usize) -> bool {
    !text[..start].ends_with(char::is_alphanumeric) && !text[end..].starts_with(char::is_alphanumeric)
}
