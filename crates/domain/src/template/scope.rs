//! The names a template may refer to.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object};
use serde_json::Value;

use super::analysis::{Chain, Step};
use super::convert::to_engine;

/// The values that are bound to names, and the results of tasks by their keys.
///
/// Cheap to clone; values reach the expression engine only once something refers to them.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    names: Arc<BTreeMap<String, Arc<Bound>>>,
    tasks: Arc<BTreeMap<String, Arc<Bound>>>,
}

#[derive(Debug)]
struct Bound {
    json: Value,
    engine: OnceLock<minijinja::Value>,
}

impl Bound {
    fn new(json: Value) -> Arc<Self> {
        Arc::new(Self { json, engine: OnceLock::new() })
    }

    fn engine(&self) -> minijinja::Value {
        self.engine.get_or_init(|| to_engine(&self.json)).clone()
    }
}

/// The root under which the results of tasks are found by key.
pub(super) const TASKS: &str = "tasks";

/// Whether a key can be a name in expressions: `[A-Za-z_]\w*` in ASCII.
pub fn is_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Scope {
    /// A scope in which nothing is bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a name; a name that is bound already is bound anew.
    pub fn bind(&mut self, name: impl Into<String>, value: Value) {
        Arc::make_mut(&mut self.names).insert(name.into(), Bound::new(value));
    }

    /// Binds the result of a task: as `tasks['1.2']` always, and as a name of its own when its key
    /// is one (`T001`).
    pub fn bind_task(&mut self, key: impl Into<String>, value: Value) {
        let key = key.into();
        let bound = Bound::new(value);
        if is_name(&key) {
            Arc::make_mut(&mut self.names).insert(key.clone(), Arc::clone(&bound));
        }
        Arc::make_mut(&mut self.tasks).insert(key, bound);
    }

    /// The names that are bound, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.keys().cloned().collect();
        if !self.tasks.is_empty() && !self.names.contains_key(TASKS) {
            names.push(TASKS.to_owned());
        }
        names
    }

    pub(super) fn has(&self, root: &str) -> bool {
        self.names.contains_key(root) || (root == TASKS && !self.tasks.is_empty())
    }

    /// Follows a chain as far as it goes.
    pub(super) fn follow(&self, chain: &Chain) -> Followed<'_> {
        let mut path = chain.root.clone();
        let mut steps = chain.steps.iter();
        let mut value = match self.names.get(&chain.root) {
            Some(bound) => &bound.json,
            None => {
                let Some(Step::Key(key)) = steps.next() else {
                    return Followed::Unknown;
                };
                let path_before = path.clone();
                append(&mut path, &Step::Key(key.clone()));
                match self.tasks.get(key) {
                    Some(bound) => &bound.json,
                    None => {
                        let keys = self.tasks.keys().map(String::as_str);
                        return Followed::Missing { path, available: listed(&path_before, keys) };
                    }
                }
            }
        };
        for step in steps {
            let before = path.clone();
            append(&mut path, step);
            match enter(value, step) {
                Some(inner) => value = inner,
                None => {
                    return Followed::Missing { path, available: describe(&before, value) };
                }
            }
        }
        Followed::Found(value)
    }

    /// The scope as the engine sees it, with one more name that no expression can spell.
    pub(super) fn context(&self, hidden: &'static str, value: minijinja::Value) -> minijinja::Value {
        minijinja::Value::from_object(Roots { scope: self.clone(), hidden, value })
    }
}

/// Where a chain leads.
pub(super) enum Followed<'a> {
    Found(&'a Value),
    Missing {
        path: String,
        available: String,
    },
    /// Not known without evaluating: `tasks` by itself, or with a computed key.
    Unknown,
}

fn append(path: &mut String, step: &Step) {
    match step {
        Step::Key(key) if is_name(key) => {
            path.push('.');
            path.push_str(key);
        }
        Step::Key(key) => path.push_str(&format!("['{key}']")),
        Step::Index(index) => path.push_str(&format!("[{index}]")),
    }
}

fn enter<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match (value, step) {
        (Value::Object(object), Step::Key(key)) => object.get(key),
        (Value::Array(list), Step::Index(index)) => {
            let from_end = || list.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
            list.get(usize::try_from(*index).ok().or_else(from_end)?)
        }
        _ => None,
    }
}

fn describe(path: &str, value: &Value) -> String {
    match value {
        Value::Object(object) => listed(path, object.keys().map(String::as_str)),
        Value::Array(list) => format!("`{path}` is a list of {} items", list.len()),
        Value::String(_) => format!("`{path}` is text"),
        Value::Number(_) => format!("`{path}` is a number"),
        Value::Bool(_) => format!("`{path}` is true or false"),
        Value::Null => format!("`{path}` is null"),
    }
}

fn listed<'a>(path: &str, keys: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut keys = keys.peekable();
    if keys.peek().is_none() {
        return format!("`{path}` is empty");
    }
    let shown: Vec<&str> = keys.by_ref().take(SHOWN).collect();
    let more = if keys.peek().is_some() { ", …" } else { "" };
    format!("`{path}` has: {}{more}", shown.join(", "))
}

#[derive(Debug)]
struct Roots {
    scope: Scope,
    hidden: &'static str,
    value: minijinja::Value,
}

impl Object for Roots {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let key = key.as_str()?;
        if key == self.hidden {
            return Some(self.value.clone());
        }
        let tasks = || {
            let tasks = Tasks(Arc::clone(&self.scope.tasks));
            (key == TASKS && !tasks.0.is_empty()).then(|| minijinja::Value::from_object(tasks))
        };
        self.scope.names.get(key).map(|bound| bound.engine()).or_else(tasks)
    }
}

#[derive(Debug)]
struct Tasks(Arc<BTreeMap<String, Arc<Bound>>>);

impl Object for Tasks {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.0.get(key.as_str()?).map(|bound| bound.engine())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(minijinja::Value::from).collect())
    }
}
