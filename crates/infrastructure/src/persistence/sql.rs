//! Statements: text with placeholders, each value bound where it is written.

use std::fmt;

use goalwright_domain::Timestamp;
use sea_orm::{DatabaseBackend, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

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
            let name = match value {
                Value::Bool(_) => "bool",
                Value::Int(_) => "int4",
                Value::BigInt(_) => "int8",
                Value::Double(_) => "float8",
                Value::String(_) => "text",
                Value::Uuid(_) => "uuid",
                Value::Json(_) => "jsonb",
                Value::ChronoDateTimeUtc(_) => "timestamptz",
                _ => "unknown",
            };
            write!(f, "{}{name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// `INSERT INTO table (columns) VALUES …` for any number of rows, in as few statements as the limit of bound values
/// allows; `suffix` follows each.
pub(crate) fn insert_many(
    dialect: Dialect,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
    suffix: &str,
) -> Vec<Sql> {
    let head = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    chunks(rows, columns.len())
        .into_iter()
        .map(|chunk| values(Sql::new(dialect, &head), dialect, columns, chunk).text(suffix))
        .collect()
}

/// `UPDATE table SET …` for rows that each have their own values. The first column is the key. The rows should be
/// locked already, so that two such updates cannot wait for each other.
pub(crate) fn update_many(
    dialect: Dialect,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
) -> Vec<Sql> {
    let set: Vec<String> = columns
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, column)| format!("{column} = v.column{}", index + 1))
        .collect();
    let head = format!("UPDATE {table} SET {} FROM (VALUES ", set.join(", "));
    let tail = format!(") AS v WHERE {table}.{} = v.column1", columns[0]);
    chunks(rows, columns.len())
        .into_iter()
        .map(|chunk| values(Sql::new(dialect, &head), dialect, columns, chunk).text(&tail))
        .collect()
}

fn values(mut sql: Sql, dialect: Dialect, columns: &[&str], rows: Vec<Vec<Value>>) -> Sql {
    for (index, row) in rows.into_iter().enumerate() {
        sql = sql.text(if index == 0 { "(" } else { ", (" });
        for (column, value) in row.into_iter().enumerate() {
            if column > 0 {
                sql = sql.text(", ");
            }
            // The ledger keeps the text that was digested; as a JSONB parameter it would be spelled anew.
            let verbatim = dialect == Dialect::Postgres && matches!(columns[column], "changes" | "metadata");
            sql = if verbatim { sql.text("CAST(").bind(value).text(" AS JSON)") } else { sql.bind(value) };
        }
        sql = sql.text(")");
    }
    sql
}

fn chunks(rows: Vec<Vec<Value>>, width: usize) -> Vec<Vec<Vec<Value>>> {
    let size = (MAX_BINDS / width.max(1)).max(1);
    let mut chunks = Vec::new();
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<_> = rows.by_ref().take(size).collect();
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk);
    }
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
