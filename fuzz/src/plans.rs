//! Readers of plans in every format, and the writer of exports.

use std::collections::HashSet;

use goalwright_domain::plan::{Format, Limits, Outline, Plan, read_plan, validate, write_plan};
use serde_json::Value;

use crate::{cost, outline};

/// What an export keeps of nested JSON.
const DEPTH: usize = 100;

/// Reads the text in each format, and writes what was read.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    for format in [Format::Auto, Format::Markdown, Format::Taskmaster] {
        let read = cost::bounded(text.len(), || read_plan(text, format, &Limits::IMPORT));
        assert_eq!(read, read_plan(text, format, &Limits::IMPORT), "the same text is read in the same way");
        outline::check_read(text, &read);
        if let Ok(Outline { plan, .. }) = read {
            check_export(plan);
        }
    }
}

fn check_export(mut plan: Plan) {
    // A key that the reader made up is a key like any other once the plan is stored.
    for task in &mut plan.tasks {
        task.key_generated = false;
    }
    if !can_be_exported(&plan) {
        return;
    }
    let text = write_plan(&plan);
    let read = read_plan(&text, Format::Auto, &Limits::IMPORT);
    let again = read.unwrap_or_else(|error| panic!("an export is read back, but: {error}\n{text}")).plan;
    assert_eq!(write_plan(&again), text, "what was read back is written in the same way");
    assert_eq!(kept(again), kept(plan), "nothing is lost in\n{text}");
}

/// What the law of exports asks of a plan.
fn can_be_exported(plan: &Plan) -> bool {
    let mut ids = HashSet::new();
    validate(plan, &Limits::IMPORT).is_ok()
        && plan.tasks.iter().filter_map(|task| task.id).all(|id| ids.insert(id))
        && plan.tasks.iter().all(|task| {
            let deep = task.action.as_ref().is_some_and(|action| depth(&action.parameters) >= DEPTH);
            let ended_twice = task.done && task.dropped;
            let does_two_things = task.action.is_some() && task.work.is_some();
            !deep && !ended_twice && !does_two_things
        })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The plan without what belongs to the text it stood in.
fn kept(mut plan: Plan) -> Plan {
    for task in &mut plan.tasks {
        task.line = None;
        task.phase = None;
        if let Some(action) = &mut task.action {
            action.line = None;
        }
    }
    for edge in &mut plan.dependencies {
        edge.line = None;
    }
    plan.dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));
    plan
}
