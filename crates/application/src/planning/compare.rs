//! Two breakdowns of a goal side by side: what they are, what they cost, and what became of them.

use std::collections::{BTreeMap, HashSet};

use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::plan::{Shape, shape};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use goalwright_domain::{Timestamp, Violation};
use uuid::Uuid;

use super::{Decomposition, DecompositionStatus, Planner, Planning};
use crate::read::{Histories, MAX_LIMIT, PageRequest};
use crate::{Context, Error};

/// So many tasks are looked at with one statement.
const AT_ONCE: usize = 2_000;

/// Two breakdowns of one goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The goal.
    pub goal_id: GoalId,
    /// The one that was named first.
    pub a: Compared,
    /// The other one.
    pub b: Compared,
}

/// A breakdown, and what came of it until now.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What it is, and what it cost.
    pub decomposition: Decomposition,
    /// When its tasks were written; none if they never were.
    pub applied_at: Option<Timestamp>,
    /// How large its plan is; none if there is no plan.
    pub size: Option<Shape>,
    /// What people changed of it since; none if it was never applied, or if that is not known any more.
    pub edits: Option<Edits>,
    /// Its tasks by status, those that are still there; none if it was never applied, or if they are not known.
    pub completion: Option<TaskCounts>,
}

/// What people changed after a plan was applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// How many of its tasks were changed.
    pub changed: u64,
    /// How often each field was, by its name.
    pub fields: BTreeMap<String, u64>,
    /// How many of its tasks were deleted.
    pub deleted: u64,
    /// How many tasks were added to the goal.
    pub added: u64,
}

/// What a user did to a task, as the ledger tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The task.
    pub task_id: TaskId,
    /// The type of the event: `task.created`, `task.updated`, `task.dependencies_changed` or `task.deleted`.
    pub event_type: String,
    /// The fields that changed; none of what was made or deleted.
    pub fields: Vec<String>,
    /// When.
    pub created_at: Timestamp,
}

impl Decomposition {
    /// When its tasks were written.
    pub fn applied_at(&self) -> Option<Timestamp> {
        self.applied().then(|| self.decided_at.unwrap_or(self.created_at))
    }
}

impl Planning {
    /// Puts two breakdowns of a goal side by side.
    ///
    /// # Errors
    /// `NotFound` of the goal, or of a breakdown that is none of it; `Invalid` if one is not named.
    #[tracing::instrument(name = "decomposition.compare", skip_all, fields(goal.id = %goal))]
    pub async fn compare(
        &self,
        context: &Context,
        goal: GoalId,
        a: Option<Uuid>,
        b: Option<Uuid>,
    ) -> Result<Comparison, Error> {
        let known = self.queries.goal(context.workspace(), goal).await?;
        known.ok_or_else(|| Error::not_found("goal", goal))?;
        let missing = [("a", a), ("b", b)].into_iter().filter(|(_, given)| given.is_none());
        let missing: Vec<Violation> = missing
            .map(|(name, _)| Violation::new(name, "required", "the id of a decomposition of this goal"))
            .collect();
        let (Some(a), Some(b)) = (a, b) else { return Err(Error::invalid(missing)) };
        let of_goal = |found: Decomposition, id: Uuid| match found.goal_id == Some(goal) {
            true => Ok(found),
            false => Err(Error::not_found("decomposition", id)),
        };
        let a = of_goal(self.get(context, a).await?, a)?;
        let b = of_goal(self.get(context, b).await?, b)?;
        let planned = self.moments_of_plans(context, goal, [&a, &b]).await?;
        Ok(Comparison {
            goal_id: goal,
            a: self.compared(context, goal, a, &planned).await?,
            b: self.compared(context, goal, b, &planned).await?,
        })
    }

    /// When plans were applied that no person wrote, and the two that are compared. What is written with a plan has its moment.
    async fn moments_of_plans(
        &self,
        context: &Context,
        goal: GoalId,
        compared: [&Decomposition; 2],
    ) -> Result<HashSet<Timestamp>, Error> {
        let mut moments: HashSet<Timestamp> =
            compared.into_iter().filter_map(Decomposition::applied_at).collect();
        let mut page = PageRequest::first(MAX_LIMIT);
        loop {
            let found = self.queries.decompositions(context.workspace(), goal, &page).await?;
            let applied = found.items.iter().filter(|one| one.status == DecompositionStatus::Applied);
            let by_model = applied.filter(|one| one.making.planner == Planner::Llm);
            moments.extend(by_model.map(|one| one.decided_at.unwrap_or(one.created_at)));
            let Some(next) = found.next else { return Ok(moments) };
            page.after = Some(next);
        }
    }

    async fn compared(
        &self,
        context: &Context,
        goal: GoalId,
        decomposition: Decomposition,
        planned: &HashSet<Timestamp>,
    ) -> Result<Compared, Error> {
        let size = decomposition.failure.is_none().then(|| shape(&decomposition.plan));
        let applied_at = decomposition.applied_at();
        let own: Vec<TaskId> = decomposition.task_ids.iter().copied().flatten().collect();
        // Of what was applied before its tasks were noted with it, nothing is known.
        let Some(since) = applied_at.filter(|_| !own.is_empty()) else {
            return Ok(Compared { decomposition, applied_at, size, edits: None, completion: None });
        };
        let mut by_status = TaskCounts::default();
        for some in own.chunks(AT_ONCE) {
            for task in self.queries.tasks_by_id(context.workspace(), some).await? {
                by_status.shift(None, Some(task.state.status));
            }
        }
        let edits = self.edits(context, goal, (&own, since), planned).await?;
        Ok(Compared { decomposition, applied_at, size, edits, completion: Some(by_status) })
    }

    /// What people did since, if the ledger still tells of all of it.
    async fn edits(
        &self,
        context: &Context,
        goal: GoalId,
        (own, since): (&[TaskId], Timestamp),
        planned: &HashSet<Timestamp>,
    ) -> Result<Option<Edits>, Error> {
        let workspace = context.workspace();
        let mut tasks: HashSet<TaskId> = own.iter().copied().collect();
        let own = tasks.clone();
        let histories = self.queries.histories().await?;
        let read = touches(&*histories, workspace, goal, (&mut tasks, since)).await;
        histories.end().await;
        Ok(read?.map(|touches| count(&own, &touches, planned)))
    }
}

/// What people did to these tasks and to those that the goal had since; none where some of it is pruned.
async fn touches(
    histories: &dyn Histories,
    workspace: WorkspaceId,
    goal: GoalId,
    (tasks, since): (&mut HashSet<TaskId>, Timestamp),
) -> Result<Option<Vec<Touch>>, Error> {
    if histories.known_from(workspace).await?.is_some_and(|from| since < from) {
        return Ok(None);
    }
    tasks.extend(histories.tasks_ever_of(workspace, goal).await?);
    let tasks: Vec<TaskId> = tasks.iter().copied().collect();
    let mut touches = Vec::new();
    for some in tasks.chunks(AT_ONCE) {
        touches.extend(histories.touched_by_users(workspace, some, since).await?);
    }
    Ok(Some(touches))
}

fn count(own: &HashSet<TaskId>, touches: &[Touch], planned: &HashSet<Timestamp>) -> Edits {
    let mut edits = Edits::default();
    // What waited for a task that was deleted lost the edge to it in the same moment: that is no edit of its own.
    let deletions: HashSet<Timestamp> = touches
        .iter()
        .filter(|touch| touch.event_type == "task.deleted")
        .map(|touch| touch.created_at)
        .collect();
    let follows = |touch: &Touch| {
        touch.event_type == "task.dependencies_changed" && deletions.contains(&touch.created_at)
    };
    let mut changed: HashSet<TaskId> = HashSet::new();
    for touch in touches.iter().filter(|touch| !planned.contains(&touch.created_at) && !follows(touch)) {
        match (touch.event_type.as_str(), own.contains(&touch.task_id)) {
            ("task.created", false) => edits.added += 1,
            ("task.deleted", true) => edits.deleted += 1,
            ("task.updated" | "task.dependencies_changed", true) => {
                changed.insert(touch.task_id);
                for field in touch.fields.iter().filter(|field| *field != "status") {
                    *edits.fields.entry(field.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    edits.changed = changed.len() as u64;
    edits
}
