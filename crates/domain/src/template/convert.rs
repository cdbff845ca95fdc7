//! Between JSON and the values of the expression engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::{Map, Number, Value};

/// Counts bytes down.
#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<Count>);

#[derive(Debug)]
struct Count {
    left: AtomicUsize,
    spent: AtomicBool,
}

impl Object for Meter {}

impl Meter {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Count { left: AtomicUsize::new(bytes), spent: AtomicBool::new(false) }))
    }

    /// Takes `bytes` from what is left.
    ///
    /// # Errors
    /// Once less is left than is taken.
    pub(super) fn take(&self, bytes: usize) -> Result<(), Error> {
        let left = self.0.left.load(Ordering::Relaxed);
        self.0.left.store(left.saturating_sub(bytes), Ordering::Relaxed);
        if bytes <= left {
            return Ok(());
        }
        self.0.spent.store(true, Ordering::Relaxed);
        Err(Error::new(ErrorKind::WriteFailure, "the result is too large"))
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.spent.load(Ordering::Relaxed)
    }
}

/// Deeper than any JSON that a parser lets in; a value beyond it becomes an error when it is used.
const MAX_BOUND_DEPTH: usize = 130;

/// A JSON value as the engine's.
pub(super) fn to_engine(value: &Value) -> minijinja::Value {
    fn convert(value: &Value, depth: usize) -> Result<minijinja::Value, Error> {
        if depth > MAX_BOUND_DEPTH {
            return Err(Error::new(ErrorKind::InvalidOperation, "the value nests too deep"));
        }
        Ok(match value {
            Value::Null => minijinja::Value::from(()),
            Value::Bool(truth) => minijinja::Value::from(*truth),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => minijinja::Value::from(integer),
                (None, Some(integer)) => minijinja::Value::from(integer),
                (None, None) => minijinja::Value::from(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => minijinja::Value::from(text.as_str()),
            Value::Array(list) => {
                let items: Result<Vec<_>, _> = list.iter().map(|item| convert(item, depth + 1)).collect();
                minijinja::Value::from(items?)
            }
            Value::Object(object) => {
                let pairs: Result<BTreeMap<_, _>, Error> =
                    object.iter().map(|(key, item)| Ok((key.clone(), convert(item, depth + 1)?))).collect();
                minijinja::Value::from_object(pairs?)
            }
        })
    }
    convert(value, 0).unwrap_or_else(minijinja::Value::from)
}

/// An engine's value as JSON; `meter` pays for its size.
///
/// # Errors
/// `UndefinedError` for anything undefined in it, and what JSON cannot say.
pub(super) fn to_json(value: &minijinja::Value, meter: &Meter, depth: usize) -> Result<Value, Error> {
    if depth == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, TOO_DEEP));
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => {
            meter.take(4)?;
            Value::Null
        }
        ValueKind::Bool => {
            meter.take(5)?;
            Value::Bool(value.is_true())
        }
        ValueKind::Number => {
            meter.take(8)?;
            Value::Number(number(value)?)
        }
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            meter.take(text.len() + 2)?;
            Value::String(text.to_owned())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut list = Vec::new();
            for item in value.try_iter()? {
                meter.take(1)?;
                list.push(to_json(&item, meter, depth - 1)?);
            }
            Value::Array(list)
        }
        ValueKind::Map => {
            let mut object = Map::new();
            for key in value.try_iter()? {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                meter.take(name.len() + 4)?;
                object.insert(name, to_json(&value.get_item(&key)?, meter, depth - 1)?);
            }
            Value::Object(object)
        }
        ValueKind::Invalid => {
            let why = value.try_iter().err().map_or_else(String::new, |error| error.to_string());
            return Err(Error::new(ErrorKind::InvalidOperation, why));
        }
        other => {
            let why = format!("the result is {other}, which JSON has no form for");
            return Err(Error::new(ErrorKind::InvalidOperation, why));
        }
    })
}

/// The detail of the error for results that nest too deep.
pub(super) const TOO_DEEP: &str = "the result nests too deep";

fn number(value: &minijinja::Value) -> Result<Number, Error> {
    let too_large = || Error::new(ErrorKind::InvalidOperation, format!("the number {value} is too large"));
    if value.is_integer() {
        let signed = i64::try_from(value.clone()).map(Number::from);
        return signed.or_else(|_| u64::try_from(value.clone()).map(Number::from)).map_err(|_| too_large());
    }
    f64::try_from(value.clone()).ok().and_then(Number::from_f64).ok_or_else(too_large)
}

/// What a value looks like inside text: text as it is, everything else as compact JSON.
pub(super) fn to_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
