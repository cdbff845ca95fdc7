//! One transaction, which is every repository itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use goalwright_application::ports::telemetry::Executed;
use goalwright_application::ports::{
    AgentRepository, ApiKeyRepository, Clock, DecompositionRepository, ExecutionRepository,
    ExperienceRepository, GoalRepository, Happening, HookRepository, IdempotencyRepository, Outbox,
    PruningRepository, RedactionRepository, ScheduleRepository, StorageError, TaskRepository, Telemetry,
    Transactions, UnitOfWork, UsageRepository, WorkspaceRepository,
};
use goalwright_domain::Timestamp;
use goalwright_domain::ledger::SealKey;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, QueryResult,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::checkpoint::Commits;
use super::error::storage;
use super::sql::{Dialect, Sql};

/// Opens units on the writing connection.
pub(crate) struct Writer {
    pub(crate) connection: DatabaseConnection,
    pub(crate) clock: Arc<dyn Clock>,
    /// Tests move the clock, and leases with it. Elsewhere machines may disagree about the time, and the database
    /// decides.
    pub(crate) own_clock: bool,
    /// What events are sealed with.
    pub(crate) seal_key: Arc<SealKey>,
    /// The fingerprint of that key.
    pub(crate) fingerprint: Arc<String>,
    /// Whether every event has its position and its seal, and will have them from the beginning: on SQLite, once what
    /// was appended before there were seals is sealed.
    pub(crate) all_sealed: AtomicBool,
    /// Who is told of what was committed.
    telemetry: Arc<dyn Telemetry>,
    /// Who is told that there was a commit: on SQLite, who copies what is committed.
    commits: Option<Commits>,
}

/// A unit of work.
pub(crate) struct Unit {
    transaction: DatabaseTransaction,
    pub(crate) dialect: Dialect,
    clock: Arc<dyn Clock>,
    pub(crate) seal_key: Arc<SealKey>,
    pub(crate) fingerprint: Arc<String>,
    /// Whether leases are measured by our clock instead of the database's.
    pub(crate) own_clock: bool,
    /// PostgreSQL aborts a transaction in which a statement failed, SQLite would carry on: it must not.
    failed: AtomicBool,
    telemetry: Arc<dyn Telemetry>,
    /// Told once it is committed.
    executed: Mutex<Vec<Executed>>,
    /// Writes of few rows that nobody needs an answer of, each with its table; they are sent with what comes next.
    pending: Mutex<Vec<(&'static str, Sql)>>,
    commits: Option<Commits>,
}

/// So few rows are not worth a turn of the database of their own.
const FEW: usize = 8;

#[async_trait]
impl Transactions for Writer {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(self.unit().await?))
    }

    fn abreast(&self) -> bool {
        self.connection.get_database_backend() == DatabaseBackend::Postgres
    }
}

impl Writer {
    /// `BEGIN IMMEDIATE` on SQLite, so that a unit never finds out half way that somebody else is writing.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that begins transactions")]
    pub(crate) async fn unit(&self) -> Result<Unit, StorageError> {
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let transaction = self.connection.begin_with_options(options).await.map_err(storage)?;
        let dialect = Dialect::of(self.connection.get_database_backend());
        let own_clock = self.own_clock || dialect == Dialect::Sqlite;
        Ok(Unit {
            transaction,
            dialect,
            clock: self.clock.clone(),
            seal_key: self.seal_key.clone(),
            fingerprint: self.fingerprint.clone(),
            own_clock,
            failed: AtomicBool::new(false),
            telemetry: self.telemetry.clone(),
            executed: Mutex::new(Vec::new()),
            pending: Mutex::new(Vec::new()),
            commits: self.commits.clone(),
        })
    }
}

impl Writer {
    pub(crate) fn new(
        connection: DatabaseConnection,
        clock: Arc<dyn Clock>,
        own_clock: bool,
        seal_key: SealKey,
        telemetry: Arc<dyn Telemetry>,
        commits: Option<Commits>,
    ) -> Self {
        let (fingerprint, seal_key) = (Arc::new(seal_key.fingerprint()), Arc::new(seal_key));
        let all_sealed = AtomicBool::new(false);
        Self { connection, clock, own_clock, seal_key, fingerprint, all_sealed, telemetry, commits }
    }

    /// Seals with this key from now on.
    pub(crate) fn take_key(&mut self, key: SealKey) {
        self.fingerprint = Arc::new(key.fingerprint());
        self.seal_key = Arc::new(key);
    }

    /// The first row of a query outside any unit.
    pub(crate) async fn look(&self, text: &str) -> Result<Option<QueryResult>, StorageError> {
        let sql = Sql::new(Dialect::of(self.connection.get_database_backend()), text);
        self.connection.query_one_raw(sql.statement()).await.map_err(storage)
    }
}

impl Unit {
    pub(crate) fn sql(&self, text: &str) -> Sql {
        Sql::new(self.dialect, text)
    }

    pub(crate) async fn all(&self, sql: Sql) -> Result<Vec<QueryResult>, StorageError> {
        // PostgreSQL would not see in it what was written with it.
        if self.dialect == Dialect::Postgres {
            self.send_pending().await?;
        }
        self.all_with_pending(sql).await
    }

    /// As [`Unit::all`], for what does not read what is written with it.
    pub(crate) async fn all_with_pending(&self, sql: Sql) -> Result<Vec<QueryResult>, StorageError> {
        self.refuse_after_failure()?;
        let statement = Sql::together(self.take_pending(), sql);
        self.note(self.transaction.query_all_raw(statement).await)
    }

    pub(crate) async fn one(&self, sql: Sql) -> Result<Option<QueryResult>, StorageError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    pub(crate) async fn run(&self, sql: Sql) -> Result<u64, StorageError> {
        self.send_pending().await?;
        self.refuse_after_failure()?;
        Ok(self.note(self.transaction.execute_raw(sql.statement()).await)?.rows_affected())
    }

    pub(crate) async fn run_all(&self, statements: Vec<Sql>) -> Result<u64, StorageError> {
        let mut rows = 0;
        for statement in statements {
            rows += self.run(statement).await?;
        }
        Ok(rows)
    }

    /// Carries out writes to a table that nobody needs an answer of: those of many rows at once, those of few together with
    /// what comes next. A lone task is many small statements, and most of its time would go into the turns between them.
    /// PostgreSQL promises no order between the parts of a `WITH`, so no BEFORE trigger of a table that is written like this
    /// may read another one of them.
    pub(crate) async fn run_later(
        &self,
        table: &'static str,
        rows: usize,
        statements: Vec<Sql>,
    ) -> Result<(), StorageError> {
        if statements.is_empty() {
            return Ok(());
        }
        if rows > FEW {
            return self.run_all(statements).await.map(|_| ());
        }
        let same = self.pending().iter().any(|(other, _)| *other == table);
        if same {
            self.send_pending().await?;
        }
        self.pending().extend(statements.into_iter().map(|sql| (table, sql)));
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, Vec<(&'static str, Sql)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_pending(&self) -> Vec<Sql> {
        std::mem::take(&mut *self.pending()).into_iter().map(|(_, sql)| sql).collect()
    }

    async fn send_pending(&self) -> Result<(), StorageError> {
        let mut pending = self.take_pending();
        let Some(last) = pending.pop() else { return Ok(()) };
        self.refuse_after_failure()?;
        let statement = Sql::together(pending, last);
        self.note(self.transaction.execute_raw(statement).await).map(|_| ())
    }

    /// The moment by which leases are measured: the database's on PostgreSQL, where machines may disagree; ours on
    /// SQLite, where there is only one.
    pub(crate) async fn database_now(&self) -> Result<Timestamp, StorageError> {
        if self.own_clock {
            return Ok(self.clock.now());
        }
        let row = self.one(self.sql("SELECT clock_timestamp() AS now")).await?;
        let now = row.and_then(|row| row.try_get::<chrono::DateTime<chrono::Utc>>("", "now").ok());
        now.map(Timestamp::new)
            .ok_or_else(|| StorageError::Corrupt { what: "the database's clock".to_owned() })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn finish(self) -> Result<(), StorageError> {
        self.send_pending().await?;
        self.refuse_after_failure()?;
        self.transaction.commit().await.map_err(storage)?;
        if let Some(commits) = &self.commits {
            commits.send_replace(());
        }
        let executed = self.executed.into_inner().unwrap_or_else(PoisonError::into_inner);
        executed.iter().for_each(|one| self.telemetry.tell(Happening::Executed(one)));
        Ok(())
    }

    fn refuse_after_failure(&self) -> Result<(), StorageError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(StorageError::Refused { source: "an earlier statement of this unit failed".into() });
        }
        Ok(())
    }

    fn note<T>(&self, answer: Result<T, sea_orm::DbErr>) -> Result<T, StorageError> {
        answer.map_err(|error| {
            self.failed.store(true, Ordering::Relaxed);
            storage(error)
        })
    }
}

#[async_trait]
impl UnitOfWork for Unit {
    fn workspaces(&self) -> &dyn WorkspaceRepository {
        self
    }
    fn agents(&self) -> &dyn AgentRepository {
        self
    }
    fn goals(&self) -> &dyn GoalRepository {
        self
    }
    fn tasks(&self) -> &dyn TaskRepository {
        self
    }
    fn executions(&self) -> &dyn ExecutionRepository {
        self
    }
    fn experiences(&self) -> &dyn ExperienceRepository {
        self
    }
    fn usage(&self) -> &dyn UsageRepository {
        self
    }

    fn decompositions(&self) -> &dyn DecompositionRepository {
        self
    }
    fn idempotency(&self) -> &dyn IdempotencyRepository {
        self
    }
    fn api_keys(&self) -> &dyn ApiKeyRepository {
        self
    }
    fn schedules(&self) -> &dyn ScheduleRepository {
        self
    }
    fn hooks(&self) -> &dyn HookRepository {
        self
    }
    fn outbox(&self) -> &dyn Outbox {
        self
    }
    fn redactions(&self) -> &dyn RedactionRepository {
        self
    }
    fn pruning(&self) -> &dyn PruningRepository {
        self
    }

    fn telemetry(&self) -> &dyn Telemetry {
        &*self.telemetry
    }
    fn executed(&self, executions: Vec<Executed>) {
        self.executed.lock().unwrap_or_else(PoisonError::into_inner).extend(executions);
    }

    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        (*self).finish().await
    }
}
