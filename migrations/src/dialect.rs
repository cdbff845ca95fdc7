//! What the two databases spell differently.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// Declares a migration that runs one text: `{uuid}`, `{json}`, `{text_json}`, `{time}`, `{float}`, `{sequence}`
/// stand for column types.
macro_rules! migration {
    ($doc:literal, up: $up:expr, triggers: $triggers:expr, tables: [$($table:literal),*]) => {
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
                crate::dialect::apply(manager, $up, triggers).await
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
    pub(crate) message: &'static str,
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
    match backend {
        DatabaseBackend::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$; \
             CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}();"
        ),
        _ => format!(
            "CREATE TRIGGER {name} BEFORE {on} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END;"
        ),
    }
}
