//! The lines of one task.

use serde_json::{Value, json};

use super::{indented, quoted};
use crate::plan::outline::exported::task_reads_back;
use crate::plan::{PlannedAction, PlannedTask, PlannedWork};

/// How the parts of a task are written.
#[derive(Clone, Copy)]
struct Forms {
    key: KeyForm,
    /// Labels in brackets, not in a line of their own.
    bracketed: bool,
    /// The title in double quotes.
    quoted: bool,
    description: TextForm,
}

#[derive(Clone, Copy)]
enum KeyForm {
    /// `T001`
    Bare,
    /// `[#1.2]`
    Marked,
    /// A line of its own.
    Field,
}

#[derive(Clone, Copy)]
enum TextForm {
    Plain,
    Quoted,
    Json,
}

/// What no text is misread in.
const SAFEST: Forms =
    Forms { key: KeyForm::Field, bracketed: false, quoted: true, description: TextForm::Json };

/// The task, and below it, indented, what it waits for (`waits`), its fields and its description.
pub(super) fn lines(task: &PlannedTask, number: Option<usize>, waits: &[String]) -> String {
    let forms = plainest(task, number);
    let forms = if reads_back(task, forms, number) { forms } else { SAFEST };
    written(task, forms, number, waits)
}

fn reads_back(task: &PlannedTask, forms: Forms, number: Option<usize>) -> bool {
    task_reads_back(&written(task, forms, number, &[]), task)
}

/// For every part the plainest form in which it is not misread, looked for one by one.
fn plainest(task: &PlannedTask, number: Option<usize>) -> Forms {
    let blank = PlannedTask { title: "x".to_owned(), ..PlannedTask::default() };
    let mut forms =
        Forms { key: KeyForm::Bare, bracketed: true, quoted: false, description: TextForm::Plain };
    let named = PlannedTask { key: task.key.clone(), ..blank.clone() };
    let key_forms = [KeyForm::Bare, KeyForm::Marked];
    let fits = |key: &KeyForm| reads_back(&named, Forms { key: *key, ..forms }, None);
    forms.key = key_forms.into_iter().find(fits).unwrap_or(KeyForm::Field);
    let labelled = PlannedTask { labels: task.labels.clone(), parallel: task.parallel, ..named };
    forms.bracketed = reads_back(&labelled, forms, None);
    let titled = PlannedTask { title: task.title.clone(), id: task.id, ..labelled };
    forms.quoted = !reads_back(&titled, forms, number);
    let described = PlannedTask { description: task.description.clone(), ..blank };
    let text_forms = [TextForm::Plain, TextForm::Quoted];
    let fits =
        |description: &TextForm| reads_back(&described, Forms { description: *description, ..forms }, None);
    forms.description = text_forms.into_iter().find(fits).unwrap_or(TextForm::Json);
    forms
}

fn written(task: &PlannedTask, forms: Forms, number: Option<usize>, waits: &[String]) -> String {
    let mut text = first_line(task, forms);
    if let Some(id) = task.id {
        text.push_str(&format!(" <!-- id: {id} -->"));
    } else if let Some(number) = number {
        text.push_str(&format!(" <!-- ref: {number} -->"));
    }
    text.push('\n');
    for field in waits.iter().chain(&fields(task, forms)) {
        text.push_str(&format!("  - {field}\n"));
    }
    match forms.description {
        _ if task.description.is_empty() => {}
        TextForm::Plain => text.push_str(&indented(&task.description, "  ")),
        TextForm::Quoted => text.push_str(&indented(&task.description, "  > ")),
        TextForm::Json => text.push_str(&format!("  - description: {}\n", quoted(&task.description))),
    }
    text
}

fn first_line(task: &PlannedTask, forms: Forms) -> String {
    let mark = match (task.done, task.dropped) {
        (true, _) => 'x',
        (false, true) => '-',
        (false, false) => ' ',
    };
    let mut line = format!("- [{mark}]");
    match (&task.key, forms.key) {
        (Some(key), KeyForm::Bare) => line.push_str(&format!(" {key}")),
        (Some(key), KeyForm::Marked) => line.push_str(&format!(" [#{key}]")),
        (Some(_), KeyForm::Field) | (None, _) => {}
    }
    if task.parallel {
        line.push_str(" [P]");
    }
    for label in task.labels.iter().filter(|_| forms.bracketed) {
        line.push_str(&format!(" [{label}]"));
    }
    line.push(' ');
    line.push_str(&if forms.quoted { quoted(&task.title) } else { task.title.clone() });
    line
}

fn fields(task: &PlannedTask, forms: Forms) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| format!("{name}: {value}")));
    };
    let key = task.key.as_deref().filter(|_| matches!(forms.key, KeyForm::Field));
    field("key", key.map(quoted));
    field("type", task.task_type.as_deref().map(word));
    field("estimate", task.estimate_minutes.map(|minutes| format!("{minutes}m")));
    field("priority", Some(task.priority).filter(|&priority| priority != 0).map(|number| number.to_string()));
    field("complexity", task.complexity.map(|score| score.to_string()));
    field("complexity reason", task.complexity_reason.as_deref().map(quoted));
    field("attempts", task.max_attempts.map(|count| count.to_string()));
    field("retry", task.retry.as_ref().map(|retry| json_text(&json!(retry))));
    field("on exhausted", task.on_exhausted.map(|then| then.as_str().to_owned()));
    field("schedule", task.schedule.as_ref().map(|schedule| json_text(&schedule.to_json())));
    field("at", task.scheduled_at.map(|at| at.to_string()));
    field("slug", task.slug.as_deref().map(word));
    let listed = !forms.bracketed && !task.labels.is_empty();
    field("labels", listed.then(|| json_text(&json!(task.labels))));
    field("use", task.action.as_ref().map(action));
    field("by", task.work.as_ref().map(work));
    fields
}

/// A short word as it is, any other text in quotes.
fn word(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 100;
    if is_plain && text.chars().all(fits) { text.to_owned() } else { quoted(text) }
}

/// `tool.operation {…}`, or all in JSON where the names do not allow it.
fn action(action: &PlannedAction) -> String {
    let PlannedAction { tool, operation, parameters, .. } = action;
    let short = match parameters {
        Value::Object(members) if members.is_empty() => format!("{tool}.{operation}"),
        parameters => format!("{tool}.{operation} {}", json_text(parameters)),
    };
    let alone = PlannedTask {
        title: "x".to_owned(),
        action: Some(PlannedAction { line: None, ..action.clone() }),
        ..PlannedTask::default()
    };
    if task_reads_back(&format!("- [ ] x\n  - use: {short}\n"), &alone) {
        return short;
    }
    json_text(&json!({"tool": tool, "operation": operation, "parameters": parameters}))
}

fn work(work: &PlannedWork) -> String {
    match work {
        PlannedWork::External => "external".to_owned(),
        PlannedWork::Human { instructions } => {
            format!("person {}", json_text(&json!({"instructions": instructions})))
        }
        PlannedWork::Orchestrated { instructions, tools, output_schema } => {
            let mut members = json!({"instructions": instructions});
            if !tools.is_empty() {
                members["tools"] = json!(tools);
            }
            if let Some(schema) = output_schema {
                members["output_schema"] = schema.clone();
            }
            format!("model {}", json_text(&members))
        }
    }
}

fn json_text(value: &Value) -> String {
    value.to_string().replace("<!--", "\\u003c!--")
}
