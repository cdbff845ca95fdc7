//! Schedules that cannot be looked after, and those that could not because of them.

use goalwright_domain::experience::audit_text;
use goalwright_domain::ledger::Fact;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;

use super::Schedules;
use super::tick::{BATCH, scheduler};
use crate::Error;
use crate::context::events;
use crate::retrying::retrying;

impl Schedules {
    /// Looks after a batch that failed as a whole, half by half. Gives how many schedules something came of; the error, if
    /// nothing did.
    pub(super) async fn tick_apart(&self, error: Error) -> Result<usize, Error> {
        let unit = self.transactions.begin().await?;
        let due = unit.schedules().due(self.clock.now(), BATCH).await?;
        drop(unit);
        tracing::warn!(error = %error, batch.size = due.len(), "a batch of schedules could not be looked after; halving it");
        let (mut open, mut done, mut last) = (vec![due], 0, None);
        while let Some(mut group) = open.pop() {
            let ids: Vec<TaskId> = group.iter().map(|(task, _)| *task).collect();
            match retrying(|| self.tick_once(Some(&ids))).await {
                Ok(looked_after) => done += looked_after,
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) if group.len() > 1 => {
                    open.push(group.split_off(group.len() / 2));
                    open.push(group);
                    last = Some(error);
                }
                Err(error @ Error::Internal(_)) => {
                    for (task, workspace) in group {
                        self.put_aside(task, workspace, &error).await?;
                        done += 1;
                    }
                }
                // Others were quicker, again and again; next time is soon.
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }

    /// Nobody looks after this one until its task is changed.
    async fn put_aside(&self, task: TaskId, workspace: WorkspaceId, error: &Error) -> Result<(), Error> {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), full);
        tracing::error!(task.id = %task, error = %cause, "a schedule cannot be looked after and is set aside until its task is changed");
        let reason = audit_text(&cause);
        retrying(|| async {
            let now = self.clock.now();
            let fact = Fact {
                entity_type: "schedule",
                entity_id: task.to_string(),
                event_type: "schedule.set_aside",
                changes: json!({}),
                metadata: json!({"task_id": task, "reason": reason}),
            };
            let told = events(&*self.ids, workspace, &scheduler(), None, vec![fact], now);
            let unit = self.transactions.begin().await?;
            unit.schedules().set_aside(task, &reason, now).await?;
            unit.outbox().append(&told).await?;
            unit.commit().await?;
            Ok(())
        })
        .await
    }
}

/// An error with what caused it.
fn full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
