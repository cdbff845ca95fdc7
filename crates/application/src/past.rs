//! How goals and tasks stood at a past moment, folded from what the ledger tells of them.

use std::collections::HashMap;
use std::sync::Arc;

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
use crate::read::{EventFilter, PageRequest, PastGoal, Queries, TaskView, Then};

/// Instead of a text that was redacted.
const REDACTED: &str = "[redacted]";
/// So many tasks are looked at with one statement.
const AT_ONCE: usize = 2_000;
/// So often it is looked once more where some of the past was pruned meanwhile.
const AGAIN: usize = 5;

/// The past of one workspace, looked at now.
pub(crate) struct Past {
    queries: Arc<dyn Queries>,
    workspace: WorkspaceId,
    at: Timestamp,
    /// Where the ledger began when it was looked.
    begin: i64,
    /// So often it may be looked once more.
    again: usize,
}

impl Past {
    /// At this moment, if the ledger can tell of it.
    ///
    /// # Errors
    /// `Invalid` for a moment that has not come; `Pruned` for one of which the ledger tells no more.
    pub(crate) async fn at(
        queries: &Arc<dyn Queries>,
        workspace: WorkspaceId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if at > now {
            let message =
                format!("{at} has not come yet; ask for a moment that is over, or leave it out for now");
            return Err(Error::invalid(vec![Violation::new("as_of", "in_the_future", message)]));
        }
        let mut past = Self { queries: queries.clone(), workspace, at, begin: 0, again: AGAIN };
        past.begin = past.begins().await?;
        Ok(past)
    }

    /// Behind which position the ledger begins, if it still tells of the moment.
    async fn begins(&self) -> Result<i64, Error> {
        match self.queries.known_from(self.workspace).await? {
            Some((_, known_from)) if self.at < known_from => Err(Error::Pruned { at: self.at, known_from }),
            begin => Ok(begin.map_or(0, |(position, _)| position)),
        }
    }

    /// Whether nothing was pruned since it was looked. What was read before and after a pruning does not belong together.
    async fn holds(&mut self) -> Result<bool, Error> {
        let begin = self.begins().await?;
        if begin == self.begin {
            return Ok(true);
        }
        if self.again == 0 {
            let message = "the past was pruned while it was read; ask again".to_owned();
            return Err(Error::Conflict { code: "conflict", message });
        }
        self.again -= 1;
        self.begin = begin;
        Ok(false)
    }

    /// A goal.
    pub(crate) async fn goal(mut self, id: GoalId) -> Result<Then<PastGoal>, Error> {
        loop {
            let seen = self.see_goal(id).await;
            if self.holds().await? {
                return seen;
            }
        }
    }

    /// A task, with what it waited for.
    pub(crate) async fn task(mut self, id: TaskId) -> Result<Then<TaskView>, Error> {
        loop {
            let seen = self.see_task(id).await;
            if self.holds().await? {
                return seen;
            }
        }
    }

    /// How far a goal was, and why it was not further, as far as its tasks tell.
    pub(crate) async fn progress(mut self, id: GoalId, now: Timestamp) -> Result<Then<Progress>, Error> {
        loop {
            let seen = self.see_progress(id, now).await;
            if self.holds().await? {
                return seen;
            }
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
        let members = self.queries.tasks_ever_of(self.workspace, id).await?;
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
        let id = id.to_string();
        let kept = self.queries.kept(self.workspace, kind, std::slice::from_ref(&id)).await?.pop();
        let told = self.queries.tellings(self.workspace, kind, &id, self.at).await?;
        match self.folded(kept.map(|(_, folded)| folded), &told)? {
            Some(stood) if stood.0.is_gone() => {
                let message = format!("the {kind} {id} had been deleted by {}", self.at);
                Err(Error::NotThen { message })
            }
            Some(stood) => Ok(stood),
            // It may come later, or never have been there at all.
            None if self.is_known(kind, &id).await? => {
                let message = format!("the {kind} {id} was made after {}; ask for a later moment", self.at);
                Err(Error::NotThen { message })
            }
            None => Err(Error::not_found(kind, id)),
        }
    }

    async fn is_known(&self, kind: &str, id: &str) -> Result<bool, Error> {
        let filter = EventFilter {
            entity_type: Some(kind.to_owned()),
            entity_id: Some(id.to_owned()),
            ..EventFilter::default()
        };
        let events = self.queries.events(self.workspace, &filter, &PageRequest::first(1)).await?;
        Ok(!events.items.is_empty())
    }

    /// Those of these tasks that were there, or had been deleted.
    async fn standings(&self, ids: &[TaskId]) -> Result<HashMap<TaskId, Stood>, Error> {
        let mut standings = HashMap::new();
        for batch in ids.chunks(AT_ONCE) {
            let texts: Vec<String> = batch.iter().map(ToString::to_string).collect();
            let kept = self.queries.kept(self.workspace, "task", &texts).await?;
            let mut kept: HashMap<String, Folded> = kept.into_iter().collect();
            let mut told: HashMap<String, Vec<Telling>> = HashMap::new();
            for telling in self.queries.told_of_tasks(self.workspace, batch).await? {
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
