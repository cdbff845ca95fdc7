//! What selecting work reads: pending tasks, and those that nobody has.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Both indexes hold pending tasks only. A task that is claimed and settled is in neither, so that work which flows does
/// not pay for being counted.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0020_selection"
    }
}

// `directory` is the digest of the agents that were there when nobody could do the task: it is not tried again with them.
const UP: &str = "
CREATE INDEX ix_tasks_pending ON tasks (agent_id, open_dependencies, goal_id) WHERE status = 'pending';
CREATE INDEX ix_tasks_unassigned ON tasks (workspace_id, id) WHERE status = 'pending' AND agent_id IS NULL;
CREATE TABLE unassignable_tasks (
    task_id {uuid} NOT NULL PRIMARY KEY,
    workspace_id {uuid} NOT NULL,
    needed TEXT NOT NULL,
    directory TEXT NOT NULL,
    tried_at {time} NOT NULL,
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id) ON DELETE CASCADE
);
";

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::apply(manager, UP, &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = "DROP INDEX ix_tasks_pending; DROP INDEX ix_tasks_unassigned;";
        manager.get_connection().execute_unprepared(indexes).await?;
        dialect::drop_tables(manager, &["unassignable_tasks"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
