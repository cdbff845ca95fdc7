//! Dependencies that stand in the text: written out, or inferred from what an action uses.

use std::collections::HashSet;

use crate::plan::{Finding, Origin, PlannedAction, PlannedDependency};

use super::holes::tasks_used;
use super::key::KeyIndex;
use super::reference::Reference;

/// Resolves ids to tasks, one task at a time.
pub(super) struct Written<'a> {
    pub(super) keys: &'a KeyIndex,
    /// The keys of all tasks, by position.
    pub(super) names: &'a [String],
    pub(super) findings: &'a mut Vec<Finding>,
    pub(super) edges: Vec<PlannedDependency>,
}

impl Written<'_> {
    /// How many edges a task writes out. Counted before any is made: a short line may name everything.
    pub(super) fn count(&self, references: &[Reference]) -> usize {
        self.merged(references).iter().map(|(start, end, _)| end - start).sum()
    }

    /// Ranks and lines of what is referred to, without overlaps: a range repeated a hundred thousand
    /// times costs no more than once.
    fn merged(&self, references: &[Reference]) -> Vec<(usize, usize, u32)> {
        let mut ranges: Vec<(usize, usize, u32)> = Vec::with_capacity(references.len());
        for reference in references {
            let ranks = match &reference.last {
                Some(last) => self.keys.ranks(&reference.first, last),
                None => self.keys.ranks_of(&reference.first, &reference.text),
            };
            ranges.push((ranks.start, ranks.end, reference.line));
        }
        ranges.sort_unstable();
        let mut next = 0;
        for range in &mut ranges {
            range.0 = range.0.max(next);
            next = next.max(range.1);
        }
        ranges.retain(|(start, end, _)| start < end);
        ranges
    }

    /// The edges that a task writes out; a finding for each id that is no task.
    pub(super) fn add_explicit(&mut self, task: usize, references: &[Reference]) {
        let mut unknown = HashSet::new();
        for reference in references {
            for missing in self.missing(reference) {
                if !unknown.contains(&missing) {
                    let message =
                        format!("{} depends on {missing}, which is no task of this plan", self.names[task]);
                    let finding = Finding::warning("unknown_dependency", reference.line, message);
                    self.findings.push(finding);
                    unknown.insert(missing);
                }
            }
        }
        for (start, end, line) in self.merged(references) {
            for rank in start..end {
                self.connect(task, self.keys.at_rank(rank), Origin::Explicit, line);
            }
        }
    }

    /// The edges to tasks whose results an action uses.
    pub(super) fn add_inferred(&mut self, task: usize, action: &PlannedAction, known: &HashSet<usize>) {
        let mut used = Vec::new();
        tasks_used(&action.parameters, self.keys, &mut used);
        used.sort_unstable();
        used.dedup();
        for to in used.into_iter().filter(|to| !known.contains(to)) {
            self.connect(task, to, Origin::Inferred, action.line.unwrap_or(1));
        }
    }

    fn connect(&mut self, from: usize, to: usize, origin: Origin, line: u32) {
        if from == to {
            let name = &self.names[from];
            let message = match origin {
                Origin::Inferred => format!("{name} uses its own result"),
                Origin::Explicit | Origin::Structural => format!("{name} depends on itself"),
            };
            self.findings.push(Finding::error("self_dependency", line, message));
            return;
        }
        self.edges.push(PlannedDependency { from_index: from, to_index: to, origin, line: Some(line) });
    }

    /// The ends of a reference that are no task, as written.
    fn missing(&self, reference: &Reference) -> Vec<String> {
        let is_missing = |key| self.keys.ranks(key, key).is_empty();
        let Some(last) = &reference.last else {
            let missing = is_missing(&reference.first).then(|| reference.text.clone());
            return missing.into_iter().collect();
        };
        [&reference.first, last].into_iter().filter(|key| is_missing(key)).map(ToString::to_string).collect()
    }
}
