//! A database for one test, and plain SQL on it.

use goalwright_testkit::Backend;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use tokio::runtime::{Builder, Runtime};

/// Where a test's database is.
pub(crate) struct Database {
    pub(crate) url: String,
    /// Server and name of one that was made for the test.
    made: Option<(String, String)>,
}

impl Database {
    /// A file at this path, which the product makes, or an empty database on the server for tests; none, said on
    /// stderr, if there is no server.
    pub(crate) fn create(backend: Backend, path: &str, name: &str) -> Option<Self> {
        if backend == Backend::Sqlite {
            return Some(Self { url: format!("sqlite://{path}"), made: None });
        }
        let Ok(server) = std::env::var("GOALWRIGHT_TEST_POSTGRES") else {
            eprintln!("skipped: GOALWRIGHT_TEST_POSTGRES names no server");
            return None;
        };
        let name = format!("gw_{}", name.replace(['.', '-'], "_").to_lowercase());
        on(&server, async |admin| admin.execute_unprepared(&format!("CREATE DATABASE \"{name}\"")).await);
        let (base, _) = server.rsplit_once('/').expect("the URL names a database");
        Some(Self { url: format!("{base}/{name}"), made: Some((server.clone(), name)) })
    }

    /// Runs plain SQL.
    pub(crate) fn execute(&self, sql: &str) {
        on(&self.url, async |connection| connection.execute_unprepared(sql).await);
    }

    /// The first column of the first row, a number.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.rows(sql).first().expect("a row").try_get_by_index(0).expect("a number")
    }

    /// The first column of each row, texts.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.rows(sql).iter().map(|row| row.try_get_by_index(0).expect("text")).collect()
    }

    fn rows(&self, sql: &str) -> Vec<QueryResult> {
        on(&self.url, async |connection| {
            let statement = Statement::from_string(connection.get_database_backend(), sql);
            connection.query_all_raw(statement).await
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = self.made.take() {
            on(&server, async |admin| {
                admin.execute_unprepared(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await
            });
        }
    }
}

/// One connection for one question: nothing is held while processes work.
fn on<T>(url: &str, ask: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, sea_orm::DbErr>) -> T {
    runtime().block_on(async {
        let connection = sea_orm::Database::connect(url).await.expect("the database answers");
        let answer = ask(&connection).await.expect("the statement runs");
        connection.close().await.expect("closes");
        answer
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
