//! How the database is doing, for whoever watches: what waits in it, and who is connected to it.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_domain::Timestamp;
use goalwright_domain::goal::DEFAULT_QUEUE;
use sea_orm::{DatabaseConnection, DbBackend};

use super::connect::Database;
use super::reader::Reader;
use super::row::Row;

/// Events without a position are counted up to this.
const MOST_EVENTS: i64 = 10_000;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// For how long the run that waits longest could have been claimed.
    pub queue_age: Duration,
    /// Events without a position or a seal.
    pub unsealed: i64,
    /// How old the oldest event without a position is.
    pub sequencer_lag: Duration,
    /// The pools of connections.
    pub pools: Vec<Pool>,
}

/// A pool of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// `all` on PostgreSQL, `writer` and `readers` on SQLite.
    pub name: &'static str,
    /// Working now.
    pub in_use: u32,
    /// Open, and waiting for work.
    pub idle: u32,
}

impl Database {
    /// How it is doing at this moment.
    ///
    /// # Errors
    /// What storage says.
    pub async fn vitals(&self, now: Timestamp) -> Result<Vitals, Error> {
        let since = |at: Option<Timestamp>| {
            let millis = at.map_or(0, |at| now.millis_since(at));
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        };
        let reader = self.reader();
        let pools = self.pools();
        let (unplaced, oldest) = unplaced(reader).await?;
        Ok(Vitals {
            queue_age: since(oldest_claimable(reader).await?),
            unsealed: unplaced + unsealed(reader).await?,
            sequencer_lag: since(oldest),
            pools,
        })
    }

    fn pools(&self) -> Vec<Pool> {
        let (writer, readers) = self.connections();
        match writer.get_database_backend() {
            DbBackend::Sqlite => vec![pool("writer", writer), pool("readers", readers)],
            _ => vec![pool("all", writer)],
        }
    }
}

fn pool(name: &'static str, connection: &DatabaseConnection) -> Pool {
    let (size, idle) = match connection.get_database_backend() {
        DbBackend::Sqlite => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
        _ => {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
    };
    let idle = u32::try_from(idle).unwrap_or(size).min(size);
    Pool { name, in_use: size - idle, idle }
}

/// When the run could first have been claimed that waits longest. The index has the oldest of each priority at its
/// beginning, so that this reads as many rows as there are priorities, however many runs wait.
async fn oldest_claimable(reader: &Reader) -> Result<Option<Timestamp>, Error> {
    let sql = reader
        .sql(
            "WITH RECURSIVE waiting (priority) AS (SELECT (SELECT r.priority FROM runs r WHERE r.available_at IS NOT NULL \
             AND r.queue = ",
        )
        .bind(DEFAULT_QUEUE)
        .text(
            " ORDER BY r.priority DESC LIMIT 1) UNION ALL SELECT (SELECT r.priority FROM runs r WHERE r.available_at IS \
             NOT NULL AND r.queue = ",
        )
        .bind(DEFAULT_QUEUE)
        .text(
            " AND r.priority < w.priority ORDER BY r.priority DESC LIMIT 1) FROM waiting w WHERE w.priority IS NOT NULL) \
             SELECT MIN((SELECT r.available_at FROM runs r WHERE r.available_at IS NOT NULL AND r.priority = w.priority \
             AND r.queue = ",
        )
        .bind(DEFAULT_QUEUE)
        .text(" ORDER BY r.available_at LIMIT 1)) AS oldest FROM waiting w WHERE w.priority IS NOT NULL");
    let row = reader.one(sql).await?;
    Ok(row.map(|row| Row::of("runs", &row).time_or_none("oldest")).transpose()?.flatten())
}

/// Events without a position, and when the oldest of them was made.
async fn unplaced(reader: &Reader) -> Result<(i64, Option<Timestamp>), Error> {
    if reader.connection.get_database_backend() == DbBackend::Sqlite {
        // Positions are given with the events.
        return Ok((0, None));
    }
    let sql = reader
        .sql(
            "SELECT COUNT(*) AS unplaced, MIN(created_at) AS oldest FROM (SELECT created_at FROM events WHERE position IS \
             NULL ORDER BY seq LIMIT ",
        )
        .bind(MOST_EVENTS)
        .text(") AS waiting");
    let Some(row) = reader.one(sql).await? else { return Ok((0, None)) };
    let row = Row::of("events", &row);
    Ok((row.get("unplaced")?, row.time_or_none("oldest")?))
}

/// Events with a position that are not sealed: those from before there were seals.
async fn unsealed(reader: &Reader) -> Result<i64, Error> {
    let sql = reader.sql(
        "SELECT CAST(COALESCE(SUM(position - sealed), 0) AS BIGINT) AS unsealed FROM ledger_heads WHERE sealed < position",
    );
    let Some(row) = reader.one(sql).await? else { return Ok(0) };
    Ok(Row::of("ledger_heads", &row).get("unsealed")?)
}
