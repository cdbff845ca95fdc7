//! The database without the product: plain connections, and tables read and written row by row.

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, QueryResult, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, Value,
};

/// The product binds at most so many values to one statement.
const MAX_BINDS: usize = 30_000;

/// Connections with the durability that the product asks for, and nothing between us and the driver.
pub(crate) async fn connect(url: &str, connections: u32) -> anyhow::Result<DatabaseConnection> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("mmap_size", "67108864");
        let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
        return Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_with(options).await?));
    }
    let options: PgConnectOptions = url.parse()?;
    let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_with(options).await?))
}

/// The columns of a table that an INSERT names, with what the database calls their types.
pub(crate) struct Table {
    name: &'static str,
    columns: Vec<(String, String)>,
}

impl Table {
    /// Without columns that the database fills in.
    pub(crate) async fn read(database: &DatabaseConnection, name: &'static str) -> anyhow::Result<Self> {
        let backend = database.get_database_backend();
        let sql = match backend {
            DatabaseBackend::Postgres => format!(
                "SELECT column_name::text AS name, data_type::text AS type FROM information_schema.columns WHERE \
                 table_schema = current_schema() AND table_name = '{name}' AND is_generated = 'NEVER' AND \
                 is_identity = 'NO' ORDER BY ordinal_position"
            ),
            _ => format!(
                "SELECT name, lower(type) AS type FROM pragma_table_xinfo('{name}') WHERE hidden = 0 AND \
                 name <> 'seq' ORDER BY cid"
            ),
        };
        let rows = database.query_all_raw(Statement::from_string(backend, sql)).await?;
        let column = |row: &QueryResult| Ok((row.try_get("", "name")?, row.try_get("", "type")?));
        Ok(Self { name, columns: rows.iter().map(column).collect::<anyhow::Result<_>>()? })
    }

    /// Every row, in the order in which they were written.
    pub(crate) async fn rows(&self, database: &DatabaseConnection) -> anyhow::Result<Vec<Vec<Value>>> {
        let backend = database.get_database_backend();
        let columns: Vec<String> = self
            .columns
            .iter()
            // Kept as the text it is.
            .map(|(name, kind)| if kind == "json" { format!("{name}::text AS {name}") } else { name.clone() })
            .collect();
        let order = match (self.name, backend) {
            ("events", _) => " ORDER BY seq",
            (_, DatabaseBackend::Postgres) => " ORDER BY ctid",
            _ => " ORDER BY rowid",
        };
        let sql = format!("SELECT {} FROM {}{order}", columns.join(", "), self.name);
        let rows = database.query_all_raw(Statement::from_string(backend, sql)).await?;
        let row = |row: &QueryResult| self.columns.iter().map(|(name, kind)| cell(row, name, kind)).collect();
        rows.iter().map(row).collect()
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The columns, each with what the database calls its type.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().map(|(name, kind)| (name.as_str(), kind.as_str()))
    }

    /// The values of rows, as the database writes them in a statement.
    pub(crate) async fn literals(
        &self,
        database: &DatabaseConnection,
        which: &str,
    ) -> anyhow::Result<Vec<Vec<String>>> {
        let backend = database.get_database_backend();
        let literal = |(name, _): &(String, String)| match backend {
            DatabaseBackend::Postgres => format!("quote_nullable(CAST({name} AS TEXT))"),
            _ => format!("quote({name})"),
        };
        let columns: Vec<String> = self.columns.iter().map(literal).collect();
        let sql = format!("SELECT {} FROM {} WHERE {which}", columns.join(", "), self.name);
        let rows = database.query_all_raw(Statement::from_string(backend, sql)).await?;
        let row = |row: &QueryResult| (0..columns.len()).map(|at| row.try_get_by_index(at)).collect();
        Ok(rows.iter().map(row).collect::<Result<_, _>>()?)
    }

    /// Statements that write these rows, as many rows in each as the product writes.
    pub(crate) fn inserts(&self, backend: DatabaseBackend, rows: &[Vec<Value>]) -> Vec<Statement> {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let width = names.len();
        let insert = |rows: &[Vec<Value>]| {
            let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.name, names.join(", "));
            for row in 0..rows.len() {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                for (column, (_, kind)) in self.columns.iter().enumerate() {
                    let placeholder = match backend {
                        DatabaseBackend::Postgres => format!("${}", row * width + column + 1),
                        _ => "?".to_owned(),
                    };
                    sql.push_str(if column == 0 { "" } else { ", " });
                    sql.push_str(&if kind == "json" {
                        format!("CAST({placeholder} AS JSON)")
                    } else {
                        placeholder
                    });
                }
                sql.push(')');
            }
            Statement::from_sql_and_values(backend, sql, rows.iter().flatten().cloned())
        };
        rows.chunks((MAX_BINDS / width.max(1)).max(1)).map(insert).collect()
    }
}

fn cell(row: &QueryResult, name: &str, kind: &str) -> anyhow::Result<Value> {
    Ok(match kind {
        "uuid" | "blob" => row.try_get::<Option<uuid::Uuid>>("", name)?.into(),
        "text" | "json" => row.try_get::<Option<String>>("", name)?.into(),
        "jsonb" => row.try_get::<Option<serde_json::Value>>("", name)?.into(),
        "boolean" => row.try_get::<Option<bool>>("", name)?.into(),
        "integer" => row.try_get::<Option<i32>>("", name)?.into(),
        "bigint" => row.try_get::<Option<i64>>("", name)?.into(),
        "timestamp with time zone" => row.try_get::<Option<chrono::DateTime<chrono::Utc>>>("", name)?.into(),
        other => anyhow::bail!("no reading for the type {other} of {name}"),
    })
}
