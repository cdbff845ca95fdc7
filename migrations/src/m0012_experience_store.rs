//! What is read from experiences, artifacts, and the runs of scripts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

use crate::dialect::{self, NoReplace, Refusal};

/// Everything that is derived from experiences is written by a follower, outside the unit that appends them: the unit only
/// notes what is still to be read. Artifacts and runs of scripts are what experiences refer to.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_experience_store"
    }
}

// `experience_documents` numbers experiences in the order in which they were read. What refers to what is found from the
// side that is referred to; the other side stands in the experience itself. A goal or a task may be referred to as well,
// so there are no foreign keys.
const UP: &str = "
CREATE TABLE artifacts (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    span_id {uuid},
    created_at {time} NOT NULL,
    UNIQUE (workspace_id, digest)
);
CREATE TABLE script_runs (
    id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    span_id {uuid} NOT NULL,
    trace_id {uuid} NOT NULL,
    command_digest TEXT NOT NULL,
    command TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed', 'timed_out', 'cancelled')),
    exit_code INTEGER,
    stdout TEXT NOT NULL,
    stdout_artifact_id {uuid},
    stderr TEXT NOT NULL,
    stderr_artifact_id {uuid},
    duration_ms BIGINT NOT NULL CHECK (duration_ms >= 0),
    started_at {time} NOT NULL,
    CONSTRAINT script_runs_succeeded_with_zero CHECK (status <> 'succeeded' OR coalesce(exit_code, -1) = 0)
);
CREATE INDEX ix_script_runs_span ON script_runs (span_id, id);
CREATE INDEX ix_runs_trace ON runs (workspace_id, trace_id);
CREATE INDEX ix_runs_request_trace ON runs (workspace_id, request_trace_id) WHERE request_trace_id IS NOT NULL;
CREATE TABLE experience_unread (
    n {sequence},
    experience_id TEXT NOT NULL
);
CREATE TABLE experience_documents (
    document {sequence},
    workspace_id {uuid} NOT NULL,
    experience_id TEXT NOT NULL UNIQUE
);
CREATE TABLE experience_links (
    workspace_id {uuid} NOT NULL,
    to_id TEXT NOT NULL,
    from_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('parent', 'cause')),
    PRIMARY KEY (workspace_id, to_id, from_id, kind)
){without_rowid};
CREATE TABLE task_executions (
    document BIGINT NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    experience_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_slug TEXT NOT NULL,
    task_type TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('success', 'failed', 'partial')),
    agent_id {uuid},
    tool TEXT,
    attempt INTEGER NOT NULL,
    duration_ms BIGINT NOT NULL,
    queued_at {time},
    started_at {time} NOT NULL
);
CREATE INDEX ix_task_executions_recent ON task_executions (workspace_id, started_at DESC, document DESC);
CREATE INDEX ix_task_executions_status ON task_executions (workspace_id, status, started_at DESC, document DESC);
CREATE INDEX ix_task_executions_agent ON task_executions (workspace_id, agent_id, started_at DESC, document DESC);
CREATE INDEX ix_task_executions_task ON task_executions (workspace_id, task_id, started_at DESC, document DESC);
CREATE INDEX ix_task_executions_slug ON task_executions (workspace_id, task_slug, started_at DESC, document DESC);
INSERT INTO experience_unread (experience_id) SELECT id FROM experiences ORDER BY ts, id;
";

const SQLITE: &str = "
CREATE VIRTUAL TABLE experience_words USING fts5 (
    workspace, words, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0'
);
CREATE TRIGGER experiences_are_read AFTER INSERT ON experiences BEGIN
    INSERT INTO experience_unread (experience_id) VALUES (NEW.id);
END;
";

// Databases with the locale C fold the case of ASCII letters only; ICU folds all, and is there but for rare builds.
const POSTGRES: &str = "
CREATE FUNCTION words_of_experience(words TEXT) RETURNS TSVECTOR LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT to_tsvector('simple', lower(left(words, 20000){collation})) $$;
ALTER TABLE experience_documents ADD COLUMN words TSVECTOR NOT NULL;
CREATE INDEX ix_experience_documents_words ON experience_documents USING GIN (words);
CREATE FUNCTION experiences_are_read() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO experience_unread (experience_id) SELECT id FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER experiences_are_read AFTER INSERT ON experiences REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION experiences_are_read();
";

const STAYS: &[Refusal] = &[
    Refusal {
        name: "artifacts_stay",
        table: "artifacts",
        on: "UPDATE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "an artifact never changes",
    },
    Refusal {
        name: "artifacts_are_kept",
        table: "artifacts",
        on: "DELETE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "an artifact is never deleted",
    },
    Refusal {
        name: "script_runs_stay",
        table: "script_runs",
        on: "UPDATE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "the run of a script never changes",
    },
    Refusal {
        name: "script_runs_are_kept",
        table: "script_runs",
        on: "DELETE",
        when: "OLD.id IS NOT NULL",
        unless_exists: None,
        message: "the run of a script is never deleted",
    },
];

const KEPT: &[NoReplace] = &[
    NoReplace {
        name: "artifacts_are_not_replaced",
        table: "artifacts",
        same: "id = NEW.id OR (workspace_id = NEW.workspace_id AND digest = NEW.digest)",
        action: "IGNORE",
    },
    NoReplace {
        name: "script_runs_are_not_replaced",
        table: "script_runs",
        same: "id = NEW.id",
        action: "ABORT",
    },
];

/// By which case is folded: ICU's rules for every language where the server has them, else the database's own.
async fn collation(connection: &SchemaManagerConnection<'_>) -> Result<&'static str, DbErr> {
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
        let postgres = connection.get_database_backend() == DatabaseBackend::Postgres;
        let up = UP.replace("{without_rowid}", if postgres { "" } else { " WITHOUT ROWID" });
        dialect::apply(manager, &up, STAYS).await?;
        dialect::keep_rows(manager, KEPT).await?;
        let text = if postgres {
            POSTGRES.replace("{collation}", collation(connection).await?)
        } else {
            SQLITE.to_owned()
        };
        connection.execute_unprepared(&text).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let text = match connection.get_database_backend() {
            DatabaseBackend::Postgres => {
                "DROP TRIGGER experiences_are_read ON experiences; DROP FUNCTION experiences_are_read(); \
                 DROP FUNCTION words_of_experience(TEXT);"
            }
            _ => "DROP TRIGGER experiences_are_read; DROP TABLE experience_words;",
        };
        connection.execute_unprepared(text).await?;
        connection.execute_unprepared("DROP INDEX ix_runs_trace; DROP INDEX ix_runs_request_trace;").await?;
        dialect::drop_tables(
            manager,
            &[
                "task_executions",
                "experience_links",
                "experience_documents",
                "experience_unread",
                "script_runs",
                "artifacts",
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
