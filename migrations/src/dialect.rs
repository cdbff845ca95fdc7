//! What the two databases spell differently.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// Declares a migration that runs one text: `{uuid}`, `{json}`, `{text_json}`, `{time}`, `{float}`, `{sequence}`
/// stand for column types.
macro_rules! migration {
    ($doc:literal, up: $up:expr, triggers: $triggers:expr, tables: [$($table:literal),*]) => {
        crate::dialect::migration!($doc, up: $up, triggers: $triggers, kept: &[], tables: [$($table),*]);
    };
    ($doc:literal, up: $up:expr, triggers: $triggers:expr, kept: $kept:expr, tables: [$($table:literal),*]) => {
        #[doc = $doc]
        pub(crate) struct Migration;

        impl sea_orm_migration::MigrationName for Migration {
            fn name(&self) -> &str {
                module_path!().rsplit("::").next().unwrap_or_default()
            }
        }

        #[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
        #[async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm_migration::DbErr> {
                let triggers: &[crate::dialect::Refusal] = $triggers;
                let kept: &[crate::dialect::NoReplace] = $kept;
                crate::dialect::apply(manager, $up, triggers).await?;
                crate::dialect::keep_rows(manager, kept).await
            }

            async fn down(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm_migration::DbErr> {
                crate::dialect::drop_tables(manager, &[$($table),*]).await
            }

            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }
        }
    };
}
pub(crate) use migration;

/// A trigger that refuses an update or a delete of a row for which `when` holds. `{is_not}` stands for the
/// comparison that also tells null from a value.
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// `UPDATE` or `DELETE`.
    pub(crate) on: &'static str,
    /// May name OLD and, for updates, NEW.
    pub(crate) when: &'static str,
    /// A query; the refusal holds only if it finds nothing.
    pub(crate) unless_exists: Option<&'static str>,
    pub(crate) message: &'static str,
}

/// What SQLite's `INSERT OR REPLACE` would get past the triggers on update and delete: a row that is already there.
/// PostgreSQL has no such statement, and its unique constraints refuse a plain insert.
pub(crate) struct NoReplace {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// The condition, over the table and NEW, under which there is such a row.
    pub(crate) same: &'static str,
    /// `ABORT` refuses the statement; `IGNORE` leaves the row as it is, which `ON CONFLICT DO NOTHING` wants as well.
    pub(crate) action: &'static str,
}

pub(crate) async fn apply(
    manager: &SchemaManager<'_>,
    text: &str,
    triggers: &[Refusal],
) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let backend = connection.get_database_backend();
    connection.execute_unprepared(&spell(text, backend)).await?;
    for trigger in triggers {
        connection.execute_unprepared(&refusal(trigger, backend)).await?;
    }
    Ok(())
}

/// Protects rows that never change from `INSERT OR REPLACE` on SQLite and from `TRUNCATE` on PostgreSQL.
pub(crate) async fn keep_rows(manager: &SchemaManager<'_>, kept: &[NoReplace]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    for NoReplace { name, table, same, action } in kept {
        let sql = match (connection.get_database_backend(), *action) {
            (DatabaseBackend::Postgres, _) => format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RAISE EXCEPTION 'rows of {table} are kept' USING ERRCODE = 'check_violation'; END $$; \
                 CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}();"
            ),
            (_, "IGNORE") => format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) \
                 BEGIN SELECT RAISE(IGNORE); END;"
            ),
            _ => format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) \
                 BEGIN SELECT RAISE(ABORT, 'rows of {table} are kept'); END;"
            ),
        };
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}

pub(crate) async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        manager.get_connection().execute_unprepared(&format!("DROP TABLE {table}")).await?;
    }
    Ok(())
}

fn spell(text: &str, backend: DatabaseBackend) -> String {
    let words: [(&str, &str); 7] = match backend {
        DatabaseBackend::Postgres => [
            ("{uuid}", "UUID"),
            ("{json}", "JSONB"),
            ("{text_json}", "JSON"),
            ("{time}", "TIMESTAMPTZ"),
            ("{float}", "DOUBLE PRECISION"),
            ("{sequence}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
            ("{is_not}", "IS DISTINCT FROM"),
        ],
        _ => [
            ("{uuid}", "BLOB"),
            ("{json}", "TEXT"),
            ("{text_json}", "TEXT"),
            ("{time}", "TEXT"),
            ("{float}", "REAL"),
            ("{sequence}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            ("{is_not}", "IS NOT"),
        ],
    };
    words.iter().fold(text.to_owned(), |text, (word, spelling)| text.replace(word, spelling))
}

fn refusal(trigger: &Refusal, backend: DatabaseBackend) -> String {
    let Refusal { name, table, on, message, .. } = trigger;
    let when = spell(trigger.when, backend);
    let exists = trigger.unless_exists.map(|query| spell(query, backend));
    match (backend, exists) {
        // PostgreSQL allows no subquery in WHEN.
        (DatabaseBackend::Postgres, Some(query)) => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS ({query}) THEN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}();"
        ),
        (_, Some(query)) => format!(
            "CREATE TRIGGER {name} BEFORE {on} ON {table} WHEN {when} AND NOT EXISTS ({query}) \
             BEGIN SELECT RAISE(ABORT, '{message}'); END;"
        ),
        (DatabaseBackend::Postgres, None) => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$; \
             CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}();"
        ),
        (_, None) => format!(
            "CREATE TRIGGER {name} BEFORE {on} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END;"
        ),
    }
}
