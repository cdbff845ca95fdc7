//! Writing a plan as Markdown that people like to edit, and that is read back with nothing lost.

mod head;
mod names;
mod task;

use std::fmt::Write;

use super::Plan;
use names::Names;

/// Writes a plan as Markdown for [`read_plan`](super::read_plan()).
///
/// The file says in its front matter that it is an export (`goalwright: 1`) and which goal it belongs
/// to. Ids of tasks stand in comments, dependencies below their tasks, one line for each origin:
/// `depends on:` (explicit), `follows:` (structural), `uses:` (inferred). What plain Markdown would
/// misread is written in double quotes, as a JSON string, or quoted with `>`.
///
/// The law: for every plan that [`validate`](super::validate()) accepts, whose ids are unique, with no
/// task both done and dropped and none with both `action` and `work`, the plan that is read back is
/// equal to the one written, but for every `line` (that of the new text), `phase` (`None`) and
/// `key_generated` (`false`), and its
/// dependencies are sorted by `from_index` and `to_index`. JSON is kept up to 100 levels of nesting.
///
/// # Examples
///
/// ```
/// use goalwright_domain::plan::{Format, Limits, read_plan, write_plan};
///
/// let text = "- [x] T001 Buy flour\n- [ ] T002 Bake bread (depends on T001)\n";
/// let plan = read_plan(text, Format::Auto, &Limits::IMPORT)?.plan;
/// let export = write_plan(&plan);
/// assert!(export.ends_with("- [x] T001 Buy flour\n- [ ] T002 Bake bread\n  - depends on: T001\n"));
///
/// let again = read_plan(&export, Format::Auto, &Limits::IMPORT)?.plan;
/// assert_eq!(again.tasks[1].title, "Bake bread");
/// assert_eq!(write_plan(&again), export);
/// # Ok::<(), goalwright_domain::plan::OutlineError>(())
/// ```
pub fn write_plan(plan: &Plan) -> String {
    let names = Names::new(plan);
    let mut waits: Vec<Vec<_>> = vec![Vec::new(); plan.tasks.len()];
    for edge in &plan.dependencies {
        if let Some(list) = waits.get_mut(edge.from_index) {
            list.push((edge.origin, edge.to_index));
        }
    }
    let mut text = head::head(plan.title.as_deref(), plan.goal.as_ref());
    text.push_str("## Tasks\n\n");
    for (index, task) in plan.tasks.iter().enumerate() {
        waits[index].sort_unstable_by_key(|&(_, to)| to);
        text.push_str(&task::lines(task, names.number(index), &names.lists(&waits[index])));
    }
    text
}

/// A JSON string. A comment that opens inside it would hide the rest of the file from other readers.
fn quoted(text: &str) -> String {
    let mut json = String::new();
    // Writing to a string does not fail.
    let _ = write!(json, "{}", serde_json::Value::from(text));
    json.replace("<!--", "\\u003c!--")
}

/// The lines with `prefix` before each; what is empty gets it without the blank at its end.
fn indented(text: &str, prefix: &str) -> String {
    let mut lines = String::new();
    for line in text.split('\n') {
        let prefix = if line.is_empty() { prefix.trim_end() } else { prefix };
        lines.push_str(prefix);
        lines.push_str(line);
        lines.push('\n');
    }
    lines
}
