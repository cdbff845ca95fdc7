//! Sending a request, and reading what comes back, within bounds.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::ports::{Clock, Listener, ModelReply, ModelRequest};
use goalwright_domain::model::{Cause, ModelFailure, Usage};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::endpoint::Endpoint;
use super::events::{Event, Events};
use super::refusal::{Said, retry_after, short};

/// No answer of a model is larger, after decompression.
const LARGEST: usize = 16 * 1024 * 1024;
/// So much of a refusal is read.
const LARGEST_REFUSAL: usize = 64 * 1024;
/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// No answer, with all that the endpoint said.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) failure: ModelFailure,
    /// In full, to find out what it does not understand. Never shown.
    pub(super) said: String,
}

impl From<Cause> for Denied {
    fn from(cause: Cause) -> Self {
        Self { failure: cause.into(), said: String::new() }
    }
}

/// The way to endpoints.
pub(super) struct Wire {
    // Reads the machine's certificates, which takes time: most processes never ask a model.
    client: OnceCell<Client>,
    clock: Arc<dyn Clock>,
}

/// How a provider's answers are read.
pub(super) trait Reading: Default + Send {
    /// Reads an answer that came whole; none if it is no answer.
    fn whole(answer: &Value, request: &ModelRequest) -> Option<ModelReply>;

    /// Reads on in a stream; what is said goes to `hear` at once.
    ///
    /// # Errors
    /// [`Broken`] if the stream is none of this provider, or tells of an error.
    fn take(&mut self, event: &Event, hear: &mut (dyn FnMut(&str) + Send)) -> Result<(), Broken>;

    /// Whether the stream is at its end; what comes behind it is not read.
    fn is_over(&self) -> bool;

    /// What an answer that is not streamed tells of its usage, whatever else it says.
    fn told(answer: &Value) -> Option<Usage>;

    /// What was told of its usage until now.
    fn usage(&self) -> Option<Usage>;

    /// The answer; none if the stream broke off before its end.
    fn finish(self, request: &ModelRequest) -> Option<ModelReply>;
}

/// Why a stream is not read on.
#[derive(Debug)]
pub(super) enum Broken {
    /// An error inside of it.
    Error(Value),
    /// It is none of this provider.
    Foreign(String),
}

/// What an endpoint answers to a request that it took.
pub(super) struct Answer<'a> {
    site: &'a Endpoint,
    response: reqwest::Response,
}

impl Wire {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { client: OnceCell::new(), clock }
    }

    /// Sends a body; what is no success is a failure.
    pub(super) async fn post<'a>(
        &self,
        site: &'a Endpoint,
        request: &ModelRequest,
        body: &Value,
    ) -> Result<Answer<'a>, Denied> {
        let client = self.client.get_or_try_init(build).await?;
        let json = HeaderValue::from_static("application/json");
        let mut message = client.post(site.url()).header(CONTENT_TYPE, json).body(body.to_string());
        for (name, value) in site.headers() {
            message = message.header(name, value);
        }
        if let Some(trace) = &request.trace {
            message = message.header("traceparent", trace.header());
        }
        let response = message.send().await.map_err(|error| broken(site, error))?;
        let status = response.status().as_u16();
        if response.status().is_success() {
            return Ok(Answer { site, response });
        }
        let wait = retry_after(response.headers(), self.clock.now());
        let said = Said::in_body(&beginning(response).await);
        let cause = said.means(site, request.model.model(), status, wait);
        Err(Denied { failure: cause.into(), said: said.message })
    }
}

impl Answer<'_> {
    /// Reads the answer; with a listener as a stream, if the endpoint streams.
    pub(super) async fn read<R: Reading>(
        self,
        request: &ModelRequest,
        listener: Option<&dyn Listener>,
    ) -> Result<ModelReply, Denied> {
        let kind = self.response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        // Some endpoints do not stream, whatever they are asked for.
        match listener {
            Some(listener) if !kind.contains("json") => self.read_stream::<R>(request, listener, &kind).await,
            _ => {
                let reply = self.read_whole::<R>(request).await?;
                if let Some(listener) = listener {
                    listener.hear(&reply.text());
                }
                Ok(reply)
            }
        }
    }

    async fn read_whole<R: Reading>(mut self, request: &ModelRequest) -> Result<ModelReply, Denied> {
        let mut body = Vec::new();
        while let Some(chunk) = self.response.chunk().await.map_err(|error| broken(self.site, error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let Ok(text) = String::from_utf8(body) else { return Err(foreign("text that is no UTF-8")) };
        let answer: Value = serde_json::from_str(&text).map_err(|error| match text.trim_start() {
            "" => foreign("nothing"),
            page if page.starts_with('<') => foreign("a page of HTML"),
            _ if error.is_eof() => Cause::CutOff.into(),
            _ => foreign("text that is no JSON"),
        })?;
        if let Some(reply) = R::whole(&answer, request) {
            return Ok(reply);
        }
        if answer.get("error").or_else(|| answer.get(0)?.get("error")).is_some_and(|error| !error.is_null()) {
            return Err(self.error_inside(&answer, request));
        }
        let mut denied = foreign("JSON of another kind");
        if let Some(usage) = R::told(&answer) {
            // It arrived whole, and so did what it says of its usage.
            (denied.failure.usage, denied.failure.untold) = (Some(usage), false);
        }
        Err(denied)
    }

    async fn read_stream<R: Reading>(
        mut self,
        request: &ModelRequest,
        listener: &dyn Listener,
        kind: &str,
    ) -> Result<ModelReply, Denied> {
        if kind.contains("html") {
            return Err(foreign("a page of HTML"));
        }
        let (mut events, mut reading, mut bytes, mut begun) = (Events::default(), R::default(), 0, false);
        let outcome = 'read: loop {
            let chunk = match self.response.chunk().await {
                Ok(Some(chunk)) => chunk,
                // A connection that breaks here cut the answer off, whatever broke it.
                Ok(None) | Err(_) => break Err(Cause::CutOff.into()),
            };
            bytes += chunk.len();
            if bytes > LARGEST {
                break Err(too_large());
            }
            let Ok(whole) = events.push(&chunk) else { break Err(foreign("text that is no UTF-8")) };
            for event in whole {
                let mut hear = |words: &str| {
                    begun |= !words.is_empty();
                    listener.hear(words);
                };
                match reading.take(&event, &mut hear) {
                    Ok(()) if reading.is_over() => break 'read Ok(()),
                    Ok(()) => {}
                    Err(Broken::Error(error)) => break 'read Err(self.error_inside(&error, request)),
                    Err(Broken::Foreign(what)) => break 'read Err(foreign(&what)),
                }
            }
        };
        let usage = reading.usage();
        let denied = match outcome {
            Ok(()) => match reading.finish(request) {
                Some(reply) => return Ok(reply),
                None => Cause::CutOff.into(),
            },
            Err(denied) => denied,
        };
        // What was told before the end of a stream is not all that was consumed.
        let untold = denied.failure.untold || usage.is_some();
        let failure = ModelFailure { usage, untold, begun, ..denied.failure };
        Err(Denied { failure, ..denied })
    }

    fn error_inside(&self, error: &Value, request: &ModelRequest) -> Denied {
        let said = Said::in_json(error);
        let cause = said.inside(self.site, request.model.model());
        Denied { failure: cause.into(), said: said.message }
    }
}

fn foreign(what: &str) -> Denied {
    Cause::Unintelligible { message: what.to_owned() }.into()
}

fn too_large() -> Denied {
    foreign(&format!("more than {} MiB", LARGEST / 1024 / 1024))
}

/// What of a refusal arrives; one that breaks off says what it said until then.
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_REFUSAL {
            body.truncate(LARGEST_REFUSAL);
            break;
        }
    }
    body
}

/// What became of the connection.
fn broken(site: &Endpoint, error: reqwest::Error) -> Denied {
    if error.is_body() || error.is_decode() {
        return Cause::CutOff.into();
    }
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let message = format!("{} ({})", short(site, &innermost.to_string()), site.place());
    // Where nothing was heard of the request, nobody worked on it.
    let untold = !error.is_connect();
    let failure = ModelFailure { untold, ..Cause::Unreachable { message }.into() };
    Denied { failure, said: String::new() }
}

/// A client that takes no proxy and no setting from its environment, and follows no redirect with a key.
async fn build() -> Result<Client, Denied> {
    let no_client = |reason: String| {
        let message = format!("requests cannot be made from this machine: {reason}");
        Denied::from(Cause::Unreachable { message })
    };
    let build = || {
        Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .http1_max_headers(200)
            .user_agent(concat!("goalwright/", env!("CARGO_PKG_VERSION")))
            .build()
    };
    let built = tokio::task::spawn_blocking(build).await.map_err(|error| no_client(error.to_string()))?;
    built.map_err(|error| no_client(error.to_string()))
}
