//! Which items are tasks, and what each is called.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::plan::{Finding, PlannedTask, TITLE_MAX_CHARS};

use super::document::Item;
use super::key::{Key, KeyIndex};
use super::reference::Reference;
use super::repetition::without_repetitions;
use super::section::Heading;
use super::state::State;

/// The tasks of a plan and, by position, what is needed to connect them.
pub(super) struct Chosen {
    pub(super) tasks: Vec<PlannedTask>,
    pub(super) references: Vec<Vec<Reference>>,
    /// What waits for each task by its own words.
    pub(super) blocks: Vec<Vec<Reference>>,
    /// The innermost heading over each task.
    pub(super) headings: Vec<Option<usize>>,
}

/// Turns items into tasks with unique keys; complains about ids that are used twice.
pub(super) fn choose(items: Vec<Item>, headings: &[Heading], findings: &mut Vec<Finding>) -> Chosen {
    let mut items = without_repetitions(items, headings, findings);
    complain_about_duplicates(&items, findings);
    let nameless = name_the_nameless(&mut items, findings);
    let mut chosen = Chosen {
        tasks: Vec::with_capacity(items.len()),
        references: Vec::with_capacity(items.len()),
        blocks: Vec::with_capacity(items.len()),
        headings: Vec::with_capacity(items.len()),
    };
    for mut item in items {
        chosen.references.push(std::mem::take(&mut item.references));
        chosen.blocks.push(std::mem::take(&mut item.blocks));
        chosen.headings.push(item.heading);
        let key_generated = nameless.contains(&item.line);
        chosen.tasks.push(PlannedTask { key_generated, ..task(item, findings) });
    }
    chosen
}

/// Says in which phase each task stands, from the phase heading of each. Only phases with a heading
/// count.
pub(super) fn number_phases(tasks: &mut [PlannedTask], of_tasks: &[Option<usize>]) {
    let mut last = None;
    let mut count = 0;
    for (task, &heading) in tasks.iter_mut().zip(of_tasks) {
        if heading.is_some() && heading != last {
            count += 1;
            last = heading;
        }
        task.phase = heading.map(|_| count - 1);
    }
}

fn complain_about_duplicates(items: &[Item], findings: &mut Vec<Finding>) {
    let mut lines: HashMap<&str, u32> = HashMap::new();
    for item in items {
        let Some(id) = &item.checkbox.id else {
            continue;
        };
        match lines.entry(id) {
            Entry::Vacant(free) => {
                free.insert(item.line);
            }
            Entry::Occupied(first) => {
                let message = format!("{id} stands in line {} and again in line {}", first.get(), item.line);
                findings.push(Finding::error("duplicate_id", item.line, message));
            }
        }
    }
}

/// Gives the next free numbers to items without an id, and tells their lines.
fn name_the_nameless(items: &mut [Item], findings: &mut Vec<Finding>) -> std::collections::HashSet<u32> {
    let ids: Vec<Option<Key>> = items
        .iter()
        .map(|item| item.checkbox.id.as_ref().and_then(|id| Key::scan(id.as_bytes(), 0)).map(|(key, _)| key))
        .collect();
    let known: Vec<Option<&Key>> = ids.iter().map(Option::as_ref).collect();
    let has_ids = known.iter().any(Option::is_some);
    let mut number = KeyIndex::largest_number(&known);
    let mut lines = std::collections::HashSet::new();
    for item in items.iter_mut().filter(|item| item.checkbox.id.is_none()) {
        number += 1;
        let key = format!("T{number:03}");
        if has_ids {
            let message = format!("a task without an id; it is called {key} here");
            findings.push(Finding::warning("missing_id", item.line, message));
        } else if number == 1 {
            let message = "the tasks have no ids; they are called T001, T002, … in their order";
            findings.push(Finding::info("generated_keys", item.line, message));
        }
        item.checkbox.id = Some(key);
        lines.insert(item.line);
    }
    lines
}

fn task(item: Item, findings: &mut Vec<Finding>) -> PlannedTask {
    let (done, dropped) = (item.checkbox.state.is_done(), item.checkbox.state == State::Dropped);
    let (title, description) = fitting(item.checkbox.title, item.description, item.line, findings);
    PlannedTask {
        id: None,
        key: item.checkbox.id,
        title,
        description,
        task_type: item.task_type,
        estimate_minutes: item.estimate_minutes,
        priority: item.priority.unwrap_or(0),
        labels: item.checkbox.labels,
        parallel: item.checkbox.parallel,
        done,
        dropped,
        phase: None,
        line: Some(item.line),
        action: item.action,
        ..PlannedTask::default()
    }
}

/// A title that is too long is cut at a word, and stands in full before the description.
pub(in crate::plan) fn fitting(
    title: String,
    description: String,
    line: u32,
    findings: &mut Vec<Finding>,
) -> (String, String) {
    let Some((limit, _)) = title.char_indices().nth(TITLE_MAX_CHARS) else {
        return (title, description);
    };
    let last = title[..limit].char_indices().next_back().map_or(0, |(at, _)| at);
    let head = &title[..last];
    let end = head.rfind(' ').filter(|&end| end > last / 2).unwrap_or(last);
    let short = format!("{}…", head[..end].trim_end());
    let message = format!(
        "the title is longer than {TITLE_MAX_CHARS} characters; it stands in full in the description"
    );
    findings.push(Finding::info("title_shortened", line, message));
    let full = if description.is_empty() { title } else { format!("{title}\n{description}") };
    (short, full)
}
