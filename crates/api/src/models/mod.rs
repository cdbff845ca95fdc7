//! Models: what they cost, what may be spent, what they are told.

mod bodies;

use goalwright_application::Services;
use goalwright_application::usage::UsageBy;
use goalwright_domain::Id;
use goalwright_domain::workspace::Workspace;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use crate::answer::{Created, Found, Shown};
use crate::auth::{Admin, Caller, Read, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use crate::values::{Word, vocabulary};
use bodies::{BudgetBody, NewBudgetBody, NewPromptBody, PromptBody, PromptListBody, UsageFiguresBody};

vocabulary!(UsageBy, "usage by", { Model: "model", Goal: "goal", Day: "day" });

/// Watch and limit what models cost; say what they are told.
pub(crate) struct Models(pub(crate) Services);

#[OpenApi(tag = "Chapter::Models")]
impl Models {
    /// Sum up what models cost.
    ///
    /// One line for each model, goal or day of the workspace. What has no known price is counted in tokens, and told.
    #[oai(path = "/v1/usage", method = "get", operation_id = "get_usage")]
    async fn usage(
        &self,
        caller: Caller<Read>,
        /// One line for each of these; `day` if nothing is said.
        by: Query<Option<Word<UsageBy>>>,
        /// The first day in UTC, such as `2026-11-01`; 29 days before `to` if nothing is said.
        from: Query<Option<String>>,
        /// The last day in UTC; today if nothing is said.
        to: Query<Option<String>>,
    ) -> Result<Shown<UsageFiguresBody>, Problem> {
        let by = by.0.map_or(UsageBy::Day, |by| by.0);
        let usage = self.0.usage.usage(&caller.0, by, from.0.as_deref(), to.0.as_deref()).await?;
        Ok(Shown(usage.into()))
    }

    /// Read the budget.
    ///
    /// What the workspace may spend on models in a month, what it spent, and what is promised to calls that are under way.
    #[oai(path = "/v1/budget", method = "get", operation_id = "get_budget")]
    async fn budget(&self, caller: Caller<Read>) -> Result<Found<BudgetBody>, Problem> {
        let budget = self.0.usage.budget(&caller.0).await?;
        Ok(Found { tag: budget_tag(&caller.0, budget.budget.revision), body: budget.into() })
    }

    /// Set the budget.
    ///
    /// What is left out is not limited. A call that could exceed it is refused with `budget_exhausted` before anything is
    /// spent.
    #[oai(path = "/v1/budget", method = "put", operation_id = "set_budget")]
    async fn set_budget(
        &self,
        caller: Caller<Admin>,
        if_match: IfMatch,
        body: Body<NewBudgetBody>,
    ) -> Result<Found<BudgetBody>, Problem> {
        let seen = if_match.of(Id::<Workspace>::new(caller.0.workspace().uuid()))?;
        let NewBudgetBody { monthly_usd, monthly_tokens } = body.0;
        let budget = self.0.usage.set_budget(&caller.0, monthly_usd, monthly_tokens, &seen).await?;
        Ok(Found { tag: budget_tag(&caller.0, budget.budget.revision), body: budget.into() })
    }

    /// List the versions of the prompt.
    ///
    /// What a model is told before it hears of the goal: the version that comes with the product, and those of the workspace.
    #[oai(path = "/v1/prompts", method = "get", operation_id = "list_prompts")]
    async fn prompts(&self, caller: Caller<Read>) -> Result<Shown<PromptListBody>, Problem> {
        let prompts = self.0.planning.prompts(&caller.0).await?;
        Ok(Shown(PromptListBody::of(prompts)))
    }

    /// Add a version of the prompt.
    ///
    /// Name it as `prompt_version` when a goal is decomposed. It is never changed: other words are another version.
    #[oai(path = "/v1/prompts", method = "post", operation_id = "create_prompt")]
    async fn add_prompt(
        &self,
        caller: Caller<Write>,
        body: Body<NewPromptBody>,
    ) -> Result<Created<PromptBody>, Problem> {
        let NewPromptBody { version, content } = body.0;
        let prompt = self.0.planning.add_prompt(&caller.0, &version, &content).await?;
        let tag = Tag::of_text(&prompt.version, 1);
        Ok(Created { tag, location: "/v1/prompts".to_owned(), body: prompt.into() })
    }
}

fn budget_tag(context: &goalwright_application::Context, revision: i64) -> Tag {
    Tag::new(context.workspace(), revision)
}
