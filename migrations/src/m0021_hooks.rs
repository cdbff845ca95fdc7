//! What runs after executions, and experiences that cannot be read.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// A hook follows executions with a position of its own, so that settling work pays nothing for it. What it is to do stands
/// in a row until it is done.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0021_hooks"
    }
}

// `attempts` counts when a row is taken: whoever concludes it names the count, so that a late one changes nothing. What a
// hook left behind are experiences; they refer to the execution themselves.
const UP: &str = "
CREATE TABLE hook_positions (
    hook TEXT NOT NULL PRIMARY KEY,
    document BIGINT NOT NULL,
    since {time} NOT NULL
);
CREATE TABLE hook_runs (
    experience_id TEXT NOT NULL,
    hook TEXT NOT NULL,
    workspace_id {uuid} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'done', 'failed')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    available_at {time},
    error TEXT,
    left_behind {json} NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    PRIMARY KEY (experience_id, hook),
    CONSTRAINT hook_runs_queued_has_its_time CHECK ((status = 'queued') = (available_at IS NOT NULL)),
    CONSTRAINT hook_runs_failed_says_why CHECK (status <> 'failed' OR error IS NOT NULL)
);
CREATE INDEX ix_hook_runs_due ON hook_runs (available_at, experience_id, hook) WHERE available_at IS NOT NULL;
CREATE INDEX ix_hook_runs_failed ON hook_runs (updated_at, experience_id, hook) WHERE status = 'failed';
CREATE TABLE experiences_set_aside (
    experience_id TEXT NOT NULL PRIMARY KEY,
    error TEXT NOT NULL,
    set_aside_at {time} NOT NULL
);
";

#[expect(elided_lifetimes_in_paths, reason = "the trait's methods elide it, and theirs must match")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::apply(manager, UP, &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop_tables(manager, &["experiences_set_aside", "hook_runs", "hook_positions"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
