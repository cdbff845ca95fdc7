use goalwright_domain::goal::{DraftGoal, Goal, GoalId, Origin};
use goalwright_domain::plan::plan_hash;

use super::{Decomposition, Planning, Prepared, Target};
use crate::context::new_id;
use crate::retrying::retrying;
use crate::{Context, Error};

/// A plan file to be made a goal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportRequest {
    /// The file's content.
    pub content: String,
    /// The goal's title; else the plan's, else `Imported plan`.
    pub title: Option<String>,
    /// Only show what would be made.
    pub dry_run: bool,
    /// Where the goal's work is done.
    pub origin: Origin,
}

/// What an import made.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The goal; none for a preview.
    pub goal_id: Option<GoalId>,
    /// Its title.
    pub title: String,
    /// The breakdown.
    pub decomposition: Decomposition,
}

impl Planning {
    /// Makes a goal of a plan, with its tasks, edges, runs and events in one unit: all or nothing.
    ///
    /// # Errors
    /// `Invalid`: `not_a_plan`, `plan_too_large`, `invalid_plan` with one violation per problem.
    #[tracing::instrument(name = "goal.import", skip_all, fields(content.bytes = request.content.len()))]
    pub async fn import(&self, context: &Context, request: ImportRequest) -> Result<Imported, Error> {
        let prepared = self.prepare(&request.content)?;
        let title = request
            .title
            .filter(|title| !title.trim().is_empty())
            .or_else(|| prepared.plan.title.clone())
            .unwrap_or_else(|| "Imported plan".to_owned());
        if request.dry_run {
            let decomposition = Decomposition {
                id: None,
                applied: false,
                dry_run: true,
                plan_hash: plan_hash(&prepared.plan),
                plan: prepared.plan,
                task_ids: Vec::new(),
                findings: prepared.findings,
                event_id: None,
            };
            return Ok(Imported { goal_id: None, title, decomposition });
        }
        let draft = DraftGoal { title, origin: request.origin, ..DraftGoal::default() };
        // Somebody else may import the same plan at the same moment and take its slugs.
        let imported = retrying(|| self.import_once(context, draft.clone(), prepared.clone())).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(imported)
    }

    async fn import_once(
        &self,
        context: &Context,
        draft: DraftGoal,
        prepared: Prepared,
    ) -> Result<Imported, Error> {
        let now = self.clock.now();
        let id: GoalId = new_id(&*self.ids);
        let mut goal = Goal::create(id, context.workspace(), context.principal.user_id, draft, now)?;
        let title = goal.state().title.clone();
        let unit = self.transactions.begin().await?;
        unit.goals().insert(&goal).await?;
        unit.outbox().append(&context.events(&*self.ids, goal.take_facts(), now)).await?;
        let target = Target { goal_id: id, dry_run: false };
        let decomposition = self.write(&*unit, context, &target, prepared, now).await?;
        context.remember(&*unit, "goal", id, now).await?;
        unit.commit().await?;
        Ok(Imported { goal_id: Some(id), title, decomposition })
    }
}
