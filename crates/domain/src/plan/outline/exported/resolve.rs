//! From blocks to tasks and edges: which tasks the names in `depends on:` mean.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::block::Block;
use super::field::Reference;
use super::plain::references_of_line;
use crate::plan::outline::holes::tasks_used;
use crate::plan::outline::key::KeyIndex;
use crate::plan::outline::written::Written;
use crate::plan::{Finding, Limits, Origin, OutlineError, PlannedDependency, PlannedTask};
use crate::task::TaskId;

/// Connects the tasks, each pair once. Of several origins the strongest stays.
pub(super) fn resolve(
    mut blocks: Vec<Block>,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<PlannedTask>, Vec<PlannedDependency>), OutlineError> {
    drop_repeated_ids(&mut blocks, findings);
    complain_about_keys(&blocks, findings);
    let names: Vec<String> = blocks.iter().map(|block| block.task.key.clone().unwrap_or_default()).collect();
    let keys = KeyIndex::new(names.iter().map(String::as_str));
    let known = Names::new(&blocks);
    let mut edges = Edges { found: BTreeMap::new(), blocks: &blocks, findings };
    let mut loose: Vec<(usize, Origin, Vec<_>)> = Vec::new();
    for (from, block) in blocks.iter().enumerate() {
        loose.push((from, Origin::Explicit, block.references.clone()));
        for (origin, reference, line) in &block.waits {
            if let Some(to) = known.find(reference) {
                edges.add(from, to, *origin, *line);
                continue;
            }
            let (Reference::Word(word) | Reference::Key(word)) = reference;
            let references = match reference {
                Reference::Word(word) => references_of_line(&format!("depends on: {word}"), *line),
                Reference::Key(_) => Vec::new(),
            };
            if references.is_empty() {
                edges.complain(from, word, *line);
            } else {
                loose.push((from, *origin, references));
            }
        }
    }
    let mut written = Written { keys: &keys, names: &names, findings: edges.findings, edges: Vec::new() };
    let many = loose.iter().map(|(_, _, references)| written.count(references)).sum::<usize>();
    refuse_many(many.max(edges.found.len()), limits)?;
    let mut ranges = Vec::new();
    for (from, origin, references) in &loose {
        let first = written.edges.len();
        written.add_explicit(*from, references);
        ranges.extend(written.edges[first..].iter().map(|edge| (edge.clone(), *origin)));
    }
    for (edge, origin) in ranges {
        edges.add(edge.from_index, edge.to_index, origin, edge.line.unwrap_or(1));
    }
    edges.miss_uses(&keys);
    let found = edges.found;
    refuse_many(found.len(), limits)?;
    let dependency = |((from_index, to_index), (origin, line))| {
        let line = (origin != Origin::Structural).then_some(line);
        PlannedDependency { from_index, to_index, origin, line }
    };
    let dependencies = found.into_iter().map(dependency).collect();
    Ok((blocks.into_iter().map(|block| block.task).collect(), dependencies))
}

fn refuse_many(edges: usize, limits: &Limits) -> Result<(), OutlineError> {
    let limit = limits.max_edges;
    if edges <= limit { Ok(()) } else { Err(OutlineError::TooManyEdges { edges, limit, between: None }) }
}

/// A line that was copied has the id of the one it was copied from. It is a new task.
fn drop_repeated_ids(blocks: &mut [Block], findings: &mut Vec<Finding>) {
    let mut lines: HashMap<TaskId, u32> = HashMap::new();
    for task in blocks.iter_mut().map(|block| &mut block.task) {
        let (Some(id), Some(line)) = (task.id, task.line) else {
            continue;
        };
        if let Some(first) = lines.get(&id) {
            let message =
                format!("the id in this line is that of line {first}; the line counts as a new task");
            findings.push(Finding::warning("repeated_id", line, message));
            task.id = None;
        } else {
            lines.insert(id, line);
        }
    }
}

fn complain_about_keys(blocks: &[Block], findings: &mut Vec<Finding>) {
    let mut lines: HashMap<&str, u32> = HashMap::new();
    for task in blocks.iter().map(|block| &block.task) {
        let (Some(key), Some(line)) = (&task.key, task.line) else {
            continue;
        };
        if let Some(first) = lines.insert(key, line) {
            let message = format!("{key} stands in line {first} and again in line {line}");
            findings.push(Finding::error("duplicate_id", line, message));
        }
    }
}

/// Finds tasks by the names that stand for them literally.
struct Names {
    by_key: HashMap<String, usize>,
    by_id: HashMap<TaskId, usize>,
    by_number: HashMap<u32, usize>,
}

impl Names {
    fn new(blocks: &[Block]) -> Self {
        let mut names = Self { by_key: HashMap::new(), by_id: HashMap::new(), by_number: HashMap::new() };
        for (index, block) in blocks.iter().enumerate() {
            names.by_key.extend(block.task.key.clone().map(|key| (key, index)));
            names.by_id.extend(block.task.id.map(|id| (id, index)));
            names.by_number.extend(block.number.map(|number| (number, index)));
        }
        names
    }

    fn find(&self, reference: &Reference) -> Option<usize> {
        let word = match reference {
            Reference::Key(key) => return self.by_key.get(key).copied(),
            Reference::Word(word) => word,
        };
        let by_id = || self.by_id.get(&TaskId::new(word.parse::<Uuid>().ok()?)).copied();
        let by_number = || self.by_number.get(&word.strip_prefix("ref ")?.parse().ok()?).copied();
        self.by_key.get(word).copied().or_else(by_id).or_else(by_number)
    }
}

struct Edges<'a> {
    found: BTreeMap<(usize, usize), (Origin, u32)>,
    blocks: &'a [Block],
    findings: &'a mut Vec<Finding>,
}

impl Edges<'_> {
    fn name(&self, index: usize) -> String {
        let task = &self.blocks[index].task;
        task.key.clone().unwrap_or_else(|| format!("“{}”", task.title.chars().take(60).collect::<String>()))
    }

    fn add(&mut self, from: usize, to: usize, origin: Origin, line: u32) {
        if from == to {
            let message = format!("{} depends on itself", self.name(from));
            self.findings.push(Finding::error("self_dependency", line, message));
            return;
        }
        let strength = |origin| match origin {
            Origin::Explicit => 0,
            Origin::Inferred => 1,
            Origin::Structural => 2,
        };
        let edge = self.found.entry((from, to)).or_insert((origin, line));
        if strength(origin) < strength(edge.0) {
            *edge = (origin, line);
        }
    }

    fn complain(&mut self, from: usize, word: &str, line: u32) {
        let word: String = word.chars().take(60).collect();
        let message = format!("{} depends on {word}, which is no task of this file", self.name(from));
        self.findings.push(Finding::warning("unknown_dependency", line, message));
    }

    /// Nothing is inferred here, so a result that is used without being waited for is worth a word.
    fn miss_uses(&mut self, keys: &KeyIndex) {
        for (from, block) in self.blocks.iter().enumerate() {
            let Some(action) = &block.task.action else {
                continue;
            };
            let mut used = Vec::new();
            tasks_used(&action.parameters, keys, &mut used);
            let used: HashSet<usize> = used.into_iter().filter(|&to| to != from).collect();
            let missed = used.into_iter().filter(|&to| !self.found.contains_key(&(from, to))).min();
            if let Some(to) = missed {
                let (name, other) = (self.name(from), self.name(to));
                let message =
                    format!("{name} uses the result of {other} but does not say so; add `- uses: {other}`");
                self.findings.push(Finding::warning("unstated_use", action.line.unwrap_or(1), message));
            }
        }
    }
}
