//! A server somewhere else.

use std::time::Duration;

use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use uuid::Uuid;

use super::{Call, Reply};
use crate::failure::{Exit, Failure};

/// Longer than any answer takes that comes at all: a breakdown may ask a model several times.
const LONGEST: Duration = Duration::from_secs(600);
/// Whoever mistyped an address wants to know soon.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) struct Remote {
    http: Client,
    /// Without a slash at its end.
    server: String,
    token: Option<String>,
    workspace: Option<Uuid>,
}

impl Remote {
    pub(super) fn new(server: &str, token: Option<String>, workspace: Option<Uuid>) -> Result<Self, Failure> {
        let server = server.trim().trim_end_matches('/');
        let sound =
            Url::parse(server).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !sound {
            return Err(Failure::usage(
                format!("`{server}` is no address of a server"),
                "give --server or GOALWRIGHT_SERVER such as http://127.0.0.1:8080; without one the local database is used",
            ));
        }
        let http = Client::builder()
            .user_agent(concat!("goalwright/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(LONGEST)
            // A redirect would turn a POST into a GET, or carry the token to somebody else.
            .redirect(Policy::none())
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("no connection can be made: {error}")))?;
        Ok(Self { http, server: server.to_owned(), token, workspace })
    }

    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Failure> {
        let mut request = self.http.request(call.method.clone(), format!("{}{}", self.server, call.target));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(workspace) = self.workspace {
            request = request.header("X-Workspace-Id", workspace.to_string());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_redirection() {
            let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
            return Err(Failure::usage(
                format!("{} sends us elsewhere: {}", self.server, place.unwrap_or("it does not say where")),
                "give that address with --server or GOALWRIGHT_SERVER",
            ));
        }
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()).map(str::to_owned);
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        Ok(Reply { status, retry_after, text })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        // The last cause says what happened; those before it say where.
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let (what, help) = if error.is_timeout() {
            ("does not answer in time".to_owned(), "look whether it is busy, and ask again")
        } else {
            (
                format!("cannot be reached: {cause}"),
                "look whether `goalwright serve` runs there and --server or GOALWRIGHT_SERVER names it; without one the local database is used",
            )
        };
        Failure::new(Exit::Failed, format!("{} {what}", self.server)).with_help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_before_anything_is_sent() {
        for server in ["localhost:8080", "ftp://x", "http://", "127.0.0.1", "nonsense"] {
            let refused = Remote::new(server, None, None).err().expect(server);
            assert_eq!(refused.exit, Exit::Usage, "{server}");
            assert!(refused.help.is_some_and(|help| help.contains("http://127.0.0.1:8080")), "{server}");
        }
        let sound = Remote::new("https://gw.example/base/", None, None).expect("sound");
        assert_eq!(sound.server, "https://gw.example/base");
    }
}
