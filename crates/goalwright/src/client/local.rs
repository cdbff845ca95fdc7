//! The endpoint in this process, over the local database: no socket, and the same answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use goalwright_api::ApiSettings;
use goalwright_application::access::LOCAL_USER;
use goalwright_application::ports::{Claims, Clock};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunId;
use goalwright_infrastructure::SystemClock;
use poem::endpoint::BoxEndpoint;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::{Method, Uri};
use poem::{Endpoint, Request, Response};
use uuid::Uuid;

use super::{Call, Reply};
use crate::compose::{self, App};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::lifecycle::GRACE;
use crate::logging;

/// How long the token of one command holds: longer than any command takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// What is logged unless the settings say: what goes wrong is told by the answer, in better words.
const QUIET: &str = "error,goalwright_application::execution::reclaim=off";

pub(super) struct Local {
    app: App,
    config: Config,
    endpoint: BoxEndpoint<'static, Response>,
    token: String,
    workspace: Option<Uuid>,
    wrote: AtomicBool,
}

impl Local {
    pub(super) async fn open(
        config: Config,
        token: Option<String>,
        workspace: Option<Uuid>,
    ) -> Result<Self, Failure> {
        logging::start(&config, QUIET, indicatif::MultiProgress::new(), None)?;
        let token = match token {
            Some(token) => token,
            None => mint(&config)?,
        };
        let app = App::open(&config, "cli").await?;
        let endpoint = goalwright_api::app(app.services.clone(), ApiSettings::new(app.ports.ids.clone()));
        Ok(Self { app, config, endpoint, token, workspace, wrote: AtomicBool::new(false) })
    }

    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Failure> {
        let target: Uri = call.target.parse().map_err(|error| {
            Failure::new(Exit::Usage, format!("`{}` is no address: {error}", call.target))
        })?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(target)
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(workspace) = self.workspace {
            request = request.header("X-Workspace-Id", workspace.to_string());
        }
        let request = match &call.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request.finish(),
        };
        if call.method != Method::GET {
            self.wrote.store(true, Ordering::Relaxed);
        }
        let mut response = self.endpoint.get_response(request).await;
        let status = response.status().as_u16();
        let retry_after = response.header("retry-after").map(str::to_owned);
        let text = response
            .take_body()
            .into_string()
            .await
            .map_err(|error| Failure::new(Exit::Failed, format!("the answer cannot be read: {error}")))?;
        Ok(Reply { status, retry_after, text })
    }

    pub(super) async fn work_on<T>(
        &self,
        run: RunId,
        waiting: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let workers = self.app.start_worker_for(&self.config, run);
        let ended = waiting.await;
        workers.stop(GRACE).await;
        // With their positions, the events of what ended are found by what writes the files.
        self.app.sequence().await?;
        if let Some(result_files) = self.app.start_result_files(&self.config) {
            result_files.stop().await;
        }
        ended
    }

    pub(super) async fn close(&self) -> Result<(), Failure> {
        if self.wrote.load(Ordering::Relaxed) {
            self.app.sequence().await?;
        }
        self.app.close().await;
        Ok(())
    }
}

/// A token of the local user, with the local key.
fn mint(config: &Config) -> Result<String, Failure> {
    let claims = Claims { subject: LOCAL_USER.to_owned(), workspace: None };
    compose::tokens(config)?
        .mint(&claims, TOKEN_LIFETIME, now())
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}
