//! Keys are unique in a goal, after the update as well.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::edges::Edges;
use super::fields::is_open;
use super::matching::Match;
use super::{Comparison, finding};
use crate::plan::{Finding, Plan, Severity};
use crate::template::inspect;

impl Comparison<'_> {
    /// Complains about keys that two tasks would have. Where the reader made one up, another is given, also where a task
    /// that goes has it: whoever remembers that one should not find another under its key.
    pub(super) fn keys(&mut self, matches: &[Option<Match>], edges: &Edges<'_>) -> Vec<(usize, String)> {
        let mut known: HashMap<&str, Option<u32>> = HashMap::new();
        let missing = self.tasks.iter().filter(|task| !is_open(task) && !edges.is_in_plan(task.id));
        known.extend(missing.filter_map(|task| Some((task.fields.key.as_deref()?, None))));
        let mut made_up = Vec::new();
        for (index, (planned, found)) in self.plan.tasks.iter().zip(matches).enumerate() {
            let present = found.map(|found| (&self.tasks[found.present], found.by_id));
            let key = match present {
                Some((task, by_id)) if !by_id || !is_open(task) => &task.fields.key,
                _ => &planned.key,
            };
            let Some(key) = key.as_deref() else {
                continue;
            };
            if present.is_none() && planned.key_generated {
                made_up.push((index, key));
            } else if let Some(first) = known.insert(key, planned.line) {
                let place = match first {
                    Some(line) => format!("that of the task in line {line}"),
                    None => "that of a finished task of the goal".to_owned(),
                };
                let message = format!("the key {key} is also {place}; give one of them another");
                self.findings.push(finding(Severity::Error, "duplicate_key", planned.line, message));
            }
        }
        let held: HashSet<&str> = self.tasks.iter().filter_map(|task| task.fields.key.as_deref()).collect();
        let number = |key: &str| key.strip_prefix('T')?.parse::<u64>().ok();
        let all = known.keys().chain(&held).chain(made_up.iter().map(|(_, key)| key));
        let mut next = all.filter_map(|key| number(key)).max().unwrap_or(0);
        let taken = made_up.into_iter().filter(|(_, key)| known.contains_key(key) || held.contains(key));
        let fresh = taken.map(|(index, _)| {
            next = next.saturating_add(1);
            (index, format!("T{next:03}"))
        });
        let fresh: Vec<(usize, String)> = fresh.collect();
        let renamed = fresh.iter().map(|(index, _)| *index).collect();
        self.findings.extend(ambiguous_references(self.plan, &renamed));
        fresh
    }
}

/// Complains about what reads a task by a key that the reader of the plan made up, where that task, by its position, gets another
/// key: another task may have the one that is read.
pub(super) fn ambiguous_references(plan: &Plan, renamed: &HashSet<usize>) -> Vec<Finding> {
    let made_up: HashMap<&str, usize> =
        renamed.iter().filter_map(|&index| Some((plan.tasks.get(index)?.key.as_deref()?, index))).collect();
    let mut findings = Vec::new();
    for task in plan.tasks.iter().filter(|_| !made_up.is_empty()) {
        let Some(action) = &task.action else { continue };
        let inspection = inspect(&action.parameters);
        let read: BTreeSet<&str> =
            inspection.references().map(|(_, reference)| reference.root.as_str()).collect();
        for root in read {
            let Some(&index) = made_up.get(root) else { continue };
            let place = plan.tasks[index].line.map(|line| format!(" in line {line}")).unwrap_or_default();
            let message = format!(
                "`{root}` is what the reader of the plan calls the task{place} that has no key; the goal's task {root} may be \
                 meant as well: write a key in front of that one, and read its result by it"
            );
            let line = action.line.or(task.line);
            findings.push(finding(Severity::Error, "ambiguous_reference", line, message));
        }
    }
    findings
}
