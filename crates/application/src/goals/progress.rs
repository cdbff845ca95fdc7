use std::collections::{BTreeMap, HashMap};

use goalwright_domain::Timestamp;
use goalwright_domain::agent::choose;
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::{Obstacles, Progress, explain};
use goalwright_domain::workspace::WorkspaceId;

use super::Goals;
use crate::execution::readiness;
use crate::past::Past;
use crate::read::{Need, Then};
use crate::{Context, Error};

/// Types of tasks, each with a kind of action.
type Kinds = Vec<(String, Option<String>)>;

impl Goals {
    /// How far a goal is, and why it is not further.
    ///
    /// # Errors
    /// `NotFound`.
    #[tracing::instrument(name = "goal.progress", skip_all, fields(goal.id = %id))]
    pub async fn progress(&self, context: &Context, id: GoalId) -> Result<Progress, Error> {
        let goal = self.get(context, id).await?;
        let mut obstacles = self.queries.obstacles(context.workspace(), id).await?;
        if goal.counts.pending + goal.counts.ready > 0 {
            self.look_closer(context.workspace(), id, &mut obstacles).await?;
        }
        if goal.counts.pending + goal.counts.ready + goal.counts.waiting > 0 {
            self.look_at_models(context, id, &mut obstacles).await?;
        }
        let now = self.clock.now();
        Ok(explain(id, goal.state.status, goal.counts, goal.progress_revision, obstacles, now))
    }

    /// How far a goal was at a past moment, and why it was not further. Which tools and agents there were then is not
    /// known. `revision` counts the changes of its tasks until then.
    ///
    /// # Errors
    /// As [`Goals::as_of`].
    #[tracing::instrument(name = "goal.progress_as_of", skip_all, fields(goal.id = %id))]
    pub async fn progress_as_of(
        &self,
        context: &Context,
        id: GoalId,
        at: Timestamp,
    ) -> Result<Then<Progress>, Error> {
        let now = self.clock.now();
        Past::at(&*self.queries, context.workspace(), at, now).await?.progress(id, now).await
    }

    /// Names the tasks that wait for a model where none can be asked.
    async fn look_at_models(
        &self,
        context: &Context,
        goal: GoalId,
        obstacles: &mut Obstacles,
    ) -> Result<(), Error> {
        let none = !self.models.any();
        if !none && !self.spendings.budget(context).await?.is_spent() {
            return Ok(());
        }
        let waiting = self.queries.for_models(context.workspace(), goal).await?;
        if none { &mut obstacles.model_unavailable } else { &mut obstacles.budget_exhausted }.join(waiting);
        Ok(())
    }

    /// Tells tasks that nobody could do from those that merely have nobody yet, and names those whose tool is not there.
    async fn look_closer(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        obstacles: &mut Obstacles,
    ) -> Result<(), Error> {
        let needs = self.queries.needs(workspace, goal).await?;
        let missing: BTreeMap<(String, String), String> = needs
            .iter()
            .filter_map(|need| need.tool.clone())
            .filter_map(|(tool, operation)| {
                let why = readiness::unavailable(&*self.tools, &tool, &operation)?;
                Some(((tool, operation), why))
            })
            .collect();
        if !missing.is_empty() {
            let tools: Vec<_> = missing.keys().cloned().collect();
            obstacles.tool_unavailable = self.queries.calling(workspace, goal, &tools).await?;
            obstacles.tools = missing.into_values().collect();
        }
        if obstacles.unassigned.count > 0 {
            let (able, unable) = self.divided(workspace, &needs).await?;
            let unassigned = std::mem::take(&mut obstacles.unassigned);
            match (able.is_empty(), unable.is_empty()) {
                (_, true) => obstacles.unassigned = unassigned,
                (true, false) => obstacles.no_capable_agent = unassigned,
                (false, false) => {
                    obstacles.unassigned = self.queries.unassigned_of_kinds(workspace, goal, &able).await?;
                    obstacles.no_capable_agent =
                        self.queries.unassigned_of_kinds(workspace, goal, &unable).await?;
                }
            }
        }
        Ok(())
    }

    /// The types and kinds of unassigned tasks that somebody could do, and those that nobody could.
    async fn divided(&self, workspace: WorkspaceId, needs: &[Need]) -> Result<(Kinds, Kinds), Error> {
        let agents = self.queries.active_agents(workspace).await?;
        let mut kinds: BTreeMap<(String, Option<String>), bool> = BTreeMap::new();
        for need in needs.iter().filter(|need| need.unassigned) {
            let able = choose(&agents, &HashMap::new(), &need.task_type, need.action().as_ref()).is_ok();
            kinds.insert((need.task_type.clone(), need.kind.clone()), able);
        }
        let of = |wanted: bool| {
            kinds.iter().filter(move |(_, able)| **able == wanted).map(|(kind, _)| kind.clone())
        };
        Ok((of(true).collect(), of(false).collect()))
    }
}
