//! Dependencies that stand in the text: written out, or inferred from what an action uses.

use std::collections::{HashMap, HashSet};

use crate::plan::{Finding, Origin, PlannedDependency, PlannedTask};

use super::holes::tasks_used;
use super::key::KeyIndex;
use super::reference::Reference;
use super::relation::Relation;

/// Resolves ids to tasks, one task at a time.
pub(super) struct Written<'a> {
    pub(super) keys: &'a KeyIndex,
    /// The keys of all tasks, by position.
    pub(super) names: &'a [String],
    pub(super) findings: &'a mut Vec<Finding>,
    pub(super) edges: Vec<PlannedDependency>,
}

/// Pairs of tasks that lines relate, or how many there are where they are too many to list.
pub(super) type Pairs = Result<Vec<(usize, usize, u32)>, usize>;

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

    /// Who waits for whom by lines that name others: (waits, waited for, line), unordered and with
    /// repetitions. Lists of ranges make many pairs out of few words, so they are counted first.
    pub(super) fn related(
        &mut self,
        relations: &[(Relation, u32)],
        blocks: &[Vec<Reference>],
        most: usize,
    ) -> Pairs {
        let size = |references: &[Reference]| self.count(references);
        let of_relations =
            relations.iter().map(|(relation, _)| size(&relation.waits).saturating_mul(size(&relation.on)));
        let of_blocks = blocks.iter().map(|references| size(references));
        let pairs = of_relations.chain(of_blocks).fold(0, usize::saturating_add);
        if pairs > most {
            return Err(pairs);
        }
        let mut found = Vec::with_capacity(pairs);
        let mut unknown = HashSet::new();
        for (relation, line) in relations {
            for reference in relation.waits.iter().chain(&relation.on) {
                self.report_unknown(reference, &mut unknown);
            }
            let on: Vec<usize> = self.tasks(&relation.on).map(|(task, _)| task).collect();
            for (waits, _) in self.tasks(&relation.waits) {
                found.extend(on.iter().map(|&on| (waits, on, *line)));
            }
        }
        for (task, references) in blocks.iter().enumerate() {
            for reference in references {
                self.report_unknown(reference, &mut unknown);
            }
            found.extend(self.tasks(references).map(|(waits, line)| (waits, task, line)));
        }
        Ok(found)
    }

    fn report_unknown(&mut self, reference: &Reference, unknown: &mut HashSet<String>) {
        for missing in self.missing(reference) {
            if !unknown.contains(&missing) {
                let message =
                    format!("{missing} is named as if it were a task, but no task of this plan has that id");
                self.findings.push(Finding::warning("unknown_dependency", reference.line, message));
                unknown.insert(missing);
            }
        }
    }

    /// The tasks that references name, each once, with the line that names it.
    fn tasks(&self, references: &[Reference]) -> impl Iterator<Item = (usize, u32)> {
        let ranges = self.merged(references);
        ranges
            .into_iter()
            .flat_map(|(start, end, line)| (start..end).map(move |rank| (rank, line)))
            .map(|(rank, line)| (self.keys.at_rank(rank), line))
    }

    /// Adds the pairs that are not there yet.
    pub(super) fn add_related(&mut self, mut pairs: Vec<(usize, usize, u32)>) {
        let mut known: HashSet<(usize, usize)> =
            self.edges.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
        pairs.sort_unstable_by_key(|&(from, to, line)| (line, from, to));
        for (from, to, line) in pairs {
            if from == to {
                let message =
                    format!("{} would wait for itself by this line; that was left out", self.names[from]);
                self.findings.push(Finding::warning("self_dependency", line, message));
            } else if known.insert((from, to)) {
                self.connect(from, to, Origin::Explicit, line);
            }
        }
    }

    /// Reports pairs of tasks that wait for each other. The cycle is left for validation to name.
    pub(super) fn report_contradictions(&mut self) {
        let lines: HashMap<(usize, usize), u32> = self
            .edges
            .iter()
            .map(|edge| ((edge.from_index, edge.to_index), edge.line.unwrap_or(1)))
            .collect();
        for edge in &self.edges {
            let (from, to, line) = (edge.from_index, edge.to_index, edge.line.unwrap_or(1));
            let Some(&other) = lines.get(&(to, from)).filter(|&&other| (other, to) < (line, from)) else {
                continue;
            };
            let (from, to) = (&self.names[from], &self.names[to]);
            let message = format!("{from} waits for {to} by this line, and {to} for {from} by line {other}");
            self.findings.push(Finding::warning("contradicting_order", line, message));
        }
    }

    /// The edges to tasks whose results the actions of others use.
    pub(super) fn add_inferred(&mut self, tasks: &[PlannedTask]) {
        let known: HashSet<(usize, usize)> =
            self.edges.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
        for (task, action) in
            tasks.iter().enumerate().filter_map(|(task, of)| Some((task, of.action.as_ref()?)))
        {
            let mut used = Vec::new();
            tasks_used(&action.parameters, self.keys, &mut used);
            used.sort_unstable();
            used.dedup();
            for to in used.into_iter().filter(|&to| !known.contains(&(task, to))) {
                self.connect(task, to, Origin::Inferred, action.line.unwrap_or(1));
            }
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
