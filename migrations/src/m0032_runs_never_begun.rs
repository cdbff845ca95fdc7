//! Runs that are over and never had an attempt.

use sea_orm_migration::prelude::*;

/// An index of runs that are over and never had an attempt: nothing on record leads to them when they are pruned.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0032_runs_never_begun"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX ix_runs_never_begun ON runs (workspace_id, updated_at, id) \
                     WHERE attempts = 0 AND status IN ('succeeded', 'failed', 'cancelled')";
        manager.get_connection().execute_unprepared(index).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX ix_runs_never_begun").await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
