//! Checkpoints of SQLite's write-ahead log, beside those who write.
//!
//! A checkpoint copies changed pages from the log into the file, and waits for the disk. Without more, whoever commits does it in
//! passing. In a large database nearly every entry of an index is on a page of its own, and most of the time of a settlement
//! would go into that. So a connection of its own copies, while others go on writing. Only a checkpoint that leaves nothing lets
//! the log begin anew, and there is one only while nobody writes: it stays with the writer, and finds little left to do.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::SqlitePool;
use sea_orm::sqlx::{self, Row as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn;

/// Pages in the log after which the writer makes a checkpoint of its own: 128 MiB.
pub(super) const LIMIT: i64 = 32_768;
/// From so many pages on, little is left to the writer.
const NEAR_THE_LIMIT: i64 = LIMIT * 3 / 4;
/// Copied at once before that: pages that change often are copied once, and not with every commit.
const WORTHWHILE: i64 = 8_192;
/// Copied at once near the limit.
const LITTLE: i64 = 512;
/// The log is looked at no more often.
const PAUSE: Duration = Duration::from_millis(10);

/// Told of every commit.
pub(crate) type Commits = watch::Sender<()>;

/// Copies what is committed, until it is stopped or nobody is left who could commit.
pub(super) struct Checkpoints {
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// How much is in the log, in pages.
struct Log {
    written: i64,
    copied: i64,
}

impl Checkpoints {
    /// Copies through this pool.
    pub(super) fn start(pool: SqlitePool) -> (Self, Commits) {
        let (commits, mut committed) = watch::channel(());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn(async move {
            let copying = async {
                while committed.changed().await.is_ok() {
                    if let Err(error) = copy(&pool).await {
                        tracing::warn!(error = %error, "pages of the write-ahead log could not be copied; the writer does it");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stopped.cancelled() => {}
                () = copying => {}
            }
            pool.close().await;
        });
        (Self { stop, task: Mutex::new(Some(task)) }, commits)
    }

    /// Ends, with its connection.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It can only fail by a panic, which was told of.
            let _ = task.await;
        }
    }
}

/// Copies what is worth it.
async fn copy(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let log = checkpoint(pool, "PRAGMA wal_checkpoint(NOOP)").await?;
    let enough = if log.written < NEAR_THE_LIMIT { WORTHWHILE } else { LITTLE };
    if log.written - log.copied >= enough {
        checkpoint(pool, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    }
    Ok(())
}

/// Neither of the two modes waits for anybody who reads or writes.
async fn checkpoint(pool: &SqlitePool, how: &'static str) -> Result<Log, sqlx::Error> {
    let row = sqlx::query(how).fetch_one(pool).await?;
    Ok(Log { written: row.try_get("log")?, copied: row.try_get("checkpointed")? })
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
    use sea_orm::sqlx::{Connection as _, SqliteConnection};

    use super::*;

    /// A file with a table, whose writer leaves checkpoints to others.
    async fn file(folder: &tempfile::TempDir) -> (SqliteConnection, SqlitePool) {
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("copied.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let writing = options.clone().pragma("wal_autocheckpoint", "0").pragma("synchronous", "OFF");
        let mut writer = SqliteConnection::connect_with(&writing).await.expect("a writer");
        sqlx::query("CREATE TABLE pages (content BLOB)").execute(&mut writer).await.expect("a table");
        (writer, SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options))
    }

    /// Commits a change of at least so many pages.
    async fn write(writer: &mut SqliteConnection, pages: i64) {
        let row =
            sqlx::query("WITH many AS (SELECT zeroblob(? * 4096)) INSERT INTO pages SELECT * FROM many")
                .bind(pages);
        row.execute(writer).await.expect("written");
    }

    #[tokio::test]
    async fn pages_are_copied_once_it_is_worth_it_and_while_somebody_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, pool) = file(&folder).await;
        write(&mut writer, WORTHWHILE / 2).await;
        copy(&pool).await.expect("looks");
        assert_eq!(checkpoint(&pool, "PRAGMA wal_checkpoint(NOOP)").await.expect("tells").copied, 0);

        write(&mut writer, WORTHWHILE / 2).await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.expect("begins");
        write(&mut writer, 1).await;
        copy(&pool).await.expect("copies beside the writer");
        let log = checkpoint(&pool, "PRAGMA wal_checkpoint(NOOP)").await.expect("tells");
        assert!(log.copied >= WORTHWHILE && log.copied == log.written, "{} of {}", log.copied, log.written);
        sqlx::query("COMMIT").execute(&mut writer).await.expect("commits");
    }

    #[tokio::test]
    async fn near_the_limit_little_is_left_to_the_writer_and_the_log_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, pool) = file(&folder).await;
        write(&mut writer, NEAR_THE_LIMIT).await;
        // The log goes on behind what is copied meanwhile.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.expect("begins");
        write(&mut writer, LITTLE).await;
        copy(&pool).await.expect("copies");
        sqlx::query("COMMIT").execute(&mut writer).await.expect("commits");
        copy(&pool).await.expect("copies");
        let log = checkpoint(&pool, "PRAGMA wal_checkpoint(NOOP)").await.expect("tells");
        assert_eq!(log.copied, log.written);
        assert!(log.written >= NEAR_THE_LIMIT + LITTLE, "{}", log.written);

        write(&mut writer, 1).await;
        let log = checkpoint(&pool, "PRAGMA wal_checkpoint(NOOP)").await.expect("tells");
        assert!(log.written < LITTLE, "{} pages are in a log that began anew", log.written);
    }

    #[tokio::test]
    async fn commits_wake_it_and_stopping_closes_its_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, pool) = file(&folder).await;
        let (checkpoints, commits) = Checkpoints::start(pool.clone());
        write(&mut writer, WORTHWHILE).await;
        commits.send_replace(());
        let look = async {
            while checkpoint(&pool, "PRAGMA wal_checkpoint(NOOP)").await.expect("tells").copied < WORTHWHILE {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), look).await.expect("it is copied");
        checkpoints.stop().await;
        assert!(pool.is_closed());
        // Whoever still commits finds nobody, and is not disturbed.
        commits.send_replace(());
    }
}
