//! Decompositions.

use async_trait::async_trait;
use goalwright_application::ports::{DecompositionRecord, DecompositionRepository, StorageError};

use super::sql::{self, insert_many, time};
use super::unit_of_work::Unit;

const COLUMNS: [&str; 12] = [
    "id",
    "workspace_id",
    "goal_id",
    "status",
    "planner",
    "dry_run",
    "plan",
    "plan_hash",
    "findings",
    "usage",
    "event_id",
    "created_at",
];

#[async_trait]
impl DecompositionRepository for Unit {
    async fn insert(&self, record: &DecompositionRecord) -> Result<(), StorageError> {
        let row = vec![
            record.id.into(),
            record.workspace_id.uuid().into(),
            record.goal_id.uuid().into(),
            record.status.into(),
            record.planner.into(),
            record.dry_run.into(),
            sql::json(record.plan.clone()),
            record.plan_hash.as_str().into(),
            sql::json(record.findings.clone()),
            sql::json(record.usage.clone()),
            record.event_id.uuid().into(),
            time(record.created_at),
        ];
        self.run_all(insert_many(self.dialect, "decompositions", &COLUMNS, vec![row], "")).await.map(|_| ())
    }
}
