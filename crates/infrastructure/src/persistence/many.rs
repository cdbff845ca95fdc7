//! Statements about any number of rows.

use sea_orm::Value;

use super::arrays::unnest;
use super::sql::{Dialect, MAX_BINDS, Sql};

/// `INSERT INTO table (columns) …` for any number of rows; `suffix` follows each statement.
pub(crate) fn insert_many(
    dialect: Dialect,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
    suffix: &str,
) -> Vec<Sql> {
    let names = columns.join(", ");
    let head = format!("INSERT INTO {table} ({names}) ");
    let statement = |rows| {
        let sql = Sql::new(dialect, &head);
        match dialect {
            Dialect::Sqlite => values(sql, rows),
            Dialect::Postgres => {
                let picked: Vec<String> = columns.iter().map(|column| picked(table, column)).collect();
                unnest(sql.text(&format!("SELECT {} FROM ", picked.join(", "))), rows)
                    .text(&format!(" AS v ({names})"))
            }
        }
        .text(suffix)
    };
    chunks(dialect, rows, columns.len()).into_iter().map(statement).collect()
}

/// `UPDATE table SET …` for rows that each have their own values. The first column is the key. The rows should be
/// locked already, so that two such updates cannot wait for each other.
pub(crate) fn update_many(
    dialect: Dialect,
    table: &str,
    columns: &[&str],
    mut rows: Vec<Vec<Value>>,
) -> Vec<Sql> {
    if rows.len() == 1 {
        return rows.pop().map(|row| update_one(dialect, table, columns, row)).into_iter().collect();
    }
    let set: Vec<String> = columns
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, column)| match dialect {
            Dialect::Sqlite => format!("{column} = v.column{}", index + 1),
            Dialect::Postgres => format!("{column} = {}", picked(table, column)),
        })
        .collect();
    let head = format!("UPDATE {table} SET {} FROM ", set.join(", "));
    let key = columns[0];
    let statement = |rows| {
        let sql = Sql::new(dialect, &head);
        match dialect {
            Dialect::Sqlite => {
                values(sql.text("("), rows).text(&format!(") AS v WHERE {table}.{key} = v.column1"))
            }
            Dialect::Postgres => unnest(sql, rows)
                .text(&format!(" AS v ({}) WHERE {table}.{key} = v.{key}", columns.join(", "))),
        }
    };
    chunks(dialect, rows, columns.len()).into_iter().map(statement).collect()
}

/// One row needs no table of values, and is found by its key whatever the planner believes.
fn update_one(dialect: Dialect, table: &str, columns: &[&str], mut row: Vec<Value>) -> Sql {
    let key = row.remove(0);
    let sql = Sql::new(dialect, &format!("UPDATE {table} SET "));
    let sql = columns[1..].iter().zip(row).enumerate().fold(sql, |sql, (index, (column, value))| {
        sql.text(if index == 0 { "" } else { ", " }).text(column).text(" = ").bind(value)
    });
    sql.text(&format!(" WHERE {} = ", columns[0])).bind(key)
}

/// A column of the rows that [`unnest`] gives. The ledger keeps the text that was digested; as JSONB it would be
/// spelled anew. What experiences say is bound as text, too, and becomes JSONB there.
fn picked(table: &str, column: &str) -> String {
    match (table, column) {
        ("events", "changes" | "metadata") | ("ledger_snapshots", "state") => {
            format!("CAST(v.{column} AS JSON)")
        }
        ("experiences", "content" | "provenance" | "parents" | "causes" | "meta") => {
            format!("CAST(v.{column} AS JSONB)")
        }
        _ => format!("v.{column}"),
    }
}

/// `VALUES (…), (…)`.
fn values(sql: Sql, rows: Vec<Vec<Value>>) -> Sql {
    let first = sql.text("VALUES ");
    rows.into_iter()
        .enumerate()
        .fold(first, |sql, (index, row)| sql.text(if index == 0 { "" } else { ", " }).list(row))
}

/// SQLite compiles a statement once for each text; chunks of these sizes make few texts of any number of rows.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];
/// PostgreSQL has one text for any number; a message should not grow without bound.
const ROWS: usize = 10_000;

fn chunks(dialect: Dialect, rows: Vec<Vec<Value>>, width: usize) -> Vec<Vec<Vec<Value>>> {
    let most = MAX_BINDS / width.max(1);
    let mut chunks = Vec::new();
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let size = match dialect {
            Dialect::Postgres => left.min(ROWS),
            Dialect::Sqlite => SIZES.into_iter().find(|size| *size <= left && *size <= most).unwrap_or(1),
        };
        chunks.push(rows.by_ref().take(size).collect());
        left -= size;
    }
    chunks
}
