//! Bare expressions, as conditions are.

use goalwright_domain::template::{TemplateError, evaluate, inspect, resolve};
use serde_json::Value;

use crate::template::{check_error, limits, scope};

/// Computes the text as an expression, and as the hole that holds it.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let (scope, limits) = (scope(), limits());
    let computed = evaluate("parameters", text, &scope, &limits);
    assert_eq!(computed, evaluate("parameters", text, &scope, &limits), "the same value each time");
    if let Err(error) = &computed {
        check_error(error);
    }
    let template = Value::from(format!("{{{text}}}"));
    let inspection = inspect(&template);
    let [hole] = inspection.holes.as_slice() else { return };
    if !hole.whole || hole.expression != text.trim() {
        return;
    }
    let is_syntax = matches!(computed, Err(TemplateError::Syntax { .. }));
    assert!(!is_syntax, "a hole is an expression: {computed:?}");
    assert_eq!(computed, resolve(&template, &scope, &limits), "an expression and its hole have one value");
}
