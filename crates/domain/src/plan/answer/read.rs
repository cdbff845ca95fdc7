//! Reading an answer: everything that is wrong with it at once.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::model::json_among;
use crate::plan::{Origin, Plan, PlannedAction, PlannedDependency, PlannedTask, Problem};

/// The most minutes that a task is estimated at: a year of working days.
const LONGEST_ESTIMATE: u64 = 120_000;

/// An answer with more is not looked at: it would be all problems.
const MOST_TASKS: usize = 10_000;
/// Parameters are no deeper than this: they are stored inside of a plan, and read again.
const DEEPEST: usize = 64;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The plan as far as it could be read.
    pub plan: Plan,
    /// What could not. The rules for plans ([`validate`](crate::plan::validate())) are not among it.
    pub problems: Vec<Problem>,
}

/// Reads an answer. `earlier` are tasks of parts before it, as they were answered; its dependencies may name them.
///
/// Problems: `not_json`, `no_tasks`, `not_an_object`, `unknown_field`, `missing_field`, `wrong_type`, `out_of_range`,
/// `unknown_dependency`, `invalid_action`.
pub fn read_answer(text: &str, earlier: &[Value]) -> Answered {
    let mut problems = Vec::new();
    let Some(later) = tasks_of(text, &mut problems) else {
        return Answered { plan: Plan::default(), problems };
    };
    let count = earlier.len() + later.len();
    if count > MOST_TASKS {
        let message = format!("the answer has {count} tasks; nobody asked for more than {MOST_TASKS}");
        return Answered {
            plan: Plan::default(),
            problems: vec![problem("tasks", "too_many_tasks", message)],
        };
    }
    let answers: Vec<Value> = earlier.iter().cloned().chain(later).collect();
    if answers.is_empty() {
        problems.push(problem("tasks", "no_tasks", "the plan has no tasks; a goal takes at least one"));
    }
    let mut reader = Reader { problems };
    let mut tasks = Vec::with_capacity(answers.len());
    let mut waits_for = Vec::with_capacity(answers.len());
    for (index, answer) in answers.iter().enumerate() {
        let (task, keys) = reader.task(index, answer);
        tasks.push(task);
        waits_for.push(keys);
    }
    let dependencies = reader.dependencies(&tasks, &waits_for);
    let plan = Plan { title: None, goal: None, tasks, dependencies };
    Answered { plan, problems: reader.problems }
}

fn tasks_of(text: &str, problems: &mut Vec<Problem>) -> Option<Vec<Value>> {
    let answer = match json_among(text) {
        // A fence and words may stand behind it, but no more JSON.
        Some(Ok((answer, behind))) if !behind.contains(['{', '[', ']', '}']) => answer,
        Some(Ok(_)) => {
            let message = "there is more behind the JSON object; answer with one object and nothing else";
            problems.push(problem("", "not_json", message));
            return None;
        }
        Some(Err(error)) => {
            let message =
                format!("the answer is no JSON: {error}; answer with one JSON object and nothing else");
            problems.push(problem("", "not_json", message));
            return None;
        }
        None => {
            problems.push(problem(
                "",
                "not_json",
                "there is no JSON in the answer; answer with one JSON object",
            ));
            return None;
        }
    };
    match answer {
        // The list alone can only mean one thing.
        Value::Array(tasks) => Some(tasks),
        Value::Object(mut members) => {
            let tasks = members.remove("tasks");
            for name in members.keys() {
                let message = format!("`{name}` is no field of a plan; it has `tasks` alone");
                problems.push(problem(name, "unknown_field", message));
            }
            match tasks {
                Some(Value::Array(tasks)) => Some(tasks),
                Some(other) => {
                    problems.push(wrong_type("tasks", "a list", &other));
                    None
                }
                None => {
                    problems.push(problem("tasks", "missing_field", "the plan has no `tasks`"));
                    None
                }
            }
        }
        other => {
            problems.push(wrong_type("", "an object with `tasks`", &other));
            None
        }
    }
}

const FIELDS: [&str; 11] = [
    "key",
    "title",
    "description",
    "task_type",
    "estimate_minutes",
    "complexity",
    "complexity_reason",
    "labels",
    "parallel",
    "depends_on",
    "use",
];

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn task(&mut self, index: usize, answer: &Value) -> (PlannedTask, Vec<String>) {
        let at = |field: &str| format!("tasks[{index}].{field}");
        let Value::Object(fields) = answer else {
            self.problems.push(wrong_type(&format!("tasks[{index}]"), "an object", answer));
            // Only so that positions stay what they are; a plan with problems goes nowhere.
            return (PlannedTask { title: "?".to_owned(), ..PlannedTask::default() }, Vec::new());
        };
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            let message = format!("`{name}` is no field of a task; the fields are {}", FIELDS.join(", "));
            self.problems.push(problem(&at(name), "unknown_field", message));
        }
        let key = self.text(fields, "key", &at).filter(|key| !key.trim().is_empty());
        if key.is_none() && fields.get("key").is_none_or(|key| key.is_null() || key.is_string()) {
            self.problems.push(problem(
                &at("key"),
                "missing_field",
                "the task has no key; name it, such as T001",
            ));
        }
        let title = self.text(fields, "title", &at).unwrap_or_default();
        let complexity =
            self.number(fields, "complexity", 1..=10, &at).and_then(|one| u8::try_from(one).ok());
        let estimate = self.number(fields, "estimate_minutes", 0..=LONGEST_ESTIMATE, &at);
        let task = PlannedTask {
            key,
            title: title.trim().to_owned(),
            description: self.text(fields, "description", &at).unwrap_or_default(),
            task_type: self.text(fields, "task_type", &at).filter(|given| !given.is_empty()),
            estimate_minutes: estimate.and_then(|minutes| u32::try_from(minutes).ok()),
            complexity,
            complexity_reason: self.text(fields, "complexity_reason", &at).filter(|given| !given.is_empty()),
            labels: self.words(fields, "labels", &at),
            parallel: self.flag(fields, "parallel", &at),
            action: self.action(fields.get("use"), &at("use")),
            ..PlannedTask::default()
        };
        (task, self.words(fields, "depends_on", &at))
    }

    fn text(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        at: &dyn Fn(&str) -> String,
    ) -> Option<String> {
        match fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => {
                self.problems.push(wrong_type(&at(name), "text", other));
                None
            }
        }
    }

    fn number(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
        at: &dyn Fn(&str) -> String,
    ) -> Option<u64> {
        let given = fields.get(name).filter(|given| !given.is_null())?;
        let Value::Number(number) = given else {
            self.problems.push(wrong_type(&at(name), "a whole number", given));
            return None;
        };
        let whole = whole(number);
        let known = whole.filter(|whole| range.contains(whole));
        if known.is_none() {
            let message = format!("{number} is no whole number from {} to {}", range.start(), range.end());
            self.problems.push(problem(&at(name), "out_of_range", message));
        }
        known
    }

    fn flag(&mut self, fields: &Map<String, Value>, name: &str, at: &dyn Fn(&str) -> String) -> bool {
        match fields.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.problems.push(wrong_type(&at(name), "true or false", other));
                false
            }
        }
    }

    fn words(&mut self, fields: &Map<String, Value>, name: &str, at: &dyn Fn(&str) -> String) -> Vec<String> {
        let items = match fields.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.problems.push(wrong_type(&at(name), "a list of texts", other));
                return Vec::new();
            }
        };
        let mut words = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(word) => words.push(word.clone()),
                other => self.problems.push(wrong_type(&format!("{}[{index}]", at(name)), "text", other)),
            }
        }
        words
    }

    fn action(&mut self, given: Option<&Value>, path: &str) -> Option<PlannedAction> {
        let fields = match given? {
            Value::Null => return None,
            Value::Object(fields) => fields,
            other => {
                self.problems.push(wrong_type(
                    path,
                    "an object with `tool` and `parameters`, or null",
                    other,
                ));
                return None;
            }
        };
        let name = fields.get("tool").and_then(Value::as_str).unwrap_or_default();
        let Some((tool, operation)) =
            name.split_once('.').filter(|(tool, operation)| !tool.is_empty() && !operation.is_empty())
        else {
            let message = format!("`{name}` is no tool and operation, such as `file.read`");
            self.problems.push(problem(&format!("{path}.tool"), "invalid_action", message));
            return None;
        };
        let parameters = match fields.get("parameters") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(Value::String(text)) if text.trim().is_empty() => Value::Object(Map::new()),
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(other) => other.clone(),
        };
        if !parameters.is_object() {
            let message = "the parameters are no JSON object";
            self.problems.push(problem(&format!("{path}.parameters"), "invalid_action", message));
            return None;
        }
        if !is_storable(&parameters, DEEPEST) {
            let message = format!(
                "the parameters are deeper than {DEEPEST} levels, or have the character U+0000 in them"
            );
            self.problems.push(problem(&format!("{path}.parameters"), "invalid_action", message));
            return None;
        }
        Some(PlannedAction { tool: tool.to_owned(), operation: operation.to_owned(), parameters, line: None })
    }

    /// Keys become positions. One that nothing has is a problem; it is never left out.
    fn dependencies(&mut self, tasks: &[PlannedTask], waits_for: &[Vec<String>]) -> Vec<PlannedDependency> {
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(tasks.len());
        for (index, task) in tasks.iter().enumerate() {
            if let Some(key) = task.key.as_deref() {
                places.entry(key).or_insert(index);
            }
        }
        let mut edges = Vec::new();
        for (from_index, keys) in waits_for.iter().enumerate() {
            for (position, key) in keys.iter().enumerate() {
                match places.get(key.as_str()) {
                    Some(&to_index) => {
                        edges.push(PlannedDependency {
                            from_index,
                            to_index,
                            origin: Origin::Explicit,
                            line: None,
                        });
                    }
                    None => {
                        let path = format!("tasks[{from_index}].depends_on[{position}]");
                        let message = format!("no task of the plan has the key `{key}`");
                        self.problems.push(problem(&path, "unknown_dependency", message));
                    }
                }
            }
        }
        edges
    }
}

/// Whether every database can keep it, and give it back.
fn is_storable(value: &Value, levels: usize) -> bool {
    let sound = |text: &str| !text.contains('\0');
    match value {
        Value::String(text) => sound(text),
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_storable(item, levels - 1)),
        Value::Object(fields) => {
            levels > 0 && fields.iter().all(|(key, value)| sound(key) && is_storable(value, levels - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// `30` and `30.0` are the same number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, not negative and small, as was just seen"
)]
fn whole(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let value = number.as_f64()?;
        (value.fract() == 0.0 && (0.0..1e15).contains(&value)).then_some(value as u64)
    })
}

fn wrong_type(path: &str, expected: &str, given: &Value) -> Problem {
    let found = match given {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    problem(path, "wrong_type", format!("expected {expected}, found {found}"))
}

fn problem(path: &str, code: &'static str, message: impl Into<String>) -> Problem {
    // Names of fields and keys come from the model.
    let clean = |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    Problem { path: clean(path.to_owned()), code, message: clean(message.into()), line: None }
}
