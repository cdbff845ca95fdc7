//! Whether the service is alive, and whether it can work.

use goalwright_application::Services;
use poem_openapi::{Object, OpenApi};

use crate::answer::Shown;
use crate::document::Chapter;
use crate::problem::Problem;

/// For whoever watches the service.
pub(crate) struct Health(pub(crate) Services);

/// All is well.
#[derive(Debug, Object)]
#[oai(rename = "Health")]
pub(crate) struct HealthBody {
    /// `ok`.
    status: String,
}

fn ok() -> Shown<HealthBody> {
    Shown(HealthBody { status: "ok".to_owned() })
}

#[OpenApi(tag = "Chapter::Health")]
impl Health {
    /// Is it alive?
    ///
    /// Answers as long as the process can answer at all. Restart it when it does not.
    #[oai(path = "/livez", method = "get", operation_id = "get_liveness")]
    async fn livez(&self) -> Shown<HealthBody> {
        ok()
    }

    /// Is it ready?
    ///
    /// Answers 503 while the database does not; send requests elsewhere until it does.
    #[oai(path = "/readyz", method = "get", operation_id = "get_readiness")]
    async fn readyz(&self) -> Result<Shown<HealthBody>, Problem> {
        self.0.queries.ping().await?;
        Ok(ok())
    }
}
