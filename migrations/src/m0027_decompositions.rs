//! Decompositions as versions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::dialect;

/// How a plan was made, what it was made for, how large it is, and what became of it. Rows from before say what was known
/// then: they were outlines, and nobody could decide about them afterwards.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0027_decompositions"
    }
}

const UP: &str = "
ALTER TABLE decompositions ADD COLUMN mode TEXT NOT NULL DEFAULT 'create' CHECK (mode IN ('create', 'update'));
ALTER TABLE decompositions ADD COLUMN model TEXT;
ALTER TABLE decompositions ADD COLUMN prompt_version TEXT;
ALTER TABLE decompositions ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decompositions ADD COLUMN repairs BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decompositions ADD COLUMN duration_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decompositions ADD COLUMN rejected {json};
ALTER TABLE decompositions ADD COLUMN basis TEXT NOT NULL DEFAULT '';
ALTER TABLE decompositions ADD COLUMN task_ids {json};
ALTER TABLE decompositions ADD COLUMN changes {json};
ALTER TABLE decompositions ADD COLUMN failure {json};
ALTER TABLE decompositions ADD COLUMN task_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decompositions ADD COLUMN edge_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decompositions ADD COLUMN decided_at {time};
";

const COUNT_SQLITE: &str = "
UPDATE decompositions SET task_count = coalesce(json_array_length(plan, '$.tasks'), 0),
    edge_count = coalesce(json_array_length(plan, '$.dependencies'), 0);
";

const COUNT_POSTGRES: &str = "
UPDATE decompositions SET task_count = coalesce(jsonb_array_length(plan -> 'tasks'), 0),
    edge_count = coalesce(jsonb_array_length(plan -> 'dependencies'), 0);
";

const DOWN: [&str; 14] = [
    "mode",
    "model",
    "prompt_version",
    "attempts",
    "repairs",
    "duration_ms",
    "rejected",
    "basis",
    "task_ids",
    "changes",
    "failure",
    "task_count",
    "edge_count",
    "decided_at",
];

/// What a decomposition says never changes, and it is decided once.
const GUARDS: &[dialect::Refusal] = &[dialect::Refusal {
    name: "decompositions_decided_once",
    table: "decompositions",
    on: "UPDATE",
    when: "OLD.status <> 'proposed' OR NEW.plan_hash <> OLD.plan_hash OR NEW.goal_id <> OLD.goal_id",
    unless_exists: None,
    message: "a decomposition is decided once and keeps its plan",
}];

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::apply(manager, UP, &[]).await?;
        let connection = manager.get_connection();
        let count = match connection.get_database_backend() {
            DatabaseBackend::Postgres => COUNT_POSTGRES,
            _ => COUNT_SQLITE,
        };
        connection.execute_unprepared(count).await?;
        dialect::apply(manager, "", GUARDS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let postgres = connection.get_database_backend() == DatabaseBackend::Postgres;
        let guard = if postgres {
            "DROP TRIGGER decompositions_decided_once ON decompositions; DROP FUNCTION decompositions_decided_once();"
        } else {
            "DROP TRIGGER decompositions_decided_once;"
        };
        connection.execute_unprepared(guard).await?;
        for column in DOWN {
            connection
                .execute_unprepared(&format!("ALTER TABLE decompositions DROP COLUMN {column}"))
                .await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
