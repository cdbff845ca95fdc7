//! `json.query`: JSON Pointer (RFC 6901) and JMESPath (jmespath.org).

use std::sync::LazyLock;

use goalwright_application::ports::tools::{Reply, ToolFailure};
use jmespath::ast::Ast;
use jmespath::{Runtime, ToJmespath, Variable};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::{failure, shortened};
use super::operation::{Call, done};

const MAX_QUERY_BYTES: usize = 1_000;
/// How many times a query may hold the same value side by side.
const MAX_COPIES: usize = 64;
/// `to_string` escapes what it is given, so that nested ones grow quickly.
const MAX_TO_STRING: usize = 3;
/// Operators and brackets; parsing and evaluation recurse over them.
const MAX_OPERATORS: usize = 100;
const MAX_RESULT_BYTES: usize = 16 * 1024 * 1024;
const MAX_DEPTH: usize = 130;

/// Parameters of `json.query`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryParameters {
    /// The value to look into. A text is read as JSON first, unless the path is empty.
    value: Value,
    /// A JSON Pointer (empty, or starting with `/`), else a JMESPath expression.
    path: String,
}

/// JMESPath without `join`, which can multiply two texts with each other; templates have a bounded one.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    runtime.deregister_function("join");
    runtime
});

pub(super) fn query(_: &Call, parameters: QueryParameters) -> Result<Reply, ToolFailure> {
    let QueryParameters { value, path } = parameters;
    if path.is_empty() {
        return done(value);
    }
    let value = match value {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| {
            failure(
                "NotJson",
                format!("the value is text, and not JSON: {error}; pass JSON, or another value"),
            )
        })?,
        value => value,
    };
    if path.starts_with('/') { point(&value, &path) } else { search(value, &path) }
}

fn point(value: &Value, path: &str) -> Result<Reply, ToolFailure> {
    if let Some(found) = value.pointer(path) {
        return done(found.clone());
    }
    let mut known = path;
    while value.pointer(known).is_none() {
        known = known.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    let there = match value.pointer(known) {
        Some(Value::Object(object)) => {
            format!("has: {}", object.keys().take(20).cloned().collect::<Vec<_>>().join(", "))
        }
        Some(Value::Array(list)) => format!("is a list of {} items", list.len()),
        _ => "is a single value".to_owned(),
    };
    let message =
        format!("nothing is at `{}`; `{}` {}", shortened(path), shortened(known), shortened(&there));
    Err(failure("PathNotFound", message))
}

/// Whether a path can be used, without a value.
///
/// # Errors
/// `InvalidQuery`, with what is wrong with it.
pub(super) fn check(path: &str) -> Result<(), ToolFailure> {
    if path.is_empty() || path.starts_with('/') {
        return Ok(());
    }
    let invalid = |why: String| {
        failure("InvalidQuery", format!("`{}` is no valid JMESPath expression: {why}", shortened(path)))
    };
    let operators = path.chars().filter(|c| "![({.|&<>=*?".contains(*c)).count();
    if path.len() > MAX_QUERY_BYTES
        || operators > MAX_OPERATORS
        || path.matches("to_string").count() > MAX_TO_STRING
    {
        return Err(invalid("it is too long; use several calls".to_owned()));
    }
    let parsed = jmespath::parse(path).map_err(|error| invalid(reason(&error)))?;
    if copies(&parsed) > MAX_COPIES {
        return Err(invalid("it selects too many values side by side; use several calls".to_owned()));
    }
    Ok(())
}

fn search(value: Value, path: &str) -> Result<Reply, ToolFailure> {
    check(path)?;
    let failed = |error: jmespath::JmespathError| {
        failure("QueryFailed", format!("`{}` cannot be evaluated: {}", shortened(path), reason(&error)))
    };
    let data = value.to_jmespath().map_err(failed)?;
    let found = RUNTIME.compile(path).and_then(|query| query.search(data)).map_err(failed)?;
    let mut left = MAX_RESULT_BYTES;
    match to_json(&found, &mut left, MAX_DEPTH) {
        Some(found) => done(found),
        None => Err(failure("ResultTooLarge", "the query selects too much; make it narrower")),
    }
}

/// The first line of an error; the others draw the expression.
fn reason(error: &jmespath::JmespathError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// By how much a query can multiply what it is given: side by side, `[@, @]` has it twice.
fn copies(ast: &Ast) -> usize {
    let all = |parts: &mut dyn Iterator<Item = &Ast>| parts.map(copies).fold(1, usize::saturating_mul);
    match ast {
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => 1,
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => copies(node),
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => copies(lhs).saturating_mul(copies(rhs)),
        Ast::Condition { predicate, then, .. } => copies(predicate).saturating_mul(copies(then)),
        Ast::Function { args, .. } => all(&mut args.iter()),
        Ast::MultiList { elements, .. } => all(&mut elements.iter()).saturating_mul(elements.len().max(1)),
        Ast::MultiHash { elements, .. } => {
            all(&mut elements.iter().map(|pair| &pair.value)).saturating_mul(elements.len().max(1))
        }
    }
}

fn to_json(value: &Variable, left: &mut usize, depth: usize) -> Option<Value> {
    let cost = if let Variable::String(text) = value { text.len() + 2 } else { 8 };
    *left = left.checked_sub(cost)?;
    let depth = depth.checked_sub(1)?;
    Some(match value {
        Variable::Null | Variable::Expref(_) => Value::Null,
        Variable::Bool(truth) => Value::Bool(*truth),
        Variable::Number(number) => Value::Number(number.clone()),
        Variable::String(text) => Value::String(text.clone()),
        Variable::Array(list) => {
            Value::Array(list.iter().map(|item| to_json(item, left, depth)).collect::<Option<_>>()?)
        }
        Variable::Object(object) => {
            let mut map = Map::new();
            for (key, item) in object {
                *left = left.checked_sub(key.len())?;
                map.insert(key.clone(), to_json(item, left, depth)?);
            }
            Value::Object(map)
        }
    })
}
