//! Requests that leave the house on somebody else's word: a tool's URL comes from a plan or a model, a webhook's from
//! whoever may register one. They reach the public internet and what the operator allows, and nothing else.
//!
//! A request passes three doors. `guard` judges the URL, which is all there is to see of a literal address; `names`
//! judges every address that a name resolves to, and the client connects to these and no others; `redirect` is
//! followed here and not by the client, so that each step passes the first two again. Everything else has limits:
//! time, size of both bodies, headers, redirects.

mod address;
mod allow;
mod error;
mod guard;
mod names;
mod redirect;
mod request;

#[cfg(test)]
pub(crate) mod fake_server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use reqwest::dns::Resolve;
use reqwest::header::HeaderMap;
use reqwest::{Client, redirect::Policy};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use allow::{AllowError, AllowList};
pub use error::{OutboundError, Refused};
use guard::{Reach, judge, place};
use names::{PublicNames, SystemNames};
pub use request::{Limits, Request, Response};

/// The header by which a server knows a repeated request.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The way out.
pub struct Outbound {
    allow: AllowList,
    limits: Limits,
    names: Arc<dyn Resolve>,
    // Two clients, so that a connection to an allowed host is never used for anything else. They read the machine's
    // certificates, which takes time: most processes never need the second, many not even the first.
    public: OnceCell<Client>,
    anything: OnceCell<Client>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("allow", &self.allow)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// To the public internet, and to what is allowed besides.
    pub fn new(allow: AllowList) -> Self {
        Self::with(allow, Limits::default(), Arc::new(SystemNames))
    }

    fn with(allow: AllowList, limits: Limits, names: Arc<dyn Resolve>) -> Self {
        Self { allow, limits, names, public: OnceCell::new(), anything: OnceCell::new() }
    }

    /// How much is sent and read.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads a URL and judges it as far as that is possible without asking for anything.
    ///
    /// # Errors
    /// [`OutboundError::InvalidUrl`] and [`OutboundError::Refused`].
    pub fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let url = guard::read(url)?;
        judge(&url, &self.allow)?;
        Ok(url)
    }

    /// Sends a request, follows redirects, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError`]. After [`TimedOut`](OutboundError::TimedOut), [`Broken`](OutboundError::Broken),
    /// [`Cancelled`](OutboundError::Cancelled) and an answer that is [`TooLarge`](OutboundError::TooLarge) the request
    /// may have taken effect.
    pub async fn send(
        &self,
        request: Request,
        cancel: &CancellationToken,
    ) -> Result<Response, OutboundError> {
        let after = request.timeout;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(OutboundError::Cancelled),
            answer = tokio::time::timeout(after, Box::pin(self.follow(request))) => {
                answer.unwrap_or(Err(OutboundError::TimedOut { after }))
            }
        }
    }

    async fn follow(&self, mut request: Request) -> Result<Response, OutboundError> {
        self.check_size(&request)?;
        let from = place(&request.url);
        for _ in 0..=redirect::MAX_REDIRECTS {
            let response = self.exchange(&request).await?;
            match redirect::next(&request, response.status(), response.headers())? {
                Some(next) => request = next,
                None => return self.read(response, &place(&request.url)).await,
            }
        }
        let said = format!("`{from}` redirects more than {} times", redirect::MAX_REDIRECTS);
        Err(OutboundError::BadRedirect(said))
    }

    async fn exchange(&self, request: &Request) -> Result<reqwest::Response, OutboundError> {
        let client = self.client(judge(&request.url, &self.allow)?).await?;
        let mut message = reqwest::Request::new(request.method.clone(), request.url.clone());
        *message.headers_mut() = request.headers.clone();
        *message.body_mut() = request.body.clone().map(Into::into);
        client.execute(message).await.map_err(|error| OutboundError::of(error, &place(&request.url)))
    }

    /// The chunks are counted after decompression, so a small answer that would grow large is given up in time.
    async fn read(&self, mut response: reqwest::Response, place: &str) -> Result<Response, OutboundError> {
        self.check_headers("what is answered in headers", response.headers(), true)?;
        let limit = self.limits.response_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| OutboundError::of(error, place))? {
            if body.len() + chunk.len() > limit {
                return Err(OutboundError::TooLarge { what: "the answer", limit, sent: true });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: response.status(), headers: response.headers().clone(), body })
    }

    fn check_size(&self, request: &Request) -> Result<(), OutboundError> {
        let limit = self.limits.request_bytes;
        if request.body.as_ref().is_some_and(|body| body.len() > limit) {
            return Err(OutboundError::TooLarge { what: "the body to send", limit, sent: false });
        }
        self.check_headers("what is sent in headers", &request.headers, false)
    }

    fn check_headers(
        &self,
        what: &'static str,
        headers: &HeaderMap,
        sent: bool,
    ) -> Result<(), OutboundError> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let limit = self.limits.header_bytes;
        if bytes > limit { Err(OutboundError::TooLarge { what, limit, sent }) } else { Ok(()) }
    }

    async fn client(&self, reach: Reach) -> Result<&Client, OutboundError> {
        let names = self.names.clone();
        match reach {
            Reach::Public => {
                let names = Arc::new(PublicNames { names, allow: self.allow.clone() });
                self.public.get_or_try_init(|| build(names, self.limits)).await
            }
            Reach::Anything => self.anything.get_or_try_init(|| build(names, self.limits)).await,
        }
    }
}

/// A client that takes no proxy and no setting from its environment: a proxy would resolve names for us, unjudged.
async fn build(names: Arc<dyn Resolve>, limits: Limits) -> Result<Client, OutboundError> {
    let no_client = |reason: String| OutboundError::NoClient { reason };
    let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
    let build = move || {
        Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(limits.connect)
            .http1_max_headers(limits.headers)
            .http2_max_header_list_size(header_bytes)
            .user_agent(concat!("goalwright/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(names)
            .build()
    };
    // Reads the machine's certificates.
    let built = tokio::task::spawn_blocking(build).await.map_err(|error| no_client(error.to_string()))?;
    built.map_err(|error| no_client(error.to_string()))
}
