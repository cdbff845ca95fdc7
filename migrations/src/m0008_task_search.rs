//! Full-text search of tasks.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

/// Full-text search of tasks: FTS5 on SQLite, `tsvector` on PostgreSQL. The words are taken as they are written but for
/// their case, in any language. The workspace is one of the words, so that a search costs what its own tenant has.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_task_search"
    }
}

// The rowids of a table without an INTEGER primary key may change, so documents have numbers of their own, drawn in the
// order in which tasks are made.
const SQLITE: &str = "
CREATE TABLE task_documents (
    document INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id BLOB NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE task_words USING fts5 (
    workspace, words, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0'
);
INSERT INTO task_documents (task_id) SELECT id FROM tasks ORDER BY id;
INSERT INTO task_words (rowid, workspace, words)
    SELECT d.document, lower(hex(t.workspace_id)), coalesce(t.key, '') || ' ' || t.title || ' ' || substr(t.description, 1, 20000)
    FROM tasks t JOIN task_documents d ON d.task_id = t.id;
CREATE TRIGGER tasks_are_found AFTER INSERT ON tasks BEGIN
    INSERT INTO task_documents (task_id) VALUES (NEW.id);
    INSERT INTO task_words (rowid, workspace, words)
        SELECT document, lower(hex(NEW.workspace_id)),
            coalesce(NEW.key, '') || ' ' || NEW.title || ' ' || substr(NEW.description, 1, 20000)
        FROM task_documents WHERE task_id = NEW.id;
END;
CREATE TRIGGER tasks_are_found_by_their_new_words AFTER UPDATE OF key, title, description ON tasks
WHEN NEW.key IS NOT OLD.key OR NEW.title <> OLD.title OR NEW.description <> OLD.description BEGIN
    DELETE FROM task_words WHERE rowid = (SELECT document FROM task_documents WHERE task_id = NEW.id);
    INSERT INTO task_words (rowid, workspace, words)
        SELECT document, lower(hex(NEW.workspace_id)),
            coalesce(NEW.key, '') || ' ' || NEW.title || ' ' || substr(NEW.description, 1, 20000)
        FROM task_documents WHERE task_id = NEW.id;
END;
CREATE TRIGGER tasks_are_found_no_more AFTER DELETE ON tasks BEGIN
    DELETE FROM task_words WHERE rowid = (SELECT document FROM task_documents WHERE task_id = OLD.id);
    DELETE FROM task_documents WHERE task_id = OLD.id;
END;
";

// Databases with the locale C fold the case of ASCII letters only; ICU folds all, and is there but for rare builds.
const POSTGRES: &str = "
ALTER TABLE tasks ADD COLUMN words TSVECTOR NOT NULL GENERATED ALWAYS AS (
    to_tsvector('simple', lower((coalesce(key, '') || ' ' || title || ' ' || left(description, 20000)){collation}))
    || array_to_tsvector(ARRAY['workspace:' || CAST(workspace_id AS TEXT)])
) STORED;
CREATE INDEX ix_tasks_words ON tasks USING GIN (words);
";

/// By which case is folded: ICU's rules for every language where the server has them, else the database's own.
pub(crate) async fn collation(connection: &SchemaManagerConnection<'_>) -> Result<&'static str, DbErr> {
    let known = "SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' \
                 AND pg_encoding_to_char(collencoding) IN ('', 'UTF8') AND EXISTS \
                 (SELECT 1 FROM pg_database WHERE datname = current_database() AND pg_encoding_to_char(encoding) = 'UTF8')";
    let known = Statement::from_string(connection.get_database_backend(), known);
    Ok(if connection.query_one_raw(known).await?.is_some() { " COLLATE \"und-x-icu\"" } else { "" })
}

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let text = match connection.get_database_backend() {
            DatabaseBackend::Postgres => POSTGRES.replace("{collation}", collation(connection).await?),
            _ => SQLITE.to_owned(),
        };
        connection.execute_unprepared(&text).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let text = match connection.get_database_backend() {
            DatabaseBackend::Postgres => "ALTER TABLE tasks DROP COLUMN words;",
            _ => {
                "DROP TRIGGER tasks_are_found; DROP TRIGGER tasks_are_found_by_their_new_words; \
                 DROP TRIGGER tasks_are_found_no_more; DROP TABLE task_words; DROP TABLE task_documents;"
            }
        };
        connection.execute_unprepared(text).await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
