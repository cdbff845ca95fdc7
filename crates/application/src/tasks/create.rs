use std::collections::HashMap;

use goalwright_domain::execution::{Action, Effect, Run};
use goalwright_domain::goal::{DEFAULT_QUEUE, TaskCounts};
use goalwright_domain::task::{
    Dependency, DraftTask, Origin, Task, TaskId, TaskStatus, slugify, unique_slug,
};
use goalwright_domain::{Timestamp, Violation};

use super::Tasks;
use crate::context::new_id;
use crate::execution::orchestrate::schema::unsound;
use crate::execution::readiness;
use crate::execution::{driving_run, take_stock};
use crate::ports::{StorageError, UnitOfWork};
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::schedules::keep;
use crate::{Context, Error};

/// A task that somebody asks for.
#[derive(Debug, Clone, Default)]
pub struct NewTask {
    /// Its fields; the slug may be empty.
    pub draft: DraftTask,
    /// What it waits for, in the same workspace.
    pub depends_on: Vec<TaskId>,
}

impl Tasks {
    /// Adds a task. It is ready at once if it waits for nothing, its goal is active and somebody can do it.
    ///
    /// # Errors
    /// `Invalid` with every violation, an unknown goal, dependency or tool and wrong parameters included; `Rejected`
    /// (`goal_not_active`); `Conflict` if the slug is taken.
    #[tracing::instrument(name = "task.create", skip_all)]
    pub async fn create(&self, context: &Context, new: NewTask) -> Result<TaskView, Error> {
        // Another task may take the slug that was chosen for this one: then another one is chosen.
        let task = retrying(|| self.create_once(context, new.clone())).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        if !new.depends_on.is_empty() || task.recurs() {
            return self.get(context, task.id()).await;
        }
        Ok(TaskView {
            state: task.state().clone(),
            revision: task.revision(),
            updated_at: task.updated_at(),
            depends_on: Vec::new(),
            blocked_by: Vec::new(),
            next_run_at: None,
        })
    }

    async fn create_once(&self, context: &Context, new: NewTask) -> Result<Task, Error> {
        let now = self.clock.now();
        let id: TaskId = new_id(&*self.ids);
        let mut violations = self.check_action(new.draft.action.as_ref());
        violations.extend(keep::violations(new.draft.schedule.as_ref(), new.draft.scheduled_at, now));
        let depends_on = distinct(&new.depends_on, &mut violations);
        let unit = self.transactions.begin().await?;
        let mut draft = new.draft;
        let slug_was_given = !draft.slug.is_empty();
        draft.max_attempts = draft.max_attempts.or_else(|| self.usual_attempts(draft.action.as_ref()));
        draft.slug = self.slug(&*unit, context, id, &draft).await?;

        // Locked in the order that settling locks: what is waited for, counters, goal.
        let waited_for = unit.tasks().lock_many(&depends_on).await?;
        let known: HashMap<TaskId, &Task> = waited_for
            .iter()
            .filter(|task| task.state().workspace_id == context.workspace())
            .map(|task| (task.id(), task))
            .collect();
        for (index, missing) in depends_on.iter().enumerate().filter(|(_, id)| !known.contains_key(id)) {
            let message = format!("there is no task `{missing}` in this workspace");
            violations.push(Violation::new(format!("depends_on[{index}]"), "unknown_dependency", message));
        }
        let queue = self.goal_queue(&*unit, context, &draft, &mut violations).await?;
        let done = known.values().filter(|task| task.status().satisfies()).count();
        let edges: Vec<Dependency> =
            depends_on.iter().map(|&task_id| Dependency { task_id, origin: Origin::Explicit }).collect();
        let already_done = u32::try_from(done).unwrap_or(u32::MAX);
        let made = Task::create(id, context.workspace(), draft, &edges, already_done, now);
        let task = match made {
            Ok(task) if violations.is_empty() => task,
            Ok(_) => return Err(Error::invalid(violations)),
            Err(more) => return Err(Error::invalid(violations.into_iter().chain(more).collect())),
        };
        let task = self.write(&*unit, context, task, &edges, queue, slug_was_given, now).await?;
        context.remember(&*unit, "task", id, now).await?;
        unit.commit().await?;
        Ok(task)
    }

    #[expect(clippy::too_many_arguments, reason = "one unit's worth of context, used once")]
    async fn write(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        mut task: Task,
        edges: &[Dependency],
        queue: String,
        slug_was_given: bool,
        now: Timestamp,
    ) -> Result<Task, Error> {
        let mut directory = unit.agents().directory(context.workspace()).await?;
        let state = task.state().clone();
        let agent = directory.assign(&state.task_type, state.action.as_ref()).ok().cloned();
        task.place(agent.as_ref());
        let mut task = task.announced(edges);
        let run: Option<Run> = agent
            .filter(|_| task.status() == TaskStatus::Ready)
            .map(|agent| driving_run(&*self.ids, task.state(), agent.id(), agent.kind(), queue, now));
        let mut told = context.events(&*self.ids, task.take_facts(), now);
        let rows: Vec<(TaskId, Dependency)> = edges.iter().map(|edge| (task.id(), *edge)).collect();
        unit.tasks().insert_many(std::slice::from_ref(&task), &rows).await.map_err(|error| match error {
            StorageError::Duplicate { what } if what.contains("key") && !what.contains("slug") => {
                taken(&format!(
                    "the goal has a task with the key `{}` already; choose another key",
                    task.state().key.as_deref().unwrap_or_default()
                ))
            }
            StorageError::Duplicate { .. } if slug_was_given => taken(&format!(
                "the workspace has a task with the slug `{}` already; choose another slug",
                task.state().slug
            )),
            other => other.into(),
        })?;
        unit.executions().insert_runs(run.as_slice()).await?;
        if task.recurs() {
            keep::follow(unit, task.state(), None, now).await?;
        }
        if let Some(goal) = task.state().goal_id {
            let mut shift = TaskCounts::default();
            shift.shift(None, Some(task.status()));
            told.extend(take_stock(unit, &*self.ids, &[(goal, shift)], now).await?);
        }
        unit.outbox().append(&told).await?;
        Ok(task)
    }

    pub(super) fn check_action(&self, action: Option<&Action>) -> Vec<Violation> {
        match action {
            Some(Action::Tool { tool, operation, parameters }) => self
                .tools
                .check(tool, operation, parameters)
                .into_iter()
                .map(|problem| {
                    Violation::new(format!("action.{}", problem.path), problem.code, problem.message)
                })
                .collect(),
            Some(Action::Orchestrated { tools, output_schema, .. }) => {
                let unsound =
                    output_schema.as_ref().and_then(|schema| unsound("action.output_schema", schema));
                let absent = readiness::absent(&*self.tools, tools).into_iter().map(|(index, message)| {
                    Violation::new(format!("action.tools[{index}]"), "tool_unavailable", message)
                });
                absent.chain(unsound).collect()
            }
            Some(Action::Human { .. } | Action::External) | None => Vec::new(),
        }
    }

    /// One attempt where the effect cannot be undone, the default elsewhere.
    fn usual_attempts(&self, action: Option<&Action>) -> Option<u32> {
        let Some(Action::Tool { tool, operation, parameters }) = action else { return None };
        let effect = self.tools.effect_of(tool, operation, parameters)?;
        (effect == Effect::Irreversible).then_some(1)
    }

    async fn slug(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        id: TaskId,
        draft: &DraftTask,
    ) -> Result<String, StorageError> {
        if !draft.slug.is_empty() {
            return Ok(draft.slug.clone());
        }
        let base = slugify(&draft.title);
        let mut taken = unit.tasks().taken_slugs(context.workspace(), std::slice::from_ref(&base)).await?;
        Ok(unique_slug(&base, id, &mut taken))
    }

    async fn goal_queue(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        draft: &DraftTask,
        violations: &mut Vec<Violation>,
    ) -> Result<String, Error> {
        let Some(id) = draft.goal_id else { return Ok(DEFAULT_QUEUE.to_owned()) };
        unit.goals().lock_counts(&[id]).await?;
        let Some(goal) = unit.goals().lock(context.workspace(), id).await? else {
            violations.push(Violation::new(
                "goal_id",
                "unknown_goal",
                format!("there is no goal `{id}` in this workspace"),
            ));
            return Ok(DEFAULT_QUEUE.to_owned());
        };
        if !goal.is_workable() {
            let message = format!("the goal is {}; make it active first", goal.state().status.as_str());
            return Err(goalwright_domain::Rejection::new("goal_not_active", message).into());
        }
        Ok(goal.state().origin.queue.clone())
    }
}

pub(super) fn taken(message: &str) -> Error {
    Error::Conflict { code: "name_taken", message: message.to_owned() }
}

pub(super) fn distinct(given: &[TaskId], violations: &mut Vec<Violation>) -> Vec<TaskId> {
    let mut seen = std::collections::HashSet::new();
    if given.len() > 1_000 {
        violations.push(Violation::new("depends_on", "too_many", "a task waits for at most 1,000 others"));
        return Vec::new();
    }
    for (index, id) in given.iter().enumerate() {
        if !seen.insert(*id) {
            violations.push(Violation::new(
                format!("depends_on[{index}]"),
                "duplicate_dependency",
                "named twice",
            ));
        }
    }
    let mut ids: Vec<TaskId> = given.to_vec();
    let mut kept = std::collections::HashSet::new();
    ids.retain(|id| kept.insert(*id));
    ids
}
