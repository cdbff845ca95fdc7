//! Tasks that a plan mentions more than once.

use std::collections::HashMap;

use crate::plan::Finding;

use super::document::Item;
use super::section::Heading;

/// Leaves one item for each task.
///
/// Of several items with one id that counts which lists the task: a checklist item before a heading,
/// a section of work before one that talks about tasks. What the others say besides is kept, or
/// reported. Two items that are clearly different tasks both stay; that is a mistake for others to
/// report.
pub(super) fn without_repetitions(
    items: Vec<Item>,
    headings: &[Heading],
    findings: &mut Vec<Finding>,
) -> Vec<Item> {
    let lists_work = |item: &Item| item.heading.is_none_or(|heading| headings[heading].lists_work());
    let has_work = items.iter().any(|item| lists_work(item) && !item.is_group());
    let is_aside = |item: &Item| has_work && !lists_work(item);
    let standing = |item: &Item| (item.is_group(), is_aside(item), item.level.is_some());
    let mut counting: HashMap<String, usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(id) = &item.checkbox.id {
            let best = counting.entry(id.clone()).or_insert(index);
            if standing(item) < standing(&items[*best]) {
                *best = index;
            }
        }
    }
    let mut kept: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    for index in 0..kept.len() {
        let Some(item) = kept[index].take() else {
            continue;
        };
        let first = item.checkbox.id.as_ref().and_then(|id| counting.get(id)).copied();
        kept[index] = match first {
            _ if item.is_group() => {
                findings.push(group(&item));
                None
            }
            None if is_aside(&item) => {
                findings.push(ignored(&item, headings));
                None
            }
            Some(first) if first != index => match kept[first].as_mut() {
                Some(counting) => rest_of_repetition(item, counting, is_aside, findings),
                None => Some(item),
            },
            _ => Some(item),
        };
    }
    kept.into_iter().flatten().collect()
}

/// Takes what a repetition adds into the item that counts; gives it back if it is another task.
fn rest_of_repetition(
    item: Item,
    counting: &mut Item,
    is_aside: impl Fn(&Item) -> bool,
    findings: &mut Vec<Finding>,
) -> Option<Item> {
    let is_heading = item.level.is_some();
    let same_title = item.checkbox.title.trim().eq_ignore_ascii_case(counting.checkbox.title.trim());
    let is_detail = is_heading && counting.level.is_none();
    if !(is_detail || is_aside(&item) || same_title) {
        return Some(item);
    }
    let (here, there) = (item.checkbox.state, counting.checkbox.state);
    // A heading without a mark says nothing about the state.
    let says_state = !is_heading || here != super::state::State::Open;
    let id = item.checkbox.id.as_deref().unwrap_or_default();
    let line = counting.line;
    if says_state && (here.is_done() != there.is_done() || is_dropped(&item) != is_dropped(counting)) {
        let message = format!(
            "{id} is {} here and {} in line {line}; line {line} counts",
            name_of_state(&item),
            name_of_state(counting)
        );
        findings.push(Finding::warning("contradicting_state", item.line, message));
    } else if !is_detail && !is_aside(&item) {
        let message = format!("{id} stands in line {line} already; it was taken once");
        findings.push(Finding::warning("repeated_task", item.line, message));
    }
    if is_detail && counting.description.is_empty() {
        counting.description = item.description;
    }
    counting.references.extend(item.references);
    counting.blocks.extend(item.blocks);
    None
}

fn is_dropped(item: &Item) -> bool {
    item.checkbox.state == super::state::State::Dropped
}

fn name_of_state(item: &Item) -> &'static str {
    match item.checkbox.state {
        _ if is_dropped(item) => "dropped",
        state if state.is_done() => "done",
        _ => "open",
    }
}

fn group(item: &Item) -> Finding {
    let id = item.checkbox.id.as_deref().unwrap_or_default();
    let message = format!("the heading {id} stands over tasks with ids; it was not taken for a task");
    Finding::info("heading_over_tasks", item.line, message)
}

fn ignored(item: &Item, headings: &[Heading]) -> Finding {
    let section = item.heading.map_or("", |heading| headings[heading].text.as_str());
    let message = format!("a checkbox without an id under “{section}” was not taken for a task");
    Finding::warning("checkbox_ignored", item.line, message)
}
