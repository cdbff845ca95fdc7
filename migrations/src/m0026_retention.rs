//! Retention: what is pruned of the ledger and the record, and what is kept of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::dialect::{self, NoReplace, Refusal};

/// What was kept for ever may go: a sealed prefix of a ledger under a checkpoint, and what was executed before the moment
/// that the checkpoint names. Whether the checkpoint was made by a holder of the ledger's key is found out by whoever
/// verifies the ledger.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0026_retention"
    }
}

// A checkpoint stands for all events up to its position. Of what they told of, a snapshot is kept of each entity that was
// not deleted by then. `state` is kept as the text that was marked.
//
// Tasks leave goals seldom, so who left is noted, not who is there: nothing that is done often pays for it. A run that was
// pruned is remembered as long as its task, so that it is not made once more. An artifact names the attempt that made it;
// those that made it again stand in `artifact_uses`. Files go after the commit: `pruned_files` knows them until they are gone.
const UP: &str = "
CREATE TABLE goal_departures (
    goal_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    PRIMARY KEY (goal_id, task_id)
);
CREATE TABLE ledger_checkpoints (
    workspace_id {uuid} NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL CHECK (position >= 0),
    seal TEXT,
    seal_key TEXT,
    known_from {time} NOT NULL,
    ended_before {time} NOT NULL,
    snapshots BIGINT NOT NULL CHECK (snapshots >= 0),
    snapshot_sum TEXT NOT NULL,
    event_id {uuid} NOT NULL,
    mark TEXT NOT NULL,
    CONSTRAINT ledger_checkpoints_have_their_seal CHECK ((position = 0) = (seal IS NULL))
);
CREATE TABLE ledger_snapshots (
    workspace_id {uuid} NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision > 0),
    state {text_json} NOT NULL,
    first_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (workspace_id, entity_type, entity_id)
);
CREATE TABLE pruned_runs (
    task_id {uuid} NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    scheduled_at {time} NOT NULL,
    PRIMARY KEY (task_id, scheduled_at)
);
CREATE TABLE artifact_uses (
    artifact_id {uuid} NOT NULL,
    span_id {uuid} NOT NULL,
    PRIMARY KEY (artifact_id, span_id)
);
CREATE INDEX ix_artifact_uses_span ON artifact_uses (span_id, artifact_id);
CREATE TABLE pruned_files (
    n {sequence},
    workspace_id {uuid} NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('artifact', 'result')),
    name TEXT NOT NULL
);
CREATE TABLE workspace_settings (
    workspace_id {uuid} NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    retention_days INTEGER CHECK (retention_days >= 1),
    revision BIGINT NOT NULL CHECK (revision > 0),
    updated_at {time} NOT NULL
);
CREATE INDEX ix_workspace_settings_retention ON workspace_settings (workspace_id) WHERE retention_days IS NOT NULL;
";

/// What was there before leaves the same traces.
const SQLITE: &str = "
INSERT INTO goal_departures (goal_id, task_id)
    SELECT DISTINCT unhex(replace(changes -> 'goal_id' ->> 'from', '-', '')), unhex(replace(entity_id, '-', ''))
    FROM events WHERE entity_type = 'task' AND changes -> 'goal_id' ->> 'from' IS NOT NULL;
INSERT INTO artifact_uses (artifact_id, span_id)
    SELECT DISTINCT a.id, unhex(replace(e.content -> 'structured' ->> 'span_id', '-', ''))
    FROM experiences e JOIN json_each(e.content -> 'structured' -> 'io' -> 'artifact_ids') named
    JOIN artifacts a ON a.id = unhex(replace(named.value, '-', '')) AND a.workspace_id = e.workspace_id
    WHERE e.type = 'TASK_EXECUTION' AND unhex(replace(e.content -> 'structured' ->> 'span_id', '-', '')) IS NOT a.span_id
    AND unhex(replace(e.content -> 'structured' ->> 'span_id', '-', '')) IS NOT NULL;
CREATE TRIGGER tasks_leave_their_goal AFTER UPDATE OF goal_id ON tasks
WHEN OLD.goal_id IS NOT NULL AND NEW.goal_id IS NOT OLD.goal_id BEGIN
    INSERT INTO goal_departures (goal_id, task_id) SELECT OLD.goal_id, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM goal_departures WHERE goal_id = OLD.goal_id AND task_id = OLD.id);
END;
CREATE TRIGGER tasks_leave_their_goal_for_good AFTER DELETE ON tasks WHEN OLD.goal_id IS NOT NULL BEGIN
    INSERT INTO goal_departures (goal_id, task_id) SELECT OLD.goal_id, OLD.id
        WHERE NOT EXISTS (SELECT 1 FROM goal_departures WHERE goal_id = OLD.goal_id AND task_id = OLD.id);
END;
CREATE TRIGGER pruned_runs_are_kept BEFORE DELETE ON pruned_runs
WHEN EXISTS (SELECT 1 FROM tasks WHERE id = OLD.task_id) BEGIN
    SELECT RAISE(ABORT, 'that a run was pruned is forgotten with its task, and not before');
END;
";

const POSTGRES: &str = "
INSERT INTO goal_departures (goal_id, task_id)
    SELECT DISTINCT CAST(changes -> 'goal_id' ->> 'from' AS UUID), CAST(entity_id AS UUID)
    FROM events WHERE entity_type = 'task' AND changes -> 'goal_id' ->> 'from' IS NOT NULL;
INSERT INTO artifact_uses (artifact_id, span_id)
    SELECT DISTINCT a.id, t.span_id
    FROM experiences e JOIN attempts t ON CAST(t.span_id AS TEXT) = e.content -> 'structured' ->> 'span_id'
    CROSS JOIN LATERAL jsonb_array_elements_text(
        CASE WHEN jsonb_typeof(e.content -> 'structured' -> 'io' -> 'artifact_ids') = 'array'
        THEN e.content -> 'structured' -> 'io' -> 'artifact_ids' ELSE '[]' END) AS named (value)
    JOIN artifacts a ON CAST(a.id AS TEXT) = named.value AND a.workspace_id = e.workspace_id
    WHERE e.type = 'TASK_EXECUTION' AND t.span_id IS DISTINCT FROM a.span_id;
CREATE FUNCTION tasks_leave_their_goal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO goal_departures (goal_id, task_id) VALUES (OLD.goal_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_leave_their_goal AFTER UPDATE OF goal_id ON tasks FOR EACH ROW
    WHEN (OLD.goal_id IS NOT NULL AND NEW.goal_id IS DISTINCT FROM OLD.goal_id) EXECUTE FUNCTION tasks_leave_their_goal();
CREATE TRIGGER tasks_leave_their_goal_for_good AFTER DELETE ON tasks FOR EACH ROW
    WHEN (OLD.goal_id IS NOT NULL) EXECUTE FUNCTION tasks_leave_their_goal();
CREATE FUNCTION pruned_runs_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM tasks WHERE id = OLD.task_id) THEN
        RAISE EXCEPTION 'that a run was pruned is forgotten with its task, and not before' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER pruned_runs_are_kept BEFORE DELETE ON pruned_runs FOR EACH ROW EXECUTE FUNCTION pruned_runs_are_kept();
";

/// The guards that let nothing go, and what they let go from now on.
const KEPT: [(&str, &str, &str, &str, &str); 6] = [
    (
        "events_are_kept",
        "events",
        "OLD.id IS NOT NULL",
        "OLD.seal IS NOT NULL AND OLD.position <= c.position",
        "events are append-only: none is deleted but a sealed prefix under a checkpoint",
    ),
    (
        "experiences_are_kept",
        "experiences",
        "OLD.id IS NOT NULL",
        "OLD.created_at < c.ended_before",
        "an experience is deleted only under a checkpoint that is later",
    ),
    (
        "attempts_ended_are_kept",
        "attempts",
        "OLD.ended_at IS NOT NULL",
        "OLD.ended_at < c.ended_before",
        "an ended attempt is deleted only under a checkpoint that is later",
    ),
    (
        "tool_calls_ended_are_kept",
        "tool_calls",
        "OLD.ended_at IS NOT NULL",
        "OLD.ended_at < c.ended_before",
        "an ended tool call is deleted only under a checkpoint that is later",
    ),
    (
        "script_runs_are_kept",
        "script_runs",
        "OLD.id IS NOT NULL",
        "OLD.started_at < c.ended_before",
        "the run of a script is deleted only under a checkpoint that is later",
    ),
    (
        "artifacts_are_kept",
        "artifacts",
        "OLD.id IS NOT NULL",
        "OLD.created_at < c.ended_before",
        "an artifact is deleted only under a checkpoint that is later",
    ),
];

const TOLD: &str = "SELECT 1 FROM events AS said JOIN ledger_heads h ON h.workspace_id = said.workspace_id \
     WHERE said.id = NEW.event_id AND said.workspace_id = NEW.workspace_id AND said.event_type = 'ledger.pruned' \
     AND NEW.position <= h.sealed";
const TOLD_MESSAGE: &str = "a checkpoint stands for what is sealed, and an event of the ledger tells of it";

const GUARDS: &[Refusal] = &[
    Refusal {
        name: "ledger_checkpoints_are_told_of",
        table: "ledger_checkpoints",
        on: "INSERT",
        when: "NEW.workspace_id IS NOT NULL",
        unless_exists: Some(TOLD),
        message: TOLD_MESSAGE,
    },
    Refusal {
        name: "ledger_checkpoints_stay_told_of",
        table: "ledger_checkpoints",
        on: "UPDATE",
        when: "NEW.workspace_id IS NOT NULL",
        unless_exists: Some(TOLD),
        message: TOLD_MESSAGE,
    },
    Refusal {
        name: "ledger_checkpoints_go_forward",
        table: "ledger_checkpoints",
        on: "UPDATE",
        when: "NEW.workspace_id {is_not} OLD.workspace_id OR NEW.position < OLD.position \
               OR NEW.known_from < OLD.known_from OR NEW.ended_before < OLD.ended_before",
        unless_exists: None,
        message: "a checkpoint never goes back",
    },
    Refusal {
        name: "ledger_checkpoints_are_kept",
        table: "ledger_checkpoints",
        on: "DELETE",
        when: "OLD.workspace_id IS NOT NULL",
        unless_exists: None,
        message: "a checkpoint is never deleted",
    },
    Refusal {
        name: "goal_departures_never_change",
        table: "goal_departures",
        on: "UPDATE",
        when: "OLD.goal_id IS NOT NULL",
        unless_exists: None,
        message: "that a task left its goal never changes",
    },
    Refusal {
        name: "goal_departures_are_kept",
        table: "goal_departures",
        on: "DELETE",
        when: "OLD.goal_id IS NOT NULL",
        unless_exists: None,
        message: "that a task left its goal is never deleted",
    },
    Refusal {
        name: "pruned_runs_never_change",
        table: "pruned_runs",
        on: "UPDATE",
        when: "OLD.task_id IS NOT NULL",
        unless_exists: None,
        message: "that a run was pruned never changes",
    },
];

const NOT_REPLACED: &[NoReplace] = &[NoReplace {
    name: "ledger_checkpoints_are_not_replaced",
    table: "ledger_checkpoints",
    same: "workspace_id = NEW.workspace_id",
    action: "ABORT",
}];

/// A guard of rows that are kept; with a condition over the checkpoint `c` it lets them go.
fn guard(
    (name, table, when, goes, message): (&str, &str, &str, &str, &str),
    backend: DatabaseBackend,
) -> String {
    let checkpoint =
        format!("SELECT 1 FROM ledger_checkpoints c WHERE c.workspace_id = OLD.workspace_id AND {goes}");
    match backend {
        DatabaseBackend::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS ({checkpoint}) THEN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; RETURN OLD; END $$; \
             CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}();"
        ),
        _ => format!(
            "CREATE TRIGGER {name} BEFORE DELETE ON {table} WHEN {when} AND NOT EXISTS ({checkpoint}) \
             BEGIN SELECT RAISE(ABORT, '{message}'); END;"
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
        dialect::apply(manager, UP, GUARDS).await?;
        dialect::keep_rows(manager, NOT_REPLACED).await?;
        let text = if backend == DatabaseBackend::Postgres { POSTGRES } else { SQLITE };
        connection.execute_unprepared(text).await?;
        for kept in KEPT {
            connection.execute_unprepared(&drop_guard(kept.0, kept.1, backend)).await?;
            connection.execute_unprepared(&guard(kept, backend)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = connection.get_database_backend();
        for (name, table, when, _, message) in KEPT {
            connection.execute_unprepared(&drop_guard(name, table, backend)).await?;
            // Without checkpoints nothing fits, and everything is kept.
            connection.execute_unprepared(&never(name, table, when, message, backend)).await?;
        }
        let leaving = match backend {
            DatabaseBackend::Postgres => {
                "DROP TRIGGER tasks_leave_their_goal ON tasks; DROP TRIGGER tasks_leave_their_goal_for_good ON tasks; \
                 DROP FUNCTION tasks_leave_their_goal();"
            }
            _ => "DROP TRIGGER tasks_leave_their_goal; DROP TRIGGER tasks_leave_their_goal_for_good;",
        };
        connection.execute_unprepared(leaving).await?;
        dialect::drop_tables(
            manager,
            &[
                "workspace_settings",
                "pruned_files",
                "artifact_uses",
                "pruned_runs",
                "ledger_snapshots",
                "ledger_checkpoints",
                "goal_departures",
            ],
        )
        .await?;
        if backend == DatabaseBackend::Postgres {
            connection.execute_unprepared("DROP FUNCTION pruned_runs_are_kept();").await?;
            for Refusal { name, .. } in GUARDS {
                connection.execute_unprepared(&format!("DROP FUNCTION {name}();")).await?;
            }
            for NoReplace { name, .. } in NOT_REPLACED {
                connection.execute_unprepared(&format!("DROP FUNCTION {name}();")).await?;
            }
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn never(name: &str, table: &str, when: &str, message: &str, backend: DatabaseBackend) -> String {
    match backend {
        DatabaseBackend::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$; \
             CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}();"
        ),
        _ => format!(
            "CREATE TRIGGER {name} BEFORE DELETE ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END;"
        ),
    }
}
