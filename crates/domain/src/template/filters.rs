//! Filters in place of minijinja's where those could build more than they are given, or pass over
//! something undefined.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};

use super::convert::{Meter, to_json, to_text};
use super::{engine, markdown};

/// What a value of a list costs apart from its content.
const SLOT: usize = 32;
const MAX_WIDTH: usize = 200;
const MAX_DEPTH: usize = 130;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter(engine::ONLY_NUMBERS, only_numbers);
    environment.add_filter("join", join);
    environment.add_filter("sum", sum);
    environment.add_filter("map", map);
    environment.add_filter("replace", replace);
    environment.add_filter("indent", indent);
    environment.add_filter("format", format);
    environment.add_filter("batch", batch);
    environment.add_filter("split", split);
    environment.add_filter("lines", lines);
    environment.add_filter("list", list);
    environment.add_filter("string", string);
    environment.add_filter("tojson", tojson);
    environment.add_filter("table", markdown::table);
    environment.add_filter("bullets", markdown::bullets);
    environment.add_test("in", is_in);
}

pub(super) fn meter(state: &State<'_, '_>) -> Result<Arc<Meter>, Error> {
    state
        .lookup(engine::METER)
        .and_then(|value| value.downcast_object::<Meter>())
        .ok_or_else(|| invalid("there is no meter"))
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// A value as it appears in text, paid for.
pub(super) fn text(value: &Value, meter: &Meter) -> Result<String, Error> {
    Ok(to_text(to_json(value, meter, MAX_DEPTH)?))
}

/// The items of a list; of an undefined one there are none to be had.
pub(super) fn items(value: &Value, what: &str) -> Result<impl Iterator<Item = Value> + use<>, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => value.try_iter(),
        other => Err(invalid(format!("`{what}` needs a list, not {other}"))),
    }
}

/// The attribute of an item by its dotted path.
pub(super) fn attribute(item: &Value, path: &str) -> Result<Value, Error> {
    let missing = || Error::new(ErrorKind::UndefinedError, format!("an item has no attribute `{path}`"));
    let mut value = item.clone();
    for name in path.split('.') {
        value = match name.parse::<usize>() {
            Ok(index) if value.kind() != ValueKind::Map => value.get_item_by_index(index),
            _ => value.get_attr(name),
        }
        .map_err(|_| missing())?;
        if value.is_undefined() {
            return Err(missing());
        }
    }
    Ok(value)
}

fn only_numbers(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number | ValueKind::Bool => Ok(value.clone()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        other => Err(invalid(format!("`*` multiplies numbers, not {other}"))),
    }
}

fn join(
    state: &State<'_, '_>,
    value: &Value,
    joiner: Option<String>,
    by: Option<String>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let joiner = match joiner {
        Some(joiner) => joiner,
        None => kwargs.get::<Option<String>>("d")?.unwrap_or_default(),
    };
    let by = match by {
        Some(by) => Some(by),
        None => kwargs.get::<Option<String>>("attribute")?,
    };
    kwargs.assert_all_used()?;
    let meter = meter(state)?;
    let mut joined = String::new();
    for (at, item) in items(value, "join")?.enumerate() {
        if at > 0 {
            meter.take(joiner.len())?;
            joined.push_str(&joiner);
        }
        let item = by.as_ref().map_or_else(|| Ok(item.clone()), |by| attribute(&item, by))?;
        joined.push_str(&text(&item, &meter)?);
    }
    Ok(joined)
}

fn sum(
    state: &State<'_, '_>,
    value: &Value,
    by: Option<String>,
    start: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let by = match by {
        Some(by) => Some(by),
        None => kwargs.get::<Option<String>>("attribute")?,
    };
    let start = match start {
        Some(start) => start,
        None => kwargs.get::<Option<Value>>("start")?.unwrap_or_else(|| Value::from(0)),
    };
    kwargs.assert_all_used()?;
    let mut numbers = Vec::new();
    for item in items(value, "sum")? {
        let item = by.as_ref().map_or_else(|| Ok(item.clone()), |by| attribute(&item, by))?;
        // Only numbers: a sum of texts would be copied once for each of them.
        match item.kind() {
            ValueKind::Number | ValueKind::Bool => numbers.push(item),
            ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
            other => {
                return Err(invalid(format!("`sum` adds numbers, not {other}; use `join` for text")));
            }
        }
    }
    filters::sum(
        state,
        Value::from(numbers),
        None,
        Some(only_numbers(&start)?),
        Kwargs::from_iter([] as [(&str, Value); 0]),
    )
}

/// As minijinja's, but a missing attribute is an error unless `default` is given. What goes in and
/// what comes out is paid for: a list may hold the same long text many times at no cost, and the
/// filter that is mapped would build each of them anew.
fn map(state: &mut State<'_, '_>, value: Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let meter = meter(state)?;
    for item in items(&value, "map")? {
        meter.take(shallow_size(&item))?;
    }
    let mapped = filters::map(state, value, args)?;
    for item in &mapped {
        if item.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, "an item has no such attribute"));
        }
        meter.take(shallow_size(item))?;
    }
    Ok(Value::from(mapped))
}

fn shallow_size(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.len().unwrap_or(1).saturating_mul(8), str::len)
}

fn replace(state: &State<'_, '_>, value: &Value, from: &str, to: &str) -> Result<String, Error> {
    let meter = meter(state)?;
    let value = text(value, &meter)?;
    let found = value.matches(from).count();
    meter.take(found.saturating_mul(to.len()).saturating_add(value.len()))?;
    Ok(value.replace(from, to))
}

fn indent(
    state: &State<'_, '_>,
    value: &Value,
    width: Option<usize>,
    first: Option<bool>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let width = width.or(kwargs.get("width")?).unwrap_or(4);
    let first = first.or(kwargs.get("first")?).unwrap_or(false);
    let blank = kwargs.get::<Option<bool>>("blank")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    if width > MAX_WIDTH {
        return Err(invalid(format!("`indent` goes up to {MAX_WIDTH} blanks")));
    }
    let meter = meter(state)?;
    let value = text(value, &meter)?;
    let value = value.strip_suffix('\n').unwrap_or(&value);
    meter.take(value.len() + width * value.split('\n').count())?;
    let margin = " ".repeat(width);
    let lines = value.split('\n').enumerate().map(|(at, line)| {
        let wanted = if at == 0 { first } else { blank || !line.trim().is_empty() };
        if wanted { format!("{margin}{line}") } else { line.to_owned() }
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// printf formats, with widths that stay small.
fn format(state: &mut State<'_, '_>, pattern: &Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let source = pattern.as_str().ok_or_else(|| invalid("`format` needs a text such as '%.2f'"))?;
    let mut digits = source.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let dynamic = source.split('%').skip(1).any(|spec| {
        spec.find(|c: char| c.is_alphabetic() || c == ' ').is_some_and(|end| spec[..end].contains('*'))
    });
    if dynamic || digits.any(|run| run.parse::<usize>().is_ok_and(|width| width > MAX_WIDTH) || run.len() > 6)
    {
        return Err(invalid(format!("`format` takes numbers up to {MAX_WIDTH}, written out")));
    }
    let meter = meter(state)?;
    let mut widest = MAX_WIDTH;
    for arg in args.iter() {
        widest = widest.saturating_add(to_json(arg, &meter, MAX_DEPTH)?.to_string().len());
    }
    meter.take(source.matches('%').count().saturating_mul(widest))?;
    filters::format(state, pattern, args)
}

fn batch(state: &State<'_, '_>, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    let filled = fill.as_ref().map_or(0, |fill| shallow_size(fill).saturating_add(SLOT));
    let slots = value.len().unwrap_or(0).saturating_mul(SLOT);
    meter(state)?.take(slots.saturating_add(filled.saturating_mul(count)))?;
    filters::batch(state, value, count, fill)
}

fn split(
    state: &State<'_, '_>,
    value: &Value,
    separator: Option<String>,
    most: Option<i64>,
) -> Result<Value, Error> {
    let meter = meter(state)?;
    let value = text(value, &meter)?;
    if separator.as_deref() == Some("") {
        return Err(invalid("`split` needs a separator; use `list` for the characters"));
    }
    let pieces = match &separator {
        Some(separator) => value.matches(separator.as_str()).count() + 1,
        None => value.split_whitespace().count(),
    };
    meter.take(pieces.saturating_mul(SLOT))?;
    filters::split(&Value::from(value), separator.map(Into::into), most)
}

fn lines(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let meter = meter(state)?;
    let value = text(value, &meter)?;
    meter.take(value.lines().count().saturating_mul(SLOT))?;
    Ok(value.lines().map(Value::from).collect())
}

fn list(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        meter(state)?.take(text.len().saturating_mul(SLOT))?;
    }
    filters::list(state, value)
}

fn string(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    text(value, &*meter(state)?)
}

fn tojson(
    state: &State<'_, '_>,
    value: &Value,
    indent: Option<Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let indent = indent.or(kwargs.get("indent")?).is_some_and(|indent| indent.is_true());
    kwargs.assert_all_used()?;
    let meter = meter(state)?;
    let json = to_json(value, &meter, MAX_DEPTH)?;
    let written = if indent { format!("{json:#}") } else { json.to_string() };
    meter.take(written.len())?;
    Ok(written)
}

/// As the operator; what it looks through is paid for, since `select('in', …)` repeats it.
fn is_in(state: &State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    let looked_through = container.as_str().map_or_else(|| container.len().unwrap_or(0), str::len);
    meter(state)?.take(looked_through)?;
    minijinja::tests::is_in(state, value, container)
}
