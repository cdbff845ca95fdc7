//! What a template refers to, without any values.

use serde_json::Value;

use super::analysis::{Analysis, Chain, Step, analyse};
use super::engine;
use super::scan::{Piece, scan};
use super::scope::{TASKS, is_name};

/// Where a value stands unless said otherwise.
pub(super) const ROOT: &str = "parameters";

/// Every hole of a value, and what looks like one without being one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The holes, in the order of the value.
    pub holes: Vec<Hole>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

impl Inspection {
    /// Every reference of every hole, with the place of its hole.
    pub fn references(&self) -> impl Iterator<Item = (&str, &Reference)> {
        self.holes
            .iter()
            .flat_map(|hole| hole.references.iter().map(|reference| (hole.path.as_str(), reference)))
    }
}

/// One hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Where it stands: `parameters.items[2].text`.
    pub path: String,
    /// What is between its braces.
    pub expression: String,
    /// Whether the string is nothing but this hole, so that it keeps its type.
    pub whole: bool,
    /// The roots of the references, in order, each once: `T001`, and `1.2` for `tasks['1.2']`.
    pub roots: Vec<String>,
    /// `["files"]` when the hole is nothing but a chain such as `T001.files`; indices are digits.
    pub attributes: Option<Vec<String>>,
    /// Every name the expression refers to.
    pub references: Vec<Reference>,
}

/// A name in an expression, with the attributes written out behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name, or the key in `tasks['1.2']`; `tasks` itself when the key is computed.
    pub root: String,
    /// Whether it was written `tasks[…]`.
    pub through_tasks: bool,
    /// What follows, as far as it is not computed: `["files", "0"]`.
    pub attributes: Vec<String>,
    /// Whether it may be undefined: `|default(…)`, `is defined` or `is undefined` follows.
    pub guarded: bool,
}

/// Something that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub path: String,
    /// `template_not_an_expression` or `template_unknown_filter`.
    pub code: &'static str,
    /// What it looks like, and what will happen.
    pub message: String,
}

/// Every hole of a value that stands at `parameters`.
pub fn inspect(value: &Value) -> Inspection {
    inspect_at(ROOT, value)
}

/// Every hole of a value that stands at `root`.
pub fn inspect_at(root: &str, value: &Value) -> Inspection {
    let mut inspection = Inspection::default();
    walk(&mut root.to_owned(), value, &mut inspection);
    inspection
}

/// Adds a key to a path.
pub(super) fn enter(path: &mut String, key: &str) {
    if is_name(key) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        path.push_str(&format!("['{key}']"));
    }
}

fn walk(path: &mut String, value: &Value, inspection: &mut Inspection) {
    let length = path.len();
    match value {
        Value::String(text) => inspect_text(path, text, inspection),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(path, item, inspection);
                path.truncate(length);
            }
        }
        Value::Object(object) => {
            for (key, item) in object {
                enter(path, key);
                walk(path, item, inspection);
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn inspect_text(path: &str, text: &str, inspection: &mut Inspection) {
    let pieces = scan(text);
    let whole = pieces.len() == 1;
    for piece in pieces {
        let Piece::Hole { source, expression } = piece else {
            continue;
        };
        match analyse(expression) {
            Ok(analysis) => {
                inspection.warnings.extend(unknown_filters(path, &analysis));
                inspection.holes.push(hole(path, expression, whole, &analysis));
            }
            Err(reason) => inspection.warnings.push(Warning {
                path: path.to_owned(),
                code: "template_not_an_expression",
                message: format!(
                    "`{}` is no valid expression ({reason}) and stays text; write `{{{{` if that is meant",
                    shortened(source)
                ),
            }),
        }
    }
}

fn shortened(source: &str) -> String {
    const SHOWN: usize = 60;
    match source.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &source[..end]),
        None => source.to_owned(),
    }
}

fn unknown_filters(path: &str, analysis: &Analysis) -> Vec<Warning> {
    let unknown = analysis.filters.iter().filter(|name| !engine::has_filter(name));
    unknown
        .map(|name| Warning {
            path: path.to_owned(),
            code: "template_unknown_filter",
            message: format!("there is no filter `{name}`; this hole will fail"),
        })
        .collect()
}

fn hole(path: &str, expression: &str, whole: bool, analysis: &Analysis) -> Hole {
    let references: Vec<Reference> = analysis.chains.iter().map(reference).collect();
    let mut roots: Vec<String> = Vec::new();
    for reference in &references {
        if !roots.contains(&reference.root) {
            roots.push(reference.root.clone());
        }
    }
    let alone = analysis.chains.first().is_some_and(|chain| chain.alone);
    Hole {
        path: path.to_owned(),
        expression: expression.to_owned(),
        whole,
        roots,
        attributes: references.first().filter(|_| alone).map(|first| first.attributes.clone()),
        references,
    }
}

fn reference(chain: &Chain) -> Reference {
    let mut steps = chain.steps.as_slice();
    let mut root = chain.root.clone();
    let mut through_tasks = false;
    if let (TASKS, [Step::Key(key), rest @ ..]) = (chain.root.as_str(), steps) {
        root.clone_from(key);
        through_tasks = true;
        steps = rest;
    }
    let attributes = steps.iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    });
    Reference { root, through_tasks, attributes: attributes.collect(), guarded: chain.guarded }
}
