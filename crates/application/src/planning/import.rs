use goalwright_domain::Violation;
use goalwright_domain::goal::{DraftGoal, Goal, GoalId, Origin};
use goalwright_domain::plan::{Finding, Format, PlannedGoal, Severity};
use goalwright_domain::task::TITLE_LIMIT;

use super::{Aim, Decomposition, Mode, Planning, Prepared, Target};
use crate::context::new_id;
use crate::retrying::retrying;
use crate::{Context, Error};

/// A plan file to be made a goal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportRequest {
    /// The file's content.
    pub content: String,
    /// What it is written in.
    pub format: Format,
    /// The goal's title; else the plan's, else the file's name.
    pub title: Option<String>,
    /// What the file is called; else `Imported plan`.
    pub name: Option<String>,
    /// The goal that the plan is applied to as an update; else the one that it was exported from, else a new one.
    pub goal: Option<GoalId>,
    /// Only show what would be made.
    pub dry_run: bool,
    /// Make a new goal, also of a plan that was exported from one that is there.
    pub fresh: bool,
    /// Where the goal's work is done.
    pub origin: Origin,
}

/// What an import made.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The goal; none for a preview of a new one.
    pub goal_id: Option<GoalId>,
    /// Its title.
    pub title: String,
    /// Whether the plan was exported from a goal that is there, and was applied to that one.
    pub updated: bool,
    /// The breakdown.
    pub decomposition: Decomposition,
}

impl Planning {
    /// Makes a goal of a plan, with its tasks, edges, runs and events in one unit: all or nothing. A plan that was
    /// exported from a goal of the workspace is applied to that goal instead, as an update.
    ///
    /// # Errors
    /// `Invalid`: `not_a_plan`, `plan_too_large`, `invalid_plan` with one violation per problem; of an update also
    /// `Rejected` (`goal_not_active`).
    #[tracing::instrument(name = "goal.import", skip_all, fields(content.bytes = request.content.len()))]
    pub async fn import(&self, context: &Context, request: ImportRequest) -> Result<Imported, Error> {
        // Also where the title is not used, or only shown: the same request gets the same answer.
        let title = request.title.as_deref().unwrap_or_default();
        let too_long = Violation::of_text("title", title, TITLE_LIMIT);
        if !too_long.is_empty() {
            return Err(Error::invalid(too_long));
        }
        if let Some(goal) = request.goal {
            // Whether a plan is sound is nothing to tell to somebody who has no such goal.
            let known = self.queries.goal(context.workspace(), goal).await?;
            known.ok_or_else(|| Error::not_found("goal", goal))?;
            let prepared = self.prepare(&request.content, request.format)?;
            let digest = request.origin.source_digest.clone();
            return self.import_again(context, goal, (request.dry_run, digest), prepared).await;
        }
        let mut prepared = self.prepare(&request.content, request.format)?;
        if let Some(exported) = exported_from(&prepared).filter(|_| !request.fresh) {
            if self.queries.goal(context.workspace(), exported).await?.is_some() {
                let digest = request.origin.source_digest.clone();
                return self.import_again(context, exported, (request.dry_run, digest), prepared).await;
            }
            let message =
                format!("the goal `{exported}` that this was exported from is not here; a new one is made");
            prepared.findings.insert(
                0,
                Finding { severity: Severity::Warning, code: "unknown_goal".into(), line: None, message },
            );
        }
        let title = request
            .title
            .filter(|title| !title.trim().is_empty())
            .or_else(|| prepared.plan.title.clone())
            .or(request.name)
            .filter(|title| !title.trim().is_empty())
            .unwrap_or_else(|| "Imported plan".to_owned());
        if request.dry_run {
            let decomposition = self.preview(prepared);
            return Ok(Imported { goal_id: None, title, updated: false, decomposition });
        }
        let PlannedGoal { description, success_criteria, due_at, .. } =
            prepared.plan.goal.clone().unwrap_or_default();
        let draft = DraftGoal { title, description, success_criteria, due_at, origin: request.origin };
        // Somebody else may import the same plan at the same moment and take its slugs.
        let imported = retrying(|| self.import_once(context, draft.clone(), prepared.clone())).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(imported)
    }

    /// Makes the tasks of a goal what its plan file says by now.
    ///
    /// # Errors
    /// As [`Planning::import`], and `NotFound`.
    #[tracing::instrument(name = "goal.reread", skip_all, fields(goal.id = %id))]
    pub async fn reread(
        &self,
        context: &Context,
        id: GoalId,
        content: &str,
        digest: Option<String>,
    ) -> Result<Imported, Error> {
        let prepared = self.prepare(content, Format::Auto)?;
        self.import_again(context, id, (false, digest), prepared).await
    }

    /// The goal that a plan says it was exported from.
    ///
    /// # Errors
    /// As [`Planning::import`] for what is no plan.
    pub fn exported_from(&self, content: &str) -> Result<Option<GoalId>, Error> {
        Ok(exported_from(&self.prepare(content, Format::Auto)?))
    }

    async fn import_again(
        &self,
        context: &Context,
        id: GoalId,
        (dry_run, digest): (bool, Option<String>),
        prepared: Prepared,
    ) -> Result<Imported, Error> {
        let aim = Aim::goal(id, Mode::Update);
        let target = Target { digest, ..Target::of_outline(aim, dry_run) };
        let decomposition = retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let updated = self.change(&*unit, context, &target, prepared.clone(), now).await?;
            context.remember(&*unit, "goal", id, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(updated)
        })
        .await?;
        self.signals.work_changed();
        self.signals.events_appended();
        let goal = self.queries.goal(context.workspace(), id).await?;
        let goal = goal.ok_or_else(|| Error::not_found("goal", id))?;
        Ok(Imported { goal_id: Some(id), title: goal.state.title, updated: true, decomposition })
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
        let target = Target::of_outline(Aim::goal(id, Mode::Create), false);
        let decomposition = self.write(&*unit, context, &target, prepared, now).await?;
        context.remember(&*unit, "goal", id, now).await?;
        unit.commit().await?;
        Ok(Imported { goal_id: Some(id), title, updated: false, decomposition })
    }
}

fn exported_from(prepared: &Prepared) -> Option<GoalId> {
    prepared.plan.goal.as_ref().and_then(|goal| goal.id)
}
