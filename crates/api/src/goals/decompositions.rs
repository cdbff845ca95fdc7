use goalwright_application::Services;
use goalwright_application::planning::Decomposition;
use goalwright_domain::Id;
use goalwright_domain::goal::GoalId;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::compared::ComparisonBody;
use super::decomposition::{DecompositionBody, DecompositionSummaryBody};
use crate::answer::{Found, Shown};
use crate::auth::{Caller, Read, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::tag::Tag;

const LIST: &str = "decompositions";

/// Read and decide what was planned.
pub(crate) struct Decompositions(pub(crate) Services);

/// A plan to be applied.
#[derive(Debug, Object)]
#[oai(rename = "ApplyDecomposition", deny_unknown_fields)]
pub(crate) struct ApplyBody {
    /// The `plan_hash` of what was shown.
    plan_hash: String,
}

/// A plan that is not wanted.
#[derive(Debug, Object)]
#[oai(rename = "RejectDecomposition", deny_unknown_fields)]
pub(crate) struct RejectBody {
    /// Why, for the record.
    reason: Option<String>,
}

fn found(decomposition: Decomposition) -> Found<DecompositionBody> {
    let tag = Tag::new(Id::<Decomposition>::new(decomposition.id), decomposition.revision());
    Found { tag, body: decomposition.into() }
}

#[OpenApi(tag = "Chapter::Goals")]
impl Decompositions {
    /// List the decompositions of a goal.
    ///
    /// What was planned for it, newest first, with what it cost and what became of it; without the plans.
    #[oai(path = "/v1/goals/:id/decompositions", method = "get", operation_id = "list_decompositions")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// The goal's id.
        id: Path<Uuid>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<DecompositionSummaryBody>>, Problem> {
        let page = page(LIST, limit.0, cursor.0)?;
        Ok(list(LIST, self.0.planning.history(&caller.0, GoalId::new(id.0), &page).await?))
    }

    /// Compare two decompositions of a goal.
    ///
    /// Side by side: whether the plans held, how large they are, what they cost, what people changed since, and how far their
    /// tasks are. Two versions of a prompt are told apart by that. `a` and `b` are both needed; what is not known is null.
    #[oai(
        path = "/v1/goals/:id/decompositions/compare",
        method = "get",
        operation_id = "compare_decompositions"
    )]
    async fn compare(
        &self,
        caller: Caller<Read>,
        /// The goal's id.
        id: Path<Uuid>,
        /// The id of a decomposition of the goal.
        a: Query<Option<Uuid>>,
        /// The id of another one.
        b: Query<Option<Uuid>>,
    ) -> Result<Shown<ComparisonBody>, Problem> {
        Ok(Shown(self.0.planning.compare(&caller.0, GoalId::new(id.0), a.0, b.0).await?.into()))
    }

    /// Read a decomposition.
    ///
    /// The whole plan, how it was made, what was sent back to the model, and what became of it.
    #[oai(path = "/v1/decompositions/:id", method = "get", operation_id = "get_decomposition")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The decomposition's id.
        id: Path<Uuid>,
    ) -> Result<Found<DecompositionBody>, Problem> {
        Ok(found(self.0.planning.get(&caller.0, id.0).await?))
    }

    /// Apply a decomposition.
    ///
    /// Writes what was shown, all or nothing, without asking a model again. Refused with `plan_outdated` if `plan_hash` is
    /// that of another plan, or if the goal or its tasks changed since.
    #[oai(path = "/v1/decompositions/:id/apply", method = "post", operation_id = "apply_decomposition")]
    async fn apply(
        &self,
        caller: Caller<Write>,
        /// The decomposition's id.
        id: Path<Uuid>,
        body: Body<ApplyBody>,
    ) -> Result<Found<DecompositionBody>, Problem> {
        Ok(found(self.0.planning.accept(&caller.0, id.0, &body.0.plan_hash).await?))
    }

    /// Reject a decomposition.
    ///
    /// Nothing of it is written; it stays on record.
    #[oai(path = "/v1/decompositions/:id/reject", method = "post", operation_id = "reject_decomposition")]
    async fn reject(
        &self,
        caller: Caller<Write>,
        /// The decomposition's id.
        id: Path<Uuid>,
        body: Body<RejectBody>,
    ) -> Result<Found<DecompositionBody>, Problem> {
        let reason = body.0.reason;
        Ok(found(self.0.planning.reject(&caller.0, id.0, reason.as_deref()).await?))
    }
}
