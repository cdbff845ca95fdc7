//! How goals and tasks stood at a past moment, folded from what the ledger tells of them.

use std::collections::HashMap;

use goalwright_domain::goal::{DEFAULT_QUEUE, GoalId};
use goalwright_domain::ledger::{Folded, Stood, Telling, is_redacted, stood};
use goalwright_domain::progress::{self, PastTask, Progress, Reason, explain};
use goalwright_domain::task::{Dependency, TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use goalwright_domain::{Timestamp, Violation};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Error;
use crate::read::{Histories, PastGoal, Queries, TaskView, Then};

/// Instead of a text that was redacted.
const REDACTED: &str = "[redacted]";
/// So many tasks are looked at with one statement.
const AT_ONCE: usize = 2_000;

/// The past of one workspace. All of it is read as it was committed at one moment: what is pruned meanwhile is still there.
pub(crate) struct Past {
    histories: Box<dyn Histories>,
    workspace: WorkspaceId,
    at: Timestamp,
}

impl Past {
    /// At this moment, which must have come.
    ///
    /// # Errors
    /// `Invalid` for a moment that has not come; what storage says.
    pub(crate) async fn at(
        queries: &dyn Queries,
        workspace: WorkspaceId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if at > now {
            let message =
                format!("{at} has not come yet; ask for a moment that is over, or leave it out for now");
            return Err(Error::invalid(vec![Violation::new("as_of", "in_the_future", message)]));
        }
        Ok(Self { histories: queries.histories().await?, workspace, at })
    }

    /// A goal.
    ///
    /// # Errors
    /// `NotFound` and `NotThen` where it was not there; `Pruned` for a moment of which the ledger tells no more.
    pub(crate) async fn goal(self, id: GoalId) -> Result<Then<PastGoal>, Error> {
        let seen = self.see_goal(id).await;
        self.histories.end().await;
        seen
    }

    /// A task, with what it waited for.
    ///
    /// # Errors
    /// As [`Past::goal`].
    pub(crate) async fn task(self, id: TaskId) -> Result<Then<TaskView>, Error> {
        let seen = self.see_task(id).await;
        self.histories.end().await;
        seen
    }

    /// How far a goal was, and why it was not further, as far as its tasks tell.
    ///
    /// # Errors
    /// As [`Past::goal`].
    pub(crate) async fn progress(self, id: GoalId, now: Timestamp) -> Result<Then<Progress>, Error> {
        let seen = self.see_progress(id, now).await;
        self.histories.end().await;
        seen
    }

    /// Refuses a moment of which the ledger tells no more.
    async fn is_known(&self) -> Result<(), Error> {
        match self.histories.known_from(self.workspace).await? {
            Some(known_from) if self.at < known_from => Err(Error::Pruned { at: self.at, known_from }),
            _ => Ok(()),
        }
    }

    async fn see_goal(&self, id: GoalId) -> Result<Then<PastGoal>, Error> {
        let stood = self.entity("goal", id.uuid()).await?;
        let (revision, updated_at, first_at) = (stood.0.revision, stood.0.updated_at, stood.0.first_at);
        let instead = json!({
            "id": id, "workspace_id": self.workspace, "title": REDACTED, "description": REDACTED,
            "success_criteria": [], "due_at": null, "status": "active", "queue": DEFAULT_QUEUE, "sandbox": null,
            "source_path": null, "source_digest": null, "created_by": Uuid::nil(), "created_at": first_at,
        });
        let (state, redacted) = read(stood, instead)?;
        Ok(Then { at: self.at, what: PastGoal { state, revision, updated_at }, redacted })
    }

    async fn see_task(&self, id: TaskId) -> Result<Then<TaskView>, Error> {
        let mut stood = self.entity("task", id.uuid()).await?;
        let (revision, updated_at, first_at) = (stood.0.revision, stood.0.updated_at, stood.0.first_at);
        let edges = stood.0.state.remove("depends_on").unwrap_or_default();
        let instead = json!({
            "id": id, "workspace_id": self.workspace, "goal_id": null, "key": null, "slug": REDACTED, "title": REDACTED,
            "description": REDACTED, "task_type": REDACTED, "status": "pending", "waiting": null, "error": null,
            "priority": 0, "agent_id": null, "action": null, "result": null, "labels": [], "parallel": false,
            "estimate_minutes": null, "complexity": null, "complexity_reason": null, "attempt": 0, "max_attempts": 1, "retry": null,
            "on_exhausted": "fail", "scheduled_at": null, "schedule": null, "created_at": first_at,
        });
        let (state, mut redacted): (goalwright_domain::task::TaskState, _) = read(stood, instead)?;
        if is_redacted(&edges) {
            redacted.push("depends_on".to_owned());
        }
        let mut depends_on: Vec<Dependency> = serde_json::from_value(edges).unwrap_or_default();
        depends_on.sort_unstable_by_key(|edge| edge.task_id);
        let ids: Vec<TaskId> = depends_on.iter().map(|edge| edge.task_id).collect();
        let mut blocked_by = ids.clone();
        let others = self.standings(&ids).await?;
        blocked_by.retain(|id| !others.get(id).and_then(status_of).is_some_and(TaskStatus::satisfies));
        let over = state.status.is_final() && !state.status.satisfies();
        let schedule = state.schedule.as_ref().filter(|_| !over);
        let next_run_at = schedule.and_then(|schedule| schedule.slots(self.at).next()).map(|slot| slot.at);
        let what = TaskView { state, revision, updated_at, depends_on, blocked_by, next_run_at };
        Ok(Then { at: self.at, what, redacted })
    }

    async fn see_progress(&self, id: GoalId, now: Timestamp) -> Result<Then<Progress>, Error> {
        let goal = self.see_goal(id).await?;
        let members = self.histories.tasks_ever_of(self.workspace, id).await?;
        let standings = self.standings(&members).await?;
        let (mut tasks, mut untold, mut revision) = (Vec::new(), Vec::new(), 0);
        for (task, stood) in &standings {
            let was_here = stood.0.state.get("goal_id").is_some_and(|of| is_redacted(of) || *of == json!(id));
            if stood.0.is_gone() || !was_here {
                continue;
            }
            let past = past_task(*task, stood);
            revision += stood.0.revision;
            if past.status.is_none() {
                untold.push(past.id);
            }
            tasks.push(past);
        }
        let outside: Vec<TaskId> = tasks
            .iter()
            .flat_map(|task| &task.depends_on)
            .filter(|id| !standings.contains_key(id))
            .copied()
            .collect();
        let others = self.standings(&outside).await?;
        let others = others.iter().filter_map(|(id, stood)| Some((*id, status_of(stood)?))).collect();
        let (counts, obstacles) = progress::then(tasks, &others);
        let mut figures = explain(id, goal.what.state.status, counts, revision, obstacles, now);
        if !untold.is_empty() {
            figures.valid = false;
            figures.errors.push(redacted_tasks(untold));
        }
        Ok(Then { at: self.at, what: figures, redacted: Vec::new() })
    }

    async fn entity(&self, kind: &'static str, id: Uuid) -> Result<Stood, Error> {
        self.is_known().await?;
        let id = id.to_string();
        let kept = self.histories.kept(self.workspace, kind, std::slice::from_ref(&id)).await?.pop();
        let told = self.histories.tellings(self.workspace, kind, &id, self.at).await?;
        match self.folded(kept.map(|(_, folded)| folded), &told)? {
            Some(stood) if stood.0.is_gone() => {
                let message = format!("the {kind} {id} had been deleted by {}", self.at);
                Err(Error::NotThen { message })
            }
            Some(stood) => Ok(stood),
            // It may come later, or never have been there at all.
            None if self.histories.is_told_of(self.workspace, kind, &id).await? => {
                let message = format!("the {kind} {id} was made after {}; ask for a later moment", self.at);
                Err(Error::NotThen { message })
            }
            None => Err(Error::not_found(kind, id)),
        }
    }

    /// Those of these tasks that were there, or had been deleted.
    async fn standings(&self, ids: &[TaskId]) -> Result<HashMap<TaskId, Stood>, Error> {
        let mut standings = HashMap::new();
        for batch in ids.chunks(AT_ONCE) {
            let texts: Vec<String> = batch.iter().map(ToString::to_string).collect();
            let kept = self.histories.kept(self.workspace, "task", &texts).await?;
            let mut kept: HashMap<String, Folded> = kept.into_iter().collect();
            let mut told: HashMap<String, Vec<Telling>> = HashMap::new();
            for telling in self.histories.told_of_tasks(self.workspace, batch).await? {
                told.entry(telling.entity_id.clone()).or_default().push(telling);
            }
            for (id, text) in batch.iter().zip(&texts) {
                let told = told.remove(text).unwrap_or_default();
                if let Some(stood) = self.folded(kept.remove(text), &told)? {
                    standings.insert(*id, stood);
                }
            }
        }
        Ok(standings)
    }

    fn folded(&self, kept: Option<Folded>, told: &[Telling]) -> Result<Option<Stood>, Error> {
        let contradiction =
            |why: String| Error::Internal(format!("the ledger contradicts itself: {why}").into());
        stood(kept, told, self.at).map_err(contradiction)
    }
}

fn read<S: DeserializeOwned>(stood: Stood, instead: Value) -> Result<(S, Vec<String>), Error> {
    let nothing = Map::new();
    let unreadable = |why: String| Error::Internal(format!("a past state cannot be read: {why}").into());
    stood.read(instead.as_object().unwrap_or(&nothing)).map_err(unreadable)
}

fn status_of(stood: &Stood) -> Option<TaskStatus> {
    stood.0.state.get("status").and_then(Value::as_str).and_then(TaskStatus::parse)
}

fn past_task(id: TaskId, stood: &Stood) -> PastTask {
    let field = |name: &str| stood.0.state.get(name).cloned().unwrap_or_default();
    let edges: Vec<Dependency> = serde_json::from_value(field("depends_on")).unwrap_or_default();
    PastTask {
        id,
        status: status_of(stood),
        assigned: !field("agent_id").is_null(),
        waiting: field("waiting"),
        depends_on: edges.into_iter().map(|edge| edge.task_id).collect(),
    }
}

fn redacted_tasks(mut ids: Vec<TaskId>) -> Reason {
    ids.sort_unstable();
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    ids.truncate(progress::NAMED_TASKS);
    Reason {
        code: "history_redacted",
        message: format!("what is on record of {count} task(s) was redacted; they are not counted"),
        count,
        task_ids: ids,
        mend: "nothing: what was redacted is gone".to_owned(),
    }
}
