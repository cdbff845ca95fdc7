//! `GET /metrics`: the figures, for whoever collects them. It is no operation of the interface: it has neither versions nor
//! tenants, and its figures are those of the whole process.

use std::sync::Arc;

use goalwright_application::ports::FiguresPage;
use goalwright_domain::api_key::Scope;
use poem::http::HeaderMap;
use poem::http::header::CONTENT_TYPE;
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::auth;
use crate::problem::Problem;

/// Where it is.
pub(crate) const PATH: &str = "/metrics";

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Set by proxies: whoever asks through one is not on this machine, whatever the connection says.
const THROUGH_A_PROXY: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/// Who may read the figures without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiguresFor {
    /// Whoever reaches the server.
    Everybody,
    /// Whoever reaches it without a proxy: right where it listens to this machine alone.
    ThisMachine,
    /// Nobody.
    Nobody,
}

/// The page, and who may read it.
#[derive(Clone)]
pub struct Figures {
    /// What renders it.
    pub page: Arc<dyn FiguresPage>,
    /// Others need credentials with the scope `read`.
    pub open_for: FiguresFor,
}

impl Figures {
    async fn answer(&self, request: &Request) -> Result<Response, Problem> {
        let open = match self.open_for {
            FiguresFor::Everybody => true,
            FiguresFor::ThisMachine => !is_forwarded(request.headers()),
            FiguresFor::Nobody => false,
        };
        if !open {
            auth::admit(request, Scope::Read).await?;
        }
        let page = self.page.render().await;
        Ok(Response::builder().header(CONTENT_TYPE, TEXT).body(page))
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    THROUGH_A_PROXY.iter().any(|name| headers.contains_key(*name))
}

impl Endpoint for Figures {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self.answer(&request).await.unwrap_or_else(IntoResponse::into_response))
    }
}
