//! `dependencies`: which tasks the numbers and words mean.

use std::collections::{HashMap, HashSet};

use crate::plan::{Finding, Origin, PlannedDependency};

use super::field::Entry;
use super::node::{Json, Node};

/// Explicit edges, each once. What names no task is a finding, as is a task that waits for itself.
pub(super) fn resolve(entries: &[Entry<'_>], findings: &mut Vec<Finding>) -> Vec<PlannedDependency> {
    let mut names = Names { entries, by_key: HashMap::with_capacity(entries.len()) };
    for (index, entry) in entries.iter().enumerate() {
        names.by_key.entry(entry.key()).or_insert(index);
    }
    let mut edges = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut known = HashSet::new();
        let mut unknown = HashSet::new();
        for (word, line) in words(entry, findings) {
            let Some(to) = names.find(index, &word) else {
                if unknown.insert(word.clone()) {
                    let message = no_such_task(entry, &word);
                    findings.push(Finding::warning("unknown_dependency", line, message));
                }
                continue;
            };
            if to == index {
                let message = format!("{} depends on itself", entry.key());
                findings.push(Finding::error("self_dependency", line, message));
            } else if known.insert(to) {
                edges.push(PlannedDependency {
                    from_index: index,
                    to_index: to,
                    origin: Origin::Explicit,
                    line: Some(line),
                });
            }
        }
    }
    report_contradictions(entries, &edges, findings);
    edges
}

fn no_such_task(entry: &Entry<'_>, word: &str) -> String {
    let word: String = word.chars().take(60).collect();
    let place = if entry.prefix.is_empty() { "this plan" } else { "this tag" };
    format!("{} depends on {word}, which is no task of {place}", entry.key())
}

struct Names<'a> {
    entries: &'a [Entry<'a>],
    by_key: HashMap<&'a str, usize>,
}

impl Names<'_> {
    /// A bare word inside a subtask means a sibling if there is one, else a task further out. One with
    /// a point means the task with that very id, else a part of what is further in. `tag:id` looks into
    /// another tag.
    fn find(&self, from: usize, word: &str) -> Option<usize> {
        let entry = &self.entries[from];
        let as_written = || self.named(entry.prefix, "", word);
        let nearby = || {
            let mut around = entry.parent;
            while let Some(parent) = around {
                let found = self.named(entry.prefix, &self.entries[parent].id, word);
                if found.is_some() {
                    return found;
                }
                around = self.entries[parent].parent;
            }
            None
        };
        let found =
            if word.contains('.') { as_written().or_else(nearby) } else { nearby().or_else(as_written) };
        found.or_else(|| self.by_key.get(word).copied().filter(|_| word.contains(':')))
    }

    fn named(&self, prefix: &str, parent: &str, word: &str) -> Option<usize> {
        let point = if parent.is_empty() { "" } else { "." };
        self.by_key.get(format!("{prefix}{parent}{point}{word}").as_str()).copied()
    }
}

/// What stands in `dependencies`, with lines. A single number or word does for a list.
fn words(entry: &Entry<'_>, findings: &mut Vec<Finding>) -> Vec<(String, u32)> {
    let Some(node) = entry.dependencies else {
        return Vec::new();
    };
    let single = std::slice::from_ref(node);
    let items = match &node.value {
        Json::Null => &[],
        Json::List(items) => items.as_slice(),
        _ => single,
    };
    let mut words = Vec::new();
    for item in items {
        match &item.value {
            Json::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                words.extend(parts.map(|part| (part.to_owned(), item.line)));
            }
            Json::Number(number) => {
                if number.contains('.') {
                    findings.push(fraction(entry, number, item));
                }
                words.push((number.clone(), item.line));
            }
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => {
                let message = format!(
                    "{} among the dependencies of {} names no task; expected an id",
                    item.kind(),
                    entry.key()
                );
                findings.push(Finding::warning("unreadable_dependency", item.line, message));
            }
        }
    }
    words
}

/// JSON cannot tell 1.1 from 1.10.
fn fraction(entry: &Entry<'_>, number: &str, item: &Node) -> Finding {
    let message = format!(
        "{} depends on the number {number}; write \"{number}\" in quotes, or part 10 is read as part 1",
        entry.key()
    );
    Finding::info("number_as_id", item.line, message)
}

/// What is finished although something it waits for is not.
fn report_contradictions(entries: &[Entry<'_>], edges: &[PlannedDependency], findings: &mut Vec<Finding>) {
    let mut told = HashSet::new();
    for edge in edges {
        let (from, to) = (&entries[edge.from_index], &entries[edge.to_index]);
        let (key, other) = (from.key(), to.key());
        let line = edge.line.unwrap_or(from.line);
        if from.task.done && !to.task.done && !to.task.dropped && told.insert(edge.from_index) {
            let message = format!("{key} is done although it waits for {other}, which is not");
            findings.push(Finding::warning("done_before_dependencies", line, message));
        } else if to.task.dropped && !from.task.done && !from.task.dropped {
            let message = format!("{key} waits for {other}, which is cancelled and will never be done");
            findings.push(Finding::warning("waits_for_dropped", line, message));
        }
    }
}
