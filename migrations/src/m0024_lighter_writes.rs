//! What a claim and a settlement cost on PostgreSQL.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// The guard of tasks that start finds their attempts by their task, whatever the planner believes. Runs that are open
/// are in one index each instead of two.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0024_lighter_writes"
    }
}

const RUNS: &str = "
DROP INDEX ix_runs_open;
CREATE INDEX ix_runs_beside ON runs (task_id) WHERE NOT drives_task AND status IN ('queued', 'running', 'waiting');
";

const RUNS_BACK: &str = "
DROP INDEX ix_runs_beside;
CREATE INDEX ix_runs_open ON runs (task_id) WHERE status IN ('queued', 'running', 'waiting');
";

// `OFFSET 0` keeps the status out of the search: with it, a table without statistics is searched by an index of all
// attempts that run, as often as there are tasks that start.
const GUARD: &str = "
CREATE OR REPLACE FUNCTION tasks_running_has_lease() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$ BEGIN
    IF EXISTS (
        SELECT 1 FROM changed c WHERE c.status = 'running' AND NOT EXISTS (
            SELECT 1 FROM (SELECT a.status FROM attempts a WHERE a.task_id = c.id OFFSET 0) held
            WHERE held.status = 'running'
        )
    ) THEN
        RAISE EXCEPTION 'a task is running only while an attempt holds its lease' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
";

const GUARD_BACK: &str = "
CREATE OR REPLACE FUNCTION tasks_running_has_lease() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$ BEGIN
    IF EXISTS (
        SELECT 1 FROM changed c WHERE c.status = 'running' AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.task_id = c.id AND a.status = 'running')
    ) THEN
        RAISE EXCEPTION 'a task is running only while an attempt holds its lease' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
";

async fn run(manager: &SchemaManager<'_>, runs: &str, guard: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection.execute_unprepared(runs).await?;
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        connection.execute_unprepared(guard).await?;
    }
    Ok(())
}

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, RUNS, GUARD).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, RUNS_BACK, GUARD_BACK).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
