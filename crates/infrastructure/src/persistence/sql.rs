//! Statements: text with placeholders, each value bound where it is written.

use std::fmt::{self, Write as _};

use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::sea_query::ArrayType;
use sea_orm::{DatabaseBackend, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::arrays::Kind;
pub(crate) use super::many::{insert_many, update_many};

/// At most so many values are bound to one statement; SQLite takes 32,766, PostgreSQL 65,535.
pub(super) const MAX_BINDS: usize = 30_000;

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

/// Where a value goes, until PostgreSQL's placeholders are numbered: statements are put together after they were made. No
/// statement has this character in its own text.
const HOLE: char = '\u{1}';

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

    /// Adds an array, for PostgreSQL.
    pub(crate) fn array_of_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let words = words.into_iter().map(Value::from).collect();
        self.bind(Value::Array(ArrayType::String, Some(Box::new(words))))
    }

    fn push(&mut self, value: Value) {
        // SQLite keeps JSON as text, and a text is less to carry about than what it was written from.
        self.values.push(match (self.dialect, value) {
            (Dialect::Sqlite, Value::Json(Some(json))) => json.to_string().into(),
            (_, value) => value,
        });
        match self.dialect {
            // A name would cost SQLite a search through all names before it, for every value that is bound.
            Dialect::Sqlite => self.text.push('?'),
            Dialect::Postgres => self.text.push(HOLE),
        }
    }

    /// Several statements in one turn of the database. On PostgreSQL they become one, which sees nothing of what it writes
    /// itself: they must be about different tables. On SQLite they are carried out one after the other.
    pub(crate) fn together(mut first: Vec<Self>, last: Self) -> Statement {
        if first.is_empty() {
            return last.statement();
        }
        let dialect = last.dialect;
        match dialect {
            Dialect::Postgres => {
                let (mut text, mut values) = (String::from("WITH "), Vec::new());
                for (index, one) in first.into_iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    let _ = write!(text, "{comma}w{index} AS ({})", one.text);
                    values.extend(one.values);
                }
                let _ = write!(text, " {}", last.text);
                values.extend(last.values);
                Self { dialect, text, values }.statement()
            }
            Dialect::Sqlite => {
                first.push(last);
                first.iter().for_each(Self::tell);
                let texts: Vec<&str> = first.iter().map(|one| one.text.as_str()).collect();
                let text = texts.join("; ");
                let values: Vec<Value> = first.into_iter().flat_map(|one| one.values).collect();
                Statement::from_sql_and_values(dialect.backend(), text, values)
            }
        }
    }

    /// What is sent.
    pub(crate) fn statement(mut self) -> Statement {
        if self.dialect == Dialect::Postgres {
            self.text = numbered(&self.text);
        }
        self.tell();
        Statement::from_sql_and_values(self.dialect.backend(), self.text, self.values)
    }

    /// Every statement of the product passes here, and whoever listens to `goalwright::sql` sees it: its text and the types
    /// of its values. The values are nobody's business in a log.
    fn tell(&self) {
        tracing::trace!(target: "goalwright::sql", statement = %self.text, types = %Types(&self.values), "sent");
    }
}

/// The text with its placeholders numbered.
fn numbered(text: &str) -> String {
    let mut parts = text.split(HOLE);
    let mut numbered = String::with_capacity(text.len() + 64);
    numbered.push_str(parts.next().unwrap_or_default());
    for (index, part) in parts.enumerate() {
        let _ = write!(numbered, "${}{part}", index + 1);
    }
    numbered
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

impl Sql {
    /// The rest of a statement that goes through all rows of a workspace, by id: the next ones behind this.
    pub(crate) fn behind_id(self, workspace: WorkspaceId, after: Option<Uuid>, most: usize) -> Self {
        self.text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND id > ")
            .bind(after.unwrap_or_default())
            .text(" ORDER BY id LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
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
        "not a cursor of this list, or what it names was removed since; take `next_cursor` of its previous page, or leave it out to \
         start at the top",
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(dialect: Dialect) -> Statement {
        let first = Sql::new(dialect, "first ").bind(1).text(" and ").bind(2);
        let second = Sql::new(dialect, "second ").bind(3);
        Sql::together(vec![first, second], Sql::new(dialect, "last ").bind(4))
    }

    #[test]
    fn statements_that_are_sent_together_keep_their_values_in_order() {
        let numbers: Vec<Value> = (1..=4).map(Value::from).collect();
        let postgres = together(Dialect::Postgres);
        assert_eq!(postgres.sql, "WITH w0 AS (first $1 and $2), w1 AS (second $3) last $4");
        assert_eq!(postgres.values.map(|values| values.0), Some(numbers.clone()));
        let sqlite = together(Dialect::Sqlite);
        assert_eq!(sqlite.sql, "first ? and ?; second ?; last ?");
        assert_eq!(sqlite.values.map(|values| values.0), Some(numbers));
    }
}
