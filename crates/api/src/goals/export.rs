use goalwright_application::Services;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use uuid::Uuid;

use crate::answer::Markdown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::problem::Problem;

/// Write goals down.
pub(crate) struct Export(pub(crate) Services);

#[OpenApi(tag = "Chapter::Goals")]
impl Export {
    /// Export a goal.
    ///
    /// The goal with its tasks as Markdown, with their ids: edit it and import it again, and only what differs changes.
    #[oai(path = "/v1/goals/:id/export", method = "get", operation_id = "export_goal")]
    async fn export(
        &self,
        caller: Caller<Read>,
        /// The goal's id.
        id: Path<Uuid>,
    ) -> Result<Markdown, Problem> {
        Ok(Markdown(self.0.planning.export(&caller.0, id.0.into()).await?))
    }
}
