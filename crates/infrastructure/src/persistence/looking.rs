//! Lists with several filters, none of whose indexes answers all of them. However few rows match, a bounded number of rows
//! is looked at: of the filter that leaves the fewest, so many; then the page ends, and the next one goes on there.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};

use super::reader::Reader;
use super::row::Row;
use super::sql::Sql;

/// So many rows are looked at for one page.
pub(super) const LOOKED_AT: i64 = 10_000;

/// Conditions that one index answers together, newest first: each a column and its value.
pub(super) type Key = Vec<(&'static str, Value)>;

/// A list of a workspace.
pub(super) struct Looking<'a> {
    pub(super) reader: &'a Reader,
    pub(super) workspace: WorkspaceId,
    pub(super) table: &'static str,
    pub(super) columns: &'a [&'static str],
    /// The columns that it is ordered by, newest first.
    pub(super) order: &'static [&'static str],
    /// Their values in the row that the page comes behind.
    pub(super) behind: Option<Vec<Value>>,
    /// What a cursor is made of.
    pub(super) cursor: &'static [&'static str],
    /// Bounds of the first column of the order, each with its value: whatever the key, its index is searched for them.
    pub(super) within: Vec<(&'static str, Value)>,
    /// More than one; those that say most first.
    pub(super) keys: Vec<Key>,
}

/// What was found.
pub(super) struct Found {
    /// Up to as many as were asked for.
    pub(super) rows: Vec<QueryResult>,
    /// The last row that was looked at, with what a cursor is made of, where there may be more behind it.
    pub(super) end: Option<QueryResult>,
}

impl Looking<'_> {
    /// The next rows that all keys let through, at most so many.
    pub(super) async fn find(mut self, most: i64) -> Result<Found, Error> {
        let (fewest, count) = self.fewest().await?;
        let key = self.keys.swap_remove(fewest);
        let newest = format!("{} DESC", self.order.join(" DESC, "));
        let columns = self.columns.join(", ");
        let others = self.keys.iter().flatten().map(|(column, _)| *column);
        let others = others.filter(|column| !self.columns.contains(column));
        let looked = others.fold(columns.clone(), |columns, column| columns + ", " + column);
        let mut sql = self
            .of(&key, &format!("SELECT {columns} FROM ("), &looked)
            .text(&format!(" ORDER BY {newest} LIMIT "))
            .bind(LOOKED_AT)
            .text(") looked");
        for (index, (column, value)) in self.keys.iter().flatten().enumerate() {
            let and = if index == 0 { " WHERE " } else { " AND " };
            sql = sql.text(&format!("{and}{column} = ")).bind(value.clone());
        }
        let sql = sql.text(&format!(" ORDER BY {newest} LIMIT ")).bind(most);
        if count <= LOOKED_AT {
            return Ok(Found { rows: self.reader.all(sql).await?, end: None });
        }
        let last = self
            .of(&key, "", &self.cursor.join(", "))
            .text(&format!(" ORDER BY {newest} LIMIT 1 OFFSET "))
            .bind(LOOKED_AT - 1);
        // At one moment: what arrives in between would push out rows that the next page does not come to.
        let moment = self.reader.moment().await?;
        let end = moment.one(last).await?;
        let rows = moment.all(sql).await?;
        moment.close().await;
        let full = i64::try_from(rows.len()).is_ok_and(|found| found >= most);
        Ok(Found { rows, end: end.filter(|_| !full) })
    }

    /// The key that leaves the fewest rows, and how many, counted no further than it matters.
    async fn fewest(&self) -> Result<(usize, i64), Error> {
        let mut fewest = (0, i64::MAX);
        for (index, key) in self.keys.iter().enumerate() {
            let sql = self
                .of(key, "SELECT COUNT(*) AS count FROM (", "1 AS one")
                .text(" LIMIT ")
                .bind(fewest.1.min(LOOKED_AT + 1))
                .text(") looked");
            let row = self.reader.one(sql).await?;
            let count = row.map(|row| Row::of(self.table, &row).get("count")).transpose()?.unwrap_or(0);
            if count < fewest.1 {
                fewest = (index, count);
            }
        }
        Ok(fewest)
    }

    /// The rows that a key lets through, behind where the page begins.
    fn of(&self, key: &Key, head: &str, what: &str) -> Sql {
        let table = self.table;
        let mut sql = self
            .reader
            .sql(head)
            .text(&format!("SELECT {what} FROM {table} WHERE workspace_id = "))
            .bind(self.workspace.uuid());
        for (column, value) in key {
            sql = sql.text(&format!(" AND {column} = ")).bind(value.clone());
        }
        for (bound, value) in &self.within {
            sql = sql.text(&format!(" AND {bound} ")).bind(value.clone());
        }
        match &self.behind {
            None => sql,
            Some(values) => {
                sql.text(&format!(" AND ({}) < ", self.order.join(", "))).list(values.iter().cloned())
            }
        }
    }
}

/// What a cursor is made of, where a page ended before it was full.
pub(super) fn ended_at<T>(
    end: Option<&QueryResult>,
    table: &'static str,
    read: impl Fn(&Row<'_>) -> Result<T, StorageError>,
) -> Result<Option<T>, StorageError> {
    end.map(|row| read(&Row::of(table, row))).transpose()
}
