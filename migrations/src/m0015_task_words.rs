//! The words of tasks in a table of their own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::m0008_task_search::collation;

/// On PostgreSQL, the words of tasks in a table of their own: every new version of a row is entered into every index of
/// its table, and tasks get new versions with every claim and every settlement, their words hardly ever. SQLite has them
/// apart already.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0015_task_words"
    }
}

// Tasks are made many at once, so their words are written set by set; they are changed one by one.
const POSTGRES: &str = "
CREATE TABLE task_words (
    task_id UUID NOT NULL PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE FUNCTION words_of_task(workspace_id UUID, key TEXT, title TEXT, description TEXT) RETURNS TSVECTOR
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', lower((coalesce(key, '') || ' ' || title || ' ' || left(description, 20000)){collation}))
        || array_to_tsvector(ARRAY['workspace:' || CAST(workspace_id AS TEXT)])
$$;
INSERT INTO task_words SELECT id, words FROM tasks;
ALTER TABLE tasks DROP COLUMN words;
CREATE INDEX ix_task_words ON task_words USING GIN (words);
CREATE FUNCTION tasks_are_found() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO task_words (task_id, words)
        SELECT id, words_of_task(workspace_id, key, title, description) FROM made;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_are_found AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION tasks_are_found();
CREATE FUNCTION tasks_are_found_by_their_new_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE task_words SET words = words_of_task(NEW.workspace_id, NEW.key, NEW.title, NEW.description)
        WHERE task_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_are_found_by_their_new_words AFTER UPDATE OF key, title, description ON tasks FOR EACH ROW
    WHEN (NEW.key IS DISTINCT FROM OLD.key OR NEW.title <> OLD.title OR NEW.description <> OLD.description)
    EXECUTE FUNCTION tasks_are_found_by_their_new_words();
";

const BACK: &str = "
DROP TRIGGER tasks_are_found ON tasks;
DROP TRIGGER tasks_are_found_by_their_new_words ON tasks;
DROP FUNCTION tasks_are_found();
DROP FUNCTION tasks_are_found_by_their_new_words();
DROP TABLE task_words;
DROP FUNCTION words_of_task(UUID, TEXT, TEXT, TEXT);
ALTER TABLE tasks ADD COLUMN words TSVECTOR NOT NULL GENERATED ALWAYS AS (
    to_tsvector('simple', lower((coalesce(key, '') || ' ' || title || ' ' || left(description, 20000)){collation}))
    || array_to_tsvector(ARRAY['workspace:' || CAST(workspace_id AS TEXT)])
) STORED;
CREATE INDEX ix_tasks_words ON tasks USING GIN (words);
";

async fn run(manager: &SchemaManager<'_>, text: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    let text = text.replace("{collation}", collation(connection).await?);
    connection.execute_unprepared(&text).await.map(|_| ())
}

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, POSTGRES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, BACK).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
