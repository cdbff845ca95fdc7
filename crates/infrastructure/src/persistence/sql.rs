//! Statements: text with placeholders, each value bound where it is written.

use std::fmt;

use goalwright_domain::Timestamp;
use sea_orm::sea_query::ArrayType;
use sea_orm::{DatabaseBackend, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::arrays::{Kind, unnest};

/// At most so many values are bound to one statement; SQLite takes 32,766, PostgreSQL 65,535.
const MAX_BINDS: usize = 30_000;

/// What the databases spell differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub(crate) fn of(backend: DatabaseBackend) -> Self {
        match backend {
            DatabaseBackend::Postgres => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    pub(crate) const fn backend(self) -> DatabaseBackend {
        match self {
            Self::Sqlite => DatabaseBackend::Sqlite,
            Self::Postgres => DatabaseBackend::Postgres,
        }
    }

    /// Behind the name of a table: has SQLite read this index, where it would believe another one to be better.
    pub(crate) fn reading(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Behind a `SELECT`: locks the rows against others who change them, but not against rows that refer to them.
    /// SQLite has one writer and needs nothing.
    pub(crate) const fn lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// As [`Dialect::lock`], passing over rows that somebody else has locked.
    pub(crate) const fn lock_skipping(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
        }
    }
}

/// A statement in the making.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub(crate) dialect: Dialect,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, text: &str) -> Self {
        Self { dialect, text: text.to_owned(), values: Vec::new() }
    }

    /// Adds text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Puts text before everything else.
    pub(crate) fn before(mut self, text: &str) -> Self {
        self.text.insert_str(0, text);
        self
    }

    /// Adds a placeholder with its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.push(value.into());
        self
    }

    /// Adds `(a, b, …)`; `(NULL)`, which contains nothing, if there are none.
    pub(crate) fn list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.text.push('(');
        let start = self.values.len();
        for value in values {
            if self.values.len() > start {
                self.text.push_str(", ");
            }
            self.push(value.into());
        }
        if self.values.len() == start {
            self.text.push_str("NULL");
        }
        self.text.push(')');
        self
    }

    /// Adds the condition that what stands before is one of these: with one text for any number of them on PostgreSQL,
    /// and with few texts on SQLite, where the last is repeated until their number is a power of two.
    pub(crate) fn one_of(self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.one_of_values(ArrayType::Uuid, ids.into_iter().map(Value::from).collect())
    }

    /// As [`Sql::one_of`], for numbers.
    pub(crate) fn one_of_numbers(self, numbers: impl IntoIterator<Item = i64>) -> Self {
        self.one_of_values(ArrayType::BigInt, numbers.into_iter().map(Value::from).collect())
    }

    fn one_of_values(self, of: ArrayType, mut values: Vec<Value>) -> Self {
        match self.dialect {
            Dialect::Postgres => {
                self.text(" = ANY(").bind(Value::Array(of, Some(Box::new(values)))).text(")")
            }
            Dialect::Sqlite => {
                if let Some(last) = values.last().cloned() {
                    let size = values.len().next_power_of_two().min(MAX_BINDS.max(values.len()));
                    values.resize(size, last);
                }
                self.text(" IN ").list(values)
            }
        }
    }

    /// As [`Sql::one_of`], for words.
    pub(crate) fn one_of_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.one_of_values(ArrayType::String, words.into_iter().map(Value::from).collect())
    }

    fn push(&mut self, value: Value) {
        self.values.push(value);
        match self.dialect {
            // A name would cost SQLite a search through all names before it, for every value that is bound.
            Dialect::Sqlite => self.text.push('?'),
            Dialect::Postgres => {
                self.text.push('$');
                self.text.push_str(&self.values.len().to_string());
            }
        }
    }

    /// What is sent. Every statement of the product passes here, and whoever listens to `goalwright::sql` sees it: its
    /// text and the types of its values. The values are nobody's business in a log.
    pub(crate) fn statement(self) -> Statement {
        tracing::trace!(target: "goalwright::sql", statement = %self.text, types = %Types(&self.values), "sent");
        Statement::from_sql_and_values(self.dialect.backend(), self.text, self.values)
    }
}

/// The types of values, as PostgreSQL calls them.
struct Types<'a>(&'a [Value]);

impl fmt::Display for Types<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let (kind, brackets) = match value {
                Value::Array(of, _) => (Kind::of_array(of), "[]"),
                plain => (Kind::of(plain), ""),
            };
            let name = kind.map_or("unknown", Kind::name);
            write!(f, "{}{name}{brackets}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

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
                let picked: Vec<String> = columns.iter().map(|column| picked(column)).collect();
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
            Dialect::Postgres => format!("{column} = {}", picked(column)),
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
/// spelled anew.
fn picked(column: &str) -> String {
    if matches!(column, "changes" | "metadata" | "state") {
        format!("CAST(v.{column} AS JSON)")
    } else {
        format!("v.{column}")
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

/// Ids for lists that would pass the limit of bound values.
pub(crate) fn batches<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    items.chunks(MAX_BINDS)
}

pub(crate) fn time(at: Timestamp) -> Value {
    Value::from(at.utc())
}

pub(crate) fn time_or_null(at: Option<Timestamp>) -> Value {
    Value::from(at.map(Timestamp::utc))
}

pub(crate) fn json(value: Json) -> Value {
    Value::from(value)
}

pub(crate) fn json_or_null(value: Option<Json>) -> Value {
    Value::from(value)
}

pub(crate) fn uuid_or_null(id: Option<Uuid>) -> Value {
    Value::from(id)
}

/// Counters are never negative and never near the limit of a column; a larger one is stored as the largest.
pub(crate) fn int(number: impl TryInto<i32>) -> Value {
    Value::from(number.try_into().unwrap_or(i32::MAX))
}

pub(crate) fn int_or_null(number: Option<impl TryInto<i32>>) -> Value {
    Value::from(number.map(|number| number.try_into().unwrap_or(i32::MAX)))
}

impl Sql {
    /// The rest of a list statement that is ordered by id, newest first: behind the cursor, one more than the page.
    pub(crate) fn before_id(
        self,
        page: &goalwright_application::read::PageRequest,
    ) -> Result<Self, goalwright_application::Error> {
        let sql = match &page.after {
            Some(cursor) => {
                let id: Uuid = cursor.0.parse().map_err(|_| bad_cursor())?;
                self.text(" AND id < ").bind(id)
            }
            None => self,
        };
        Ok(sql.text(" ORDER BY id DESC LIMIT ").bind(page_rows(page)))
    }
}

/// One more row than the page shows, to learn whether there is another page.
pub(crate) fn page_rows(page: &goalwright_application::read::PageRequest) -> i64 {
    i64::try_from(page.limit).unwrap_or(i64::MAX - 1) + 1
}

/// A cursor whose key is not of the form that this list gave.
pub(crate) fn bad_cursor() -> goalwright_application::Error {
    goalwright_application::Error::invalid(vec![goalwright_domain::Violation::new(
        "cursor",
        "invalid_cursor",
        "not a cursor of this list; take `next_cursor` of its previous page, or leave it out to start at the top",
    )])
}
