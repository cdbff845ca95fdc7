//! Another try of what failed, or waits for a decision.

use std::collections::HashMap;

use goalwright_domain::agent::{AgentId, AgentKind};
use goalwright_domain::execution::{Run, RunStatus};
use goalwright_domain::task::{TaskId, TaskState};
use goalwright_domain::workspace::Actor;
use goalwright_domain::{Rejection, Timestamp};
use serde_json::json;

use super::book::{Book, agent_for, queue_of};
use super::consequences::{at_a_free_moment, driving_run};
use crate::Error;
use crate::ports::{Ids, UnitOfWork};

impl Book {
    /// A person wants another try: the run it had goes on with its next attempt, under the same trace. What was tried and
    /// what was lost before counts no more.
    pub(crate) async fn revive(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        (id, actor, reason): (TaskId, &Actor, &str),
        run: Option<Run>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let state = self.task(id)?.state().clone();
        let queue = queue_of(unit, &mut HashMap::new(), state.goal_id).await?;
        let queue = queue.ok_or_else(|| {
            Rejection::new("goal_not_active", "its goal rests; make it active first, then retry the task")
        })?;
        let (agent, performer) = performer(unit, &state).await?;
        let run = match run {
            Some(run) => run,
            None => {
                at_a_free_moment(unit, driving_run(ids, &state, agent, performer, queue.clone(), now)).await?
            }
        };
        let mut about = json!({"run_id": run.id, "retry_of": run.last_span});
        if !reason.is_empty() {
            about["reason"] = json!(reason);
        }
        self.task(id)?.retry(agent, about, now)?;
        self.tell(ids, id, actor, Some(run.trace_id), now)?;
        self.moving.extend(state.goal_id);
        self.queue_again(Run {
            status: RunStatus::Queued,
            available_at: Some(now),
            agent_id: agent,
            performer,
            queue,
            priority: state.priority,
            strikes: 0,
            excused: run.attempts,
            suspended: false,
            updated_at: now,
            ..run
        });
        Ok(())
    }
}

/// Its own agent if that one is active and can do it, else whoever can.
async fn performer(unit: &dyn UnitOfWork, task: &TaskState) -> Result<(AgentId, AgentKind), Error> {
    let mut directories = HashMap::new();
    let able = |kind: AgentKind| task.action.as_ref().is_none_or(|action| action.suits(kind));
    let found = agent_for(unit, &mut directories, task).await?.filter(|(_, kind)| able(*kind));
    let found = match found {
        Some(found) => Some(found),
        None => {
            let anybody = TaskState { agent_id: None, ..task.clone() };
            agent_for(unit, &mut directories, &anybody).await?
        }
    };
    let message = "nobody can do it; make an agent that can, then retry the task";
    Ok(found.ok_or_else(|| Rejection::new("no_agent", message))?)
}
