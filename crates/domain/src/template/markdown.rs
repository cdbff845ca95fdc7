//! Filters that write Markdown.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value};

use super::convert::Meter;
use super::filters::{attribute, invalid, items, meter, text};

/// A list of objects as a Markdown table: `rows|table(columns=['path', 'words'])`, with
/// `headers=['File', 'Words']` when the columns should be called otherwise. A missing attribute is
/// an empty cell only if it is null; an undefined one is an error.
pub(super) fn table(
    state: &State<'_, '_>,
    value: &Value,
    columns: Option<Vec<String>>,
    headers: Option<Vec<String>>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let columns = match columns {
        Some(columns) => columns,
        None => kwargs.get::<Option<Vec<String>>>("columns")?.unwrap_or_default(),
    };
    let headers = match headers {
        Some(headers) => headers,
        None => kwargs.get::<Option<Vec<String>>>("headers")?.unwrap_or_else(|| columns.clone()),
    };
    kwargs.assert_all_used()?;
    if columns.is_empty() || columns.len() != headers.len() {
        return Err(invalid("`table` needs columns=[…], and as many headers=[…] if any"));
    }
    let meter = meter(state)?;
    let rows: Vec<Value> = items(value, "table")?.collect();
    let mut written = String::new();
    row(&mut written, headers.iter().map(|header| cell(header)));
    let numeric = |column: &String| {
        !rows.is_empty() && rows.iter().all(|row| attribute(row, column).is_ok_and(|cell| cell.is_number()))
    };
    row(&mut written, columns.iter().map(|column| if numeric(column) { "---:" } else { "---" }.to_owned()));
    for item in &rows {
        let cells: Result<Vec<String>, Error> =
            columns.iter().map(|column| Ok(cell(&shown(&attribute(item, column)?, &meter)?))).collect();
        meter.take(columns.len() * 3)?;
        row(&mut written, cells?.into_iter());
    }
    written.pop();
    Ok(written)
}

/// A list as a Markdown list, one line for each item.
pub(super) fn bullets(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let meter = meter(state)?;
    let lines: Result<Vec<String>, Error> = items(value, "bullets")?
        .map(|item| {
            meter.take(2)?;
            Ok(format!("- {}", one_line(&text(&item, &meter)?)))
        })
        .collect();
    Ok(lines?.join("\n"))
}

fn shown(value: &Value, meter: &Meter) -> Result<String, Error> {
    if value.kind() == ValueKind::None {
        return Ok(String::new());
    }
    text(value, meter)
}

fn row(written: &mut String, cells: impl Iterator<Item = String>) {
    written.push('|');
    for cell in cells {
        written.push(' ');
        written.push_str(&cell);
        written.push_str(" |");
    }
    written.push('\n');
}

fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
