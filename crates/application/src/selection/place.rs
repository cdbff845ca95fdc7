//! Tasks that nobody has get somebody as soon as there is somebody.

use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentStatus, choose};
use goalwright_domain::canonical;
use goalwright_domain::task::{Task, TaskId, TaskStatus};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::json;

use super::Selection;
use crate::Error;
use crate::execution::Book;
use crate::retrying::retrying;

/// So many tasks are looked at in one unit.
const AT_ONCE: usize = 200;

/// What came of looking for agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placed {
    /// Tasks that somebody has now.
    pub assigned: usize,
    /// Tasks of which it was told for the first time, or for another reason than before, that nobody can do them.
    pub unassignable: usize,
    /// Whether there are more to look at.
    pub more: bool,
}

impl Selection {
    /// Looks for somebody for tasks that nobody has, in all workspaces. A task that nobody can do is told of by the event
    /// `task.unassignable`, once for what it needs, and is not looked at again before the agents of its workspace change.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "selection.place", skip_all, level = "debug")]
    pub async fn place(&self) -> Result<Placed, Error> {
        let mut placed = Placed::default();
        for workspace in self.queries.workspaces_with_unassigned().await? {
            let directory = digest(&self.queries.active_agents(workspace).await?);
            let untried = self.queries.untried(workspace, &directory, AT_ONCE).await?;
            if untried.is_empty() {
                continue;
            }
            let (assigned, unassignable) = retrying(|| self.place_once(workspace, &untried)).await?;
            placed.assigned += assigned;
            placed.unassignable += unassignable;
            placed.more |= untried.len() == AT_ONCE;
        }
        if placed.assigned > 0 {
            self.signals.work_changed();
        }
        if placed.assigned + placed.unassignable > 0 {
            self.signals.events_appended();
        }
        Ok(placed)
    }

    async fn place_once(&self, workspace: WorkspaceId, ids: &[TaskId]) -> Result<(usize, usize), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let tasks = unit.tasks().lock_many(ids).await?;
        let agents = unit.agents().active(workspace).await?;
        let (able, unable) = divided(&tasks, &agents);
        let unable_ids: Vec<TaskId> = unable.iter().map(|(id, _)| *id).collect();
        let known: HashMap<TaskId, String> =
            unit.tasks().known_unassignable(&unable_ids).await?.into_iter().collect();
        let mut book = Book::default();
        book.enter(tasks);
        let told = self.tell_of(&mut book, &unable, &known, now)?;
        unit.tasks().note_unassignable(workspace, &digest(&agents), &unable).await?;
        let assigned = able.len();
        book.give(&*unit, &*self.ids, able, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        unit.commit().await?;
        Ok((assigned, told))
    }

    /// An event for each that was not told of yet, or for another reason.
    fn tell_of(
        &self,
        book: &mut Book,
        unable: &[(TaskId, String)],
        known: &HashMap<TaskId, String>,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let mut told = 0;
        for (id, needed) in unable.iter().filter(|(id, needed)| known.get(id) != Some(needed)) {
            let task = book.task(*id)?;
            task.unassignable(needed, now);
            tracing::warn!(task.slug = %task.state().slug, reason = %needed, "a task has nobody who can do it");
            book.tell(&*self.ids, *id, &Actor::system("kernel"), None, now)?;
            told += 1;
        }
        Ok(told)
    }
}

/// Those that somebody can do, and those that nobody can, with who would be needed. Those that have somebody by now are
/// neither.
fn divided(tasks: &[Task], agents: &[Agent]) -> (Vec<TaskId>, Vec<(TaskId, String)>) {
    let (mut able, mut unable) = (Vec::new(), Vec::new());
    let unassigned = |task: &&Task| task.status() == TaskStatus::Pending && task.state().agent_id.is_none();
    for task in tasks.iter().filter(unassigned) {
        let state = task.state();
        match choose(agents, &HashMap::new(), &state.task_type, state.action.as_ref()) {
            Ok(_) => able.push(task.id()),
            Err(nobody) => unable.push((task.id(), nobody.message)),
        }
    }
    (able, unable)
}

/// What the choice of an agent depends on: the same digest, the same answer.
fn digest(agents: &[Agent]) -> String {
    let mut known: Vec<_> = agents
        .iter()
        .filter(|agent| agent.state().status == AgentStatus::Active)
        .map(|agent| {
            let state = agent.state();
            (agent.id(), state.kind, state.capabilities.clone(), state.is_default)
        })
        .collect();
    known.sort_by_key(|(id, ..)| *id);
    canonical::digest(&json!(known))
}
