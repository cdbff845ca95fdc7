//! Speaks the HTTP interface: to a server far away, or to the same endpoint in this process over the local database.
//! There is one behaviour and one set of errors, whichever way a command goes.

mod local;
mod names;
mod pages;
mod refusal;
mod remote;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunId;
use poem::http::Method;
use reqwest::Url;
use serde_json::Value;
use uuid::Uuid;

use crate::config::Config;
use crate::failure::{Exit, Failure};
use local::Local;
pub(crate) use names::{Noun, short};
pub(crate) use pages::Listed;
use remote::Remote;

/// Who is asked, and as whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The server; without one the local database is opened.
    pub(crate) server: Option<String>,
    /// Without one, the local user acts on the local database, and nobody on a server.
    pub(crate) token: Option<String>,
    /// A workspace other than the caller's own.
    pub(crate) workspace: Option<Uuid>,
}

/// A request, before it has a transport.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    /// From the root, with the query.
    target: String,
    body: Option<Value>,
}

/// What came back, whatever it says.
#[derive(Debug)]
struct Reply {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As it came.
    pub(crate) text: String,
    /// Read as JSON; null where it is none.
    pub(crate) value: Value,
}

/// Asks.
pub(crate) struct Client {
    transport: Transport,
}

enum Transport {
    Remote(Remote),
    Local(Box<Local>),
}

impl Call {
    /// `segments` of the path below `/v1`, escaped where they need it.
    pub(crate) fn new(method: Method, segments: &[&str]) -> Self {
        Self { method, target: target(segments, &[]), body: None }
    }

    /// To read something.
    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    /// To make or do something.
    pub(crate) fn post(segments: &[&str], body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, segments) }
    }

    /// To change some fields.
    pub(crate) fn patch(segments: &[&str], body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, segments) }
    }

    /// To replace something.
    pub(crate) fn put(segments: &[&str], body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PUT, segments) }
    }

    /// To take something away.
    pub(crate) fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments)
    }

    /// With these parameters; those without a value are left out.
    pub(crate) fn query(mut self, parameters: &[(&str, Option<String>)]) -> Self {
        let given: Vec<(&str, &str)> =
            parameters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        if let Ok(mut url) = Url::parse(BASE).and_then(|base| base.join(&self.target)) {
            if !given.is_empty() {
                url.query_pairs_mut().extend_pairs(given);
            }
            self.target = target_of(&url);
        }
        self
    }
}

/// Stands for whatever server is asked, while an address is put together.
const BASE: &str = "http://localhost/";

fn target(segments: &[&str], query: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse(BASE) else { return String::new() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().push("v1").extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    target_of(&url)
}

fn target_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

impl Client {
    /// Gets ready to ask.
    ///
    /// # Errors
    /// What keeps the local database from opening, or an address that is none.
    pub(crate) async fn open(connection: &Connection) -> Result<Self, Failure> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (server, token) = (filled(&connection.server), filled(&connection.token));
        let transport = match server {
            Some(server) => Transport::Remote(Remote::new(&server, token, connection.workspace)?),
            None => {
                let config = Config::load()?;
                let local = Box::pin(Local::open(config, token, connection.workspace)).await?;
                Transport::Local(Box::new(local))
            }
        };
        Ok(Self { transport })
    }

    /// Asks, and takes nothing but a good answer.
    ///
    /// # Errors
    /// The problem that was answered, or what kept the answer away.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Failure> {
        let reply = match &self.transport {
            Transport::Remote(remote) => remote.send(&call).await?,
            Transport::Local(local) => Box::pin(local.send(&call)).await?,
        };
        if (200..300).contains(&reply.status) {
            let value = serde_json::from_str(&reply.text).unwrap_or_default();
            return Ok(Answer { text: reply.text, value });
        }
        Err(refusal::failure(&call, &reply, self.is_local()))
    }

    /// Whether the local database is asked.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self.transport, Transport::Local(_))
    }

    /// The moment, for telling how long ago something was.
    pub(crate) fn now(&self) -> Timestamp {
        local::now()
    }

    /// Works on this run and on nothing else while `waiting` lasts, where no server does: for the local database.
    ///
    /// # Errors
    /// Those of `waiting`.
    pub(crate) async fn work_on<T>(
        &self,
        run: RunId,
        waiting: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match &self.transport {
            Transport::Remote(_) => waiting.await,
            Transport::Local(local) => Box::pin(local.work_on(run, waiting)).await,
        }
    }

    /// Ends: what was written locally has its place in the ledger afterwards.
    ///
    /// # Errors
    /// What storage says.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.transport {
            Transport::Remote(_) => Ok(()),
            Transport::Local(local) => local.close().await,
        }
    }
}

/// An answer that this version does not understand.
pub(crate) fn strange(what: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the answer is not understood: {what}"))
        .with_help("look whether the server is a Goalwright of the same version: `goalwright --version`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        let call = Call::get(&["experiences", "a/b c"]).query(&[
            ("q", Some("x & y".to_owned())),
            ("type", None),
            ("cursor", Some("tasks:1".to_owned())),
        ]);
        assert_eq!(call.target, "/v1/experiences/a%2Fb%20c?q=x+%26+y&cursor=tasks%3A1");
        assert_eq!(Call::get(&["goals"]).query(&[("status", None)]).target, "/v1/goals");
    }
}
