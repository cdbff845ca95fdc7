//! One task of the file: its id, its fields, its parts.

use std::collections::{BTreeMap, HashMap};

use crate::plan::outline::fitting;
use crate::plan::{Finding, PlannedTask};

use super::node::Node;
use super::root::Tag;
use super::words::{State, description, in_one_line, priority, state};

/// A task or a subtask.
pub(super) struct Entry<'a> {
    pub(super) task: PlannedTask,
    /// What the key begins with because of the tag.
    pub(super) prefix: &'a str,
    /// The key without that.
    pub(super) id: String,
    /// The task it is a part of, by position.
    pub(super) parent: Option<usize>,
    pub(super) line: u32,
    /// As written.
    pub(super) dependencies: Option<&'a Node>,
}

impl Entry<'_> {
    /// The key in the plan.
    pub(super) fn key(&self) -> &str {
        self.task.key.as_deref().unwrap_or_default()
    }
}

/// All tasks with their parts, in the order of the file.
pub(super) fn read_all<'a>(tags: &'a [Tag<'a>], findings: &mut Vec<Finding>) -> Vec<Entry<'a>> {
    let mut reader = Reader { entries: Vec::new(), findings, unread: BTreeMap::new() };
    for tag in tags {
        reader.read_list(tag.tasks, &tag.prefix, None);
    }
    reader.report_unread();
    let entries = reader.entries;
    complain_about_duplicates(&entries, findings);
    entries
}

struct Reader<'a, 'f> {
    entries: Vec<Entry<'a>>,
    findings: &'f mut Vec<Finding>,
    /// Fields that mean nothing here: how often each is there, and where first.
    unread: BTreeMap<&'a str, (usize, u32)>,
}

impl<'a> Reader<'a, '_> {
    /// Recursion ends with the nesting that the JSON parser allows.
    fn read_list(&mut self, list: &'a [Node], prefix: &'a str, parent: Option<usize>) {
        let number = |node: &Node| node.member("id").and_then(Node::word)?.parse::<u64>().ok();
        let mut next_free = list.iter().filter_map(number).max().unwrap_or(0).saturating_add(1);
        for node in list {
            if node.members().is_empty() {
                let message = format!("{} stands where a task should be; it was left out", node.kind());
                self.findings.push(Finding::warning("not_a_task", node.line, message));
                continue;
            }
            let index = self.read_task(node, prefix, parent, &mut next_free);
            match node.member("subtasks") {
                Some(parts) if parts.items().is_some() => {
                    self.read_list(parts.items().unwrap_or_default(), prefix, Some(index));
                }
                Some(parts) if *parts.kind() != *"null" => {
                    let message = format!("`subtasks` is {} and no list; it was left out", parts.kind());
                    self.findings.push(Finding::warning("unreadable_field", parts.line, message));
                }
                _ => {}
            }
        }
    }

    fn read_task(
        &mut self,
        node: &'a Node,
        prefix: &'a str,
        parent: Option<usize>,
        next_free: &mut u64,
    ) -> usize {
        let line = node.line;
        let own = node.member("id").and_then(Node::word);
        let id = own.clone().unwrap_or_else(|| {
            *next_free = next_free.saturating_add(1);
            (*next_free - 1).to_string()
        });
        let id = match parent.map(|parent| self.entries[parent].id.as_str()) {
            Some(parent) if !id.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.')) => {
                format!("{parent}.{id}")
            }
            _ => id,
        };
        let key = format!("{prefix}{id}");
        if own.is_none() {
            let message = format!("a task without an id; it is called {key} here");
            self.findings.push(Finding::warning("missing_id", line, message));
        }
        let task = PlannedTask { key_generated: own.is_none(), ..self.fields(node, key) };
        let dependencies = node.member("dependencies");
        self.note_unread(node);
        self.entries.push(Entry { task, prefix, id, parent, line, dependencies });
        self.entries.len() - 1
    }

    fn fields(&mut self, node: &Node, key: String) -> PlannedTask {
        let word = |name: &str| node.member(name).and_then(Node::word);
        let description = description(node);
        let title = self.title(node, &key, &description);
        let (title, description) = fitting(title, description, node.line, self.findings);
        let state = self.state(node, &key);
        let priority = word("priority").map_or(0, |word| self.priority(node, &key, &word));
        let score = word("complexity").or_else(|| word("complexityScore"));
        PlannedTask {
            key: Some(key),
            title,
            description,
            priority,
            complexity: score.and_then(|score| score.parse().ok()).filter(|score| (1..=10).contains(score)),
            labels: self.labels(node),
            done: state == State::Done,
            dropped: state == State::Dropped,
            line: Some(node.line),
            ..PlannedTask::default()
        }
    }

    /// The title, else the first line of the description.
    fn title(&mut self, node: &Node, key: &str, description: &str) -> String {
        let given = node.member("title").and_then(Node::word).map(|title| in_one_line(&title));
        if let Some(title) = given.filter(|title| !title.is_empty()) {
            return title;
        }
        let first = description.lines().map(|line| line.trim_start_matches(['#', ' ']));
        let first = first.map(str::trim).find(|line| !line.is_empty());
        match first {
            Some(line) => {
                let message = format!("{key} has no title; the first line of its description is used");
                self.findings.push(Finding::warning("missing_title", node.line, message));
                line.to_owned()
            }
            None => {
                let message = format!("{key} has no title; say in one line what is to be done");
                self.findings.push(Finding::error("missing_title", node.line, message));
                String::new()
            }
        }
    }

    fn state(&mut self, node: &Node, key: &str) -> State {
        let Some(status) = node.member("status") else {
            return State::Open;
        };
        let word = status.word().unwrap_or_default();
        match state(&word) {
            Some(State::Deferred) => {
                let message = format!("{key} is deferred; it is taken as open");
                self.findings.push(Finding::info("deferred", status.line, message));
                State::Deferred
            }
            Some(state) => state,
            None => {
                let message = format!("`{}` is no status; {key} is taken as open", shortened(&word));
                self.findings.push(Finding::warning("unknown_status", status.line, message));
                State::Open
            }
        }
    }

    fn priority(&mut self, node: &Node, key: &str, word: &str) -> i32 {
        priority(word).unwrap_or_else(|| {
            let line = node.member("priority").map_or(node.line, |priority| priority.line);
            let message = format!("`{}` is no priority; {key} gets 0", shortened(word));
            self.findings.push(Finding::warning("unknown_priority", line, message));
            0
        })
    }

    fn labels(&self, node: &Node) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        let given = ["labels", "tags"].iter().filter_map(|name| node.member(name)?.items()).flatten();
        for label in given.filter_map(Node::word) {
            if !labels.contains(&label) && labels.len() < 50 {
                labels.push(label);
            }
        }
        labels
    }

    fn note_unread(&mut self, node: &'a Node) {
        const READ: [&str; 20] = [
            "id",
            "title",
            "description",
            "details",
            "testStrategy",
            "test_strategy",
            "status",
            "priority",
            "dependencies",
            "subtasks",
            "labels",
            "tags",
            "complexity",
            "complexityScore",
            "parentId",
            "parent",
            "createdAt",
            "updatedAt",
            "created",
            "updated",
        ];
        for (name, value) in node.members().iter().filter(|(name, _)| !READ.contains(&name.as_str())) {
            self.unread.entry(name).or_insert((0, value.line)).0 += 1;
        }
    }

    /// One finding for the whole file: a field of its own makes, or somebody adds, stands in every task.
    fn report_unread(&mut self) {
        const MOST: usize = 12;
        let Some(&(_, line)) = self.unread.values().min_by_key(|(_, line)| line) else {
            return;
        };
        let named = |(name, (count, _)): (&&str, &(usize, u32))| format!("`{}` ({count})", shortened(name));
        let names: Vec<String> = self.unread.iter().take(MOST).map(named).collect();
        let more = if self.unread.len() > MOST { ", …" } else { "" };
        let message = format!("these fields mean nothing here and are not taken: {}{more}", names.join(", "));
        self.findings.push(Finding::info("fields_ignored", line, message));
    }
}

fn complain_about_duplicates(entries: &[Entry<'_>], findings: &mut Vec<Finding>) {
    let mut lines: HashMap<&str, u32> = HashMap::new();
    for entry in entries {
        if let Some(first) = lines.insert(entry.key(), entry.line) {
            let (key, line) = (entry.key(), entry.line);
            let message = format!("{key} stands in line {first} and again in line {line}");
            findings.push(Finding::error("duplicate_id", line, message));
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
