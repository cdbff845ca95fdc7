//! The expression engine: minijinja without what a single hole could exhaust the memory with.

use std::sync::LazyLock;

use minijinja::{Environment, Error, UndefinedBehavior, Value};

use super::convert::Meter;
use super::{Limits, Scope, filters};

/// The filter that `*` is guarded with; see [`analysis`](super::analysis).
pub(super) const ONLY_NUMBERS: &str = "_number";

/// Where filters find the meter of the resolution they work for. No expression can spell it.
pub(super) const METER: &str = "\0meter";

static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| environment(UndefinedBehavior::Strict));
static CHAINABLE: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(UndefinedBehavior::Chainable));

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    for function in ["range", "dict", "debug", "namespace"] {
        environment.remove_global(function);
    }
    for filter in ["chain", "slice", "zip", "pprint", "safe", "escape", "e"] {
        environment.remove_filter(filter);
    }
    filters::add(&mut environment);
    environment
}

/// Whether a filter exists.
pub(super) fn has_filter(name: &str) -> bool {
    static NAMES: LazyLock<Environment<'static>> = LazyLock::new(|| STRICT.clone());
    NAMES
        .compile_expression_owned(format!("'{name}' is filter"))
        .and_then(|expression| expression.eval(()))
        .is_ok_and(|known| known.is_true())
}

/// Whether an expression compiles.
///
/// # Errors
/// What the engine says against it.
pub(super) fn check(source: &str) -> Result<(), String> {
    match STRICT.compile_expression(source) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.detail().unwrap_or("it is not complete").to_owned()),
    }
}

/// What undefined values do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Undefined {
    /// They are errors, except where `default` or `is defined` looks at them directly.
    Strict,
    /// Their attributes are undefined too, so that `default` may stand behind a longer path.
    Chainable,
}

/// Computes an expression.
///
/// # Errors
/// The engine's.
pub(super) fn evaluate(
    source: &str,
    scope: &Scope,
    limits: &Limits,
    meter: &Meter,
    undefined: Undefined,
) -> Result<Value, Error> {
    let mut environment = match undefined {
        Undefined::Strict => STRICT.clone(),
        Undefined::Chainable => CHAINABLE.clone(),
    };
    environment.set_fuel(Some(limits.fuel.min(i64::MAX as u64)));
    let context = scope.context(METER, Value::from_object(meter.clone()));
    environment.compile_expression_owned(source.to_owned())?.eval(context)
}
