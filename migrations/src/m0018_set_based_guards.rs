//! Guards that look at all rows of a statement at once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// On PostgreSQL, whether tasks that start have a lease is asked once for all rows of a statement instead of once for
/// each: claims start hundreds at a time. SQLite asks for each row at little cost.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0018_set_based_guards"
    }
}

// The settings make it look for the attempts of the tasks that start, whatever the planner believes about how many
// there are.
const POSTGRES: &str = "
DROP TRIGGER tasks_running_has_lease ON tasks;
DROP FUNCTION tasks_running_has_lease();
CREATE FUNCTION tasks_running_has_lease() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$ BEGIN
    IF EXISTS (
        SELECT 1 FROM changed c WHERE c.status = 'running' AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.task_id = c.id AND a.status = 'running')
    ) THEN
        RAISE EXCEPTION 'a task is running only while an attempt holds its lease' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_running_has_lease AFTER UPDATE ON tasks
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION tasks_running_has_lease();
";

const BACK: &str = "
DROP TRIGGER tasks_running_has_lease ON tasks;
DROP FUNCTION tasks_running_has_lease();
CREATE FUNCTION tasks_running_has_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM attempts a WHERE a.task_id = NEW.id AND a.status = 'running') THEN
        RAISE EXCEPTION 'a task is running only while an attempt holds its lease' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tasks_running_has_lease BEFORE UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.status = 'running' AND OLD.status <> 'running') EXECUTE FUNCTION tasks_running_has_lease();
";

async fn run(manager: &SchemaManager<'_>, text: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    match connection.get_database_backend() {
        DatabaseBackend::Postgres => connection.execute_unprepared(text).await.map(|_| ()),
        _ => Ok(()),
    }
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
