//! Reading rows, with errors that name table and column.

use chrono::{DateTime, Utc};
use goalwright_application::ports::StorageError;
use goalwright_domain::{Id, Timestamp};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// A row of a table or join.
pub(crate) struct Row<'a> {
    row: &'a QueryResult,
    table: &'static str,
}

type Read<T> = Result<T, StorageError>;

impl<'a> Row<'a> {
    pub(crate) fn of(table: &'static str, row: &'a QueryResult) -> Self {
        Self { row, table }
    }

    pub(crate) fn get<T: TryGetable>(&self, column: &str) -> Read<T> {
        self.row
            .try_get_by(column)
            .map_err(|error| StorageError::Corrupt { what: format!("{}.{column}: {error}", self.table) })
    }

    pub(crate) fn id<T>(&self, column: &str) -> Read<Id<T>> {
        Ok(Id::new(self.get::<Uuid>(column)?))
    }

    pub(crate) fn id_or_none<T>(&self, column: &str) -> Read<Option<Id<T>>> {
        Ok(self.get::<Option<Uuid>>(column)?.map(Id::new))
    }

    pub(crate) fn text(&self, column: &str) -> Read<String> {
        self.get(column)
    }

    pub(crate) fn time(&self, column: &str) -> Read<Timestamp> {
        Ok(Timestamp::new(self.get::<DateTime<Utc>>(column)?))
    }

    pub(crate) fn time_or_none(&self, column: &str) -> Read<Option<Timestamp>> {
        Ok(self.get::<Option<DateTime<Utc>>>(column)?.map(Timestamp::new))
    }

    pub(crate) fn count(&self, column: &str) -> Read<u32> {
        u32::try_from(self.get::<i32>(column)?).map_err(|_| self.corrupt(column))
    }

    /// A status or another word of a closed list.
    pub(crate) fn word<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Read<T> {
        parse(&self.text(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// A JSON column as what it should hold.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Read<T> {
        let value: Value = self.get(column)?;
        serde_json::from_value(value).map_err(|_| self.corrupt(column))
    }

    /// A nullable JSON column as what it should hold.
    pub(crate) fn json_or_none<T: DeserializeOwned>(&self, column: &str) -> Read<Option<T>> {
        let value: Option<Value> = self.get(column)?;
        value.map(serde_json::from_value).transpose().map_err(|_| self.corrupt(column))
    }

    pub(crate) fn corrupt(&self, column: &str) -> StorageError {
        StorageError::Corrupt { what: format!("{}.{column}", self.table) }
    }
}
