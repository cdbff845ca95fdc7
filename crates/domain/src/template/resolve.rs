//! Fills the holes of a value.

use minijinja::ErrorKind;
use serde_json::{Map, Value};

use super::analysis::{Analysis, analyse};
use super::convert::{Meter, TOO_DEEP, to_json, to_text};
use super::engine::{self, Undefined};
use super::inspect::ROOT;
use super::scan::{Piece, scan};
use super::scope::Followed;
use super::{Limits, Scope, TemplateError};

/// Filters may build more than what comes out in the end, by this factor.
const WORKING_FACTOR: usize = 4;
/// What `+` and `~` may copy in one hole.
const MAX_COPIED_BYTES: usize = 512 * 1024 * 1024;

/// Fills every hole of a value: in its strings, at any depth, but not in the keys of objects.
///
/// # Errors
/// The first hole that has no value, or a limit that is exceeded.
pub fn resolve(value: &Value, scope: &Scope, limits: &Limits) -> Result<Value, TemplateError> {
    resolve_at(ROOT, value, scope, limits)
}

/// [`resolve`] with another name than `parameters` for the place where the value stands.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_at(root: &str, value: &Value, scope: &Scope, limits: &Limits) -> Result<Value, TemplateError> {
    let resolution = Resolution::new(scope, limits);
    resolution.check_input(root, value, limits.max_depth, &mut 0)?;
    resolution.value(&mut root.to_owned(), value, limits.max_depth)
}

/// Computes a bare expression such as `weather.temperature > 90`; `at` says where it stands.
///
/// # Errors
/// As [`resolve`], and [`TemplateError::Syntax`] when it is no expression.
pub fn evaluate(at: &str, expression: &str, scope: &Scope, limits: &Limits) -> Result<Value, TemplateError> {
    let analysis = analyse(expression.trim()).map_err(|message| TemplateError::Syntax {
        at: at.to_owned(),
        expression: expression.trim().to_owned(),
        message,
    })?;
    Resolution::new(scope, limits).hole(at, expression.trim(), &analysis)
}

struct Resolution<'a> {
    scope: &'a Scope,
    limits: &'a Limits,
    working: Meter,
    output: Meter,
}

/// A hole and where it stands, for its errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    at: &'a str,
    expression: &'a str,
}

impl<'a> Resolution<'a> {
    fn new(scope: &'a Scope, limits: &'a Limits) -> Self {
        Self {
            scope,
            limits,
            working: Meter::new(limits.max_output_bytes.saturating_mul(WORKING_FACTOR)),
            output: Meter::new(limits.max_output_bytes),
        }
    }

    fn check_input(
        &self,
        at: &str,
        value: &Value,
        depth: usize,
        bytes: &mut usize,
    ) -> Result<(), TemplateError> {
        if depth == 0 {
            return Err(TemplateError::TooDeep { at: at.to_owned(), limit: self.limits.max_depth });
        }
        match value {
            Value::String(text) => *bytes += text.len(),
            Value::Array(list) => {
                for item in list {
                    self.check_input(at, item, depth - 1, bytes)?;
                }
            }
            Value::Object(object) => {
                for (key, item) in object {
                    *bytes += key.len();
                    self.check_input(at, item, depth - 1, bytes)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        let limit = self.limits.max_input_bytes;
        let too_large = || TemplateError::TooLarge { at: at.to_owned(), what: "the template", limit };
        if *bytes > limit { Err(too_large()) } else { Ok(()) }
    }

    fn value(&self, at: &mut String, value: &Value, depth: usize) -> Result<Value, TemplateError> {
        let length = at.len();
        Ok(match value {
            Value::String(text) => self.text(at, text)?,
            Value::Array(list) => {
                let mut resolved = Vec::with_capacity(list.len());
                for (index, item) in list.iter().enumerate() {
                    at.push_str(&format!("[{index}]"));
                    resolved.push(self.value(at, item, depth.saturating_sub(1))?);
                    at.truncate(length);
                }
                Value::Array(resolved)
            }
            Value::Object(object) => {
                let mut resolved = Map::new();
                for (key, item) in object {
                    super::inspect::enter(at, key);
                    resolved.insert(key.clone(), self.value(at, item, depth.saturating_sub(1))?);
                    at.truncate(length);
                }
                Value::Object(resolved)
            }
            other => other.clone(),
        })
    }

    fn text(&self, at: &str, text: &str) -> Result<Value, TemplateError> {
        let pieces = scan(text);
        if let [Piece::Hole { source, expression }] = pieces.as_slice() {
            return match analyse(expression) {
                Ok(analysis) => self.hole(at, expression, &analysis),
                Err(_) => self.paid(at, (*source).to_owned()).map(Value::String),
            };
        }
        let mut written = String::new();
        for piece in pieces {
            let part = match piece {
                Piece::Text(text) => self.paid(at, text.into_owned())?,
                Piece::Hole { source, expression } => match analyse(expression) {
                    Ok(analysis) => to_text(self.hole(at, expression, &analysis)?),
                    Err(_) => self.paid(at, source.to_owned())?,
                },
            };
            written.push_str(&part);
        }
        Ok(Value::String(written))
    }

    fn paid(&self, at: &str, text: String) -> Result<String, TemplateError> {
        let limit = self.limits.max_output_bytes;
        let too_large = |_| TemplateError::TooLarge { at: at.to_owned(), what: "the result", limit };
        self.output.take(text.len()).map(|()| text).map_err(too_large)
    }

    fn hole(&self, at: &str, expression: &str, analysis: &Analysis) -> Result<Value, TemplateError> {
        let place = Place { at, expression };
        self.check_roots(place, analysis)?;
        self.check_joins(place, analysis)?;
        let compute = |undefined| {
            engine::evaluate(&analysis.source, self.scope, self.limits, &self.working, undefined)
                .and_then(|value| to_json(&value, &self.output, self.limits.max_depth))
        };
        match compute(Undefined::Strict) {
            Err(error) if is_about_undefined(&error) && !self.working.is_spent() => {
                // Only chains behind which a `default` stands may lead nowhere; then the longer
                // ones among them (`a.b.c|default(0)` without `a.b`) may be computed too.
                let guarded = analysis.chains.iter().any(|chain| chain.guarded);
                match self.first_missing(place, analysis) {
                    None if guarded => compute(Undefined::Chainable),
                    Some(missing) => return Err(missing),
                    None => Err(error),
                }
            }
            result => result,
        }
        .map_err(|error| self.explain(place, &error))
    }

    fn check_roots(&self, place: Place<'_>, analysis: &Analysis) -> Result<(), TemplateError> {
        match analysis.chains.iter().find(|chain| !self.scope.has(&chain.root)) {
            None => Ok(()),
            Some(chain) => Err(TemplateError::UnknownRoot {
                at: place.at.to_owned(),
                expression: place.expression.to_owned(),
                root: chain.root.clone(),
                known: self.scope.names(),
            }),
        }
    }

    /// The engine joins strings without asking: what could come together is added up before.
    fn check_joins(&self, place: Place<'_>, analysis: &Analysis) -> Result<(), TemplateError> {
        if analysis.joins == 0 {
            return Ok(());
        }
        let operands = analysis.chains.iter().map(|chain| match self.scope.follow(chain) {
            Followed::Found(value) => size(value),
            Followed::Missing { .. } | Followed::Unknown => 0,
        });
        let copied = operands.fold(0_usize, usize::saturating_add).saturating_mul(analysis.joins + 1);
        if copied <= MAX_COPIED_BYTES { Ok(()) } else { Err(self.too_large(place)) }
    }

    fn first_missing(&self, place: Place<'_>, analysis: &Analysis) -> Option<TemplateError> {
        let unguarded = analysis.chains.iter().filter(|chain| !chain.guarded);
        unguarded.map(|chain| self.scope.follow(chain)).find_map(|followed| match followed {
            Followed::Missing { path, available } => Some(undefined(place, path, Some(available))),
            Followed::Found(_) | Followed::Unknown => None,
        })
    }

    fn too_large(&self, place: Place<'_>) -> TemplateError {
        let limit = self.limits.max_output_bytes;
        TemplateError::TooLarge { at: place.at.to_owned(), what: "the result", limit }
    }

    fn explain(&self, place: Place<'_>, error: &minijinja::Error) -> TemplateError {
        let (at, expression) = (place.at.to_owned(), place.expression.to_owned());
        if self.working.is_spent() || self.output.is_spent() {
            return self.too_large(place);
        }
        match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => TemplateError::OutOfFuel { at, expression },
            (_, Some(TOO_DEEP)) => TemplateError::TooDeep { at, limit: self.limits.max_depth },
            (ErrorKind::UndefinedError, detail) => undefined(place, expression, detail.map(str::to_owned)),
            (_, detail) => {
                let message = detail.map_or_else(|| error.kind().to_string(), str::to_owned);
                TemplateError::Evaluation { at, expression, message }
            }
        }
    }
}

/// Some filters complain of the type "undefined" instead.
fn is_about_undefined(error: &minijinja::Error) -> bool {
    error.kind() == ErrorKind::UndefinedError
        || error.detail().is_some_and(|detail| detail.contains("undefined"))
}

fn undefined(place: Place<'_>, path: String, available: Option<String>) -> TemplateError {
    let (at, expression) = (place.at.to_owned(), place.expression.to_owned());
    TemplateError::Undefined { at, expression, path, available }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|item| size(item) + 1).sum(),
        Value::Object(object) => object.iter().map(|(key, item)| key.len() + size(item) + 4).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
