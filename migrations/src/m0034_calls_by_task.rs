//! Calls are found by their task.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

/// The index of calls begins with their task instead of their span. Ids of tasks grow and spans are random: behind a million
/// calls, every entry of an index of spans is on a page of its own, which is read and written for it alone.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0034_calls_by_task"
    }
}

const UP: &str = "
DROP INDEX ix_tool_calls_span;
CREATE INDEX ix_tool_calls_task ON tool_calls (task_id, span_id, id);
";

const BACK: &str = "
DROP INDEX ix_tool_calls_task;
CREATE INDEX ix_tool_calls_span ON tool_calls (span_id, id);
";

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(UP).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(BACK).await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
