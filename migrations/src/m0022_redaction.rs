//! Redaction of personal data.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::dialect::{self, Refusal};

/// What never changes may lose what it tells of people, once, and only under an event that says so. Whether that event
/// tells of it, and was made by a holder of the ledger's key, is found out by whoever verifies the ledger.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0022_redaction"
    }
}

const TABLES: [&str; 6] = ["events", "experiences", "attempts", "tool_calls", "script_runs", "artifacts"];

/// The triggers that are replaced: those that let no redaction through.
const REPLACED: [(&str, &str); 6] = [
    ("events_append_only", "events"),
    ("experiences_stay", "experiences"),
    ("attempts_ended_stay", "attempts"),
    ("tool_calls_ended_stay", "tool_calls"),
    ("script_runs_stay", "script_runs"),
    ("artifacts_stay", "artifacts"),
];

macro_rules! same {
    ($($column:literal),+) => {
        concat!("1 = 0" $(, " OR NEW.", $column, " {is_not} OLD.", $column)+)
    };
}

/// Whether nothing is redacted here, or it is redacted already.
macro_rules! not_now {
    () => {
        "OLD.redacted_by IS NOT NULL OR NEW.redacted_by IS NULL"
    };
}

const STAYS: &[Refusal] = &[
    Refusal {
        name: "events_append_only",
        table: "events",
        on: "UPDATE",
        when: concat!(
            same!(
                "seq",
                "id",
                "workspace_id",
                "entity_type",
                "entity_id",
                "event_type",
                "actor_type",
                "actor_id",
                "digest",
                "trace_id",
                "created_at"
            ),
            " OR (OLD.position IS NOT NULL AND NEW.position {is_not} OLD.position) \
             OR (OLD.seal IS NOT NULL AND NEW.seal {is_not} OLD.seal) \
             OR ((CAST(NEW.changes AS TEXT) <> CAST(OLD.changes AS TEXT) \
                  OR CAST(NEW.metadata AS TEXT) <> CAST(OLD.metadata AS TEXT) \
                  OR NEW.redacted_by {is_not} OLD.redacted_by) AND (",
            not_now!(),
            " OR CAST(NEW.metadata AS TEXT) <> '{}' OR OLD.event_type IN ('event.redacted', 'ledger.continued')))"
        ),
        unless_exists: None,
        message: "events are append-only: a position and a seal are set once, and a payload is redacted once",
    },
    Refusal {
        name: "experiences_stay",
        table: "experiences",
        on: "UPDATE",
        when: concat!(
            not_now!(),
            " OR ",
            same!("id", "workspace_id", "type", "session_id", "created_at", "ts"),
            " OR CAST(NEW.provenance AS TEXT) <> CAST(OLD.provenance AS TEXT) \
             OR CAST(NEW.parents AS TEXT) <> CAST(OLD.parents AS TEXT) \
             OR CAST(NEW.causes AS TEXT) <> CAST(OLD.causes AS TEXT)"
        ),
        unless_exists: None,
        message: "an experience never changes, but for being redacted once",
    },
    Refusal {
        name: "attempts_ended_stay",
        table: "attempts",
        on: "UPDATE",
        when: concat!(
            "OLD.ended_at IS NOT NULL AND (",
            not_now!(),
            " OR ",
            same!(
                "span_id",
                "run_id",
                "workspace_id",
                "task_id",
                "number",
                "retry_of",
                "idempotency_key",
                "agent_id",
                "worker",
                "status",
                "fence",
                "experience_id",
                "started_at",
                "ended_at"
            ),
            " OR NEW.recorded IS NOT NULL)"
        ),
        unless_exists: None,
        message: "an ended attempt never changes, but for being redacted once",
    },
    Refusal {
        name: "tool_calls_ended_stay",
        table: "tool_calls",
        on: "UPDATE",
        when: concat!(
            "OLD.ended_at IS NOT NULL AND (",
            not_now!(),
            " OR ",
            same!(
                "id",
                "workspace_id",
                "task_id",
                "span_id",
                "trace_id",
                "tool",
                "operation",
                "effect",
                "idempotency_key",
                "status",
                "started_at",
                "ended_at"
            ),
            " OR CAST(NEW.parameters AS TEXT) <> '{}' OR NEW.result IS NOT NULL)"
        ),
        unless_exists: None,
        message: "an ended tool call never changes, but for being redacted once",
    },
    Refusal {
        name: "script_runs_stay",
        table: "script_runs",
        on: "UPDATE",
        when: concat!(
            not_now!(),
            " OR ",
            same!(
                "id",
                "workspace_id",
                "task_id",
                "span_id",
                "trace_id",
                "command_digest",
                "status",
                "exit_code",
                "stdout_artifact_id",
                "stderr_artifact_id",
                "duration_ms",
                "started_at"
            ),
            " OR NEW.command <> '' OR NEW.stdout <> '' OR NEW.stderr <> ''"
        ),
        unless_exists: None,
        message: "the run of a script never changes, but for being redacted once",
    },
    Refusal {
        name: "artifacts_stay",
        table: "artifacts",
        on: "UPDATE",
        when: concat!(
            not_now!(),
            " OR ",
            same!("id", "workspace_id", "digest", "media_type", "size", "span_id", "created_at")
        ),
        unless_exists: None,
        message: "an artifact never changes, but for being redacted once",
    },
];

/// As it was before, word for word but for the tables' names.
const STAYED: &[Refusal] = &[
    Refusal {
        name: "events_append_only",
        table: "events",
        on: "UPDATE",
        when: concat!(
            same!(
                "seq",
                "id",
                "workspace_id",
                "entity_type",
                "entity_id",
                "event_type",
                "actor_type",
                "actor_id",
                "digest",
                "trace_id",
                "created_at"
            ),
            " OR CAST(NEW.changes AS TEXT) <> CAST(OLD.changes AS TEXT) \
             OR CAST(NEW.metadata AS TEXT) <> CAST(OLD.metadata AS TEXT) \
             OR (OLD.position IS NOT NULL AND NEW.position {is_not} OLD.position) \
             OR (OLD.seal IS NOT NULL AND NEW.seal {is_not} OLD.seal)"
        ),
        unless_exists: None,
        message: "events are append-only: only a position and a seal are set, once",
    },
    stayed("experiences_stay", "experiences", "OLD.id IS NOT NULL", "an experience never changes"),
    stayed("attempts_ended_stay", "attempts", "OLD.ended_at IS NOT NULL", "an ended attempt never changes"),
    stayed(
        "tool_calls_ended_stay",
        "tool_calls",
        "OLD.ended_at IS NOT NULL",
        "an ended tool call never changes",
    ),
    stayed("script_runs_stay", "script_runs", "OLD.id IS NOT NULL", "the run of a script never changes"),
    stayed("artifacts_stay", "artifacts", "OLD.id IS NOT NULL", "an artifact never changes"),
];

const fn stayed(
    name: &'static str,
    table: &'static str,
    when: &'static str,
    message: &'static str,
) -> Refusal {
    Refusal { name, table, on: "UPDATE", when, unless_exists: None, message }
}

/// That the event is there, says that it redacts, and is of the same tenant. An event keeps the names of the fields that
/// changed, and nothing else.
fn under_an_event(table: &str) -> (String, String) {
    let blank = if table == "events" {
        " AND NOT EXISTS (SELECT 1 FROM json_each(NEW.changes) AS field \
         WHERE CAST(field.value AS TEXT) <> '{\"redacted\":true}')"
    } else {
        ""
    };
    let event = format!(
        "SELECT 1 FROM events AS said WHERE said.id = NEW.redacted_by AND said.workspace_id = NEW.workspace_id \
         AND said.event_type = 'event.redacted'{blank}"
    );
    (format!("{table}_are_redacted_under_an_event"), event)
}

fn guard(table: &str, backend: DatabaseBackend) -> String {
    let (name, event) = under_an_event(table);
    let message = format!("rows of {table} are redacted under an event that says so");
    match backend {
        DatabaseBackend::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS ({event}) THEN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW \
             WHEN (NEW.redacted_by IS DISTINCT FROM OLD.redacted_by) EXECUTE FUNCTION {name}();"
        ),
        _ => format!(
            "CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN NEW.redacted_by IS NOT OLD.redacted_by \
             AND NOT EXISTS ({event}) BEGIN SELECT RAISE(ABORT, '{message}'); END;"
        ),
    }
}

fn drop_guard(name: &str, table: &str, backend: DatabaseBackend) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"),
        _ => format!("DROP TRIGGER {name};"),
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = connection.get_database_backend();
        for (name, table) in REPLACED {
            connection.execute_unprepared(&drop_guard(name, table, backend)).await?;
        }
        let columns =
            TABLES.map(|table| format!("ALTER TABLE {table} ADD COLUMN redacted_by {{uuid}};")).concat();
        let index = "CREATE INDEX ix_artifacts_span ON artifacts (span_id) WHERE span_id IS NOT NULL;";
        dialect::apply(manager, &format!("{columns}{index}"), STAYS).await?;
        for table in TABLES {
            connection.execute_unprepared(&guard(table, backend)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = connection.get_database_backend();
        for table in TABLES {
            connection.execute_unprepared(&drop_guard(&under_an_event(table).0, table, backend)).await?;
        }
        for (name, table) in REPLACED {
            connection.execute_unprepared(&drop_guard(name, table, backend)).await?;
        }
        let columns = TABLES.map(|table| format!("ALTER TABLE {table} DROP COLUMN redacted_by;")).concat();
        dialect::apply(manager, &format!("DROP INDEX ix_artifacts_span;{columns}"), STAYED).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
