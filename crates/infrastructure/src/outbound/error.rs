//! Why a request got no answer. Every message is safe to show: none holds a URL's password or query, or a header.

use std::error::Error;
use std::time::Duration;

/// A place that is not of the public internet and not on the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{place}` leads to {what}, which is not reached from here; if that is meant, let whoever runs this add it to \
     GOALWRIGHT_OUTBOUND_ALLOW"
)]
pub struct Refused {
    /// The host as it was asked for; never what its name resolved to, which is nobody's business.
    pub place: String,
    /// What is there, with its article: `a loopback address`.
    pub what: &'static str,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL can be asked for nothing: no scheme, another scheme than http and https, user or password in it.
    #[error("{0}")]
    InvalidUrl(String),
    /// The guard says no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// An answer sent us where we do not go.
    #[error("{0}")]
    BadRedirect(String),
    /// The whole call took longer than it may.
    #[error("no whole answer came within {} s", .after.as_secs_f64())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// No connection, or one that broke.
    #[error("the connection to `{place}` failed: {}", .sources.last().map_or("for no known reason", String::as_str))]
    Broken {
        /// Host and port.
        place: String,
        /// The causes, outermost first.
        sources: Vec<String>,
        /// Whether it broke after there was one: then the request may have arrived.
        connected: bool,
    },
    /// More than is read or sent.
    #[error("{what} has more than {limit} bytes, which is the limit")]
    TooLarge {
        /// Of which part.
        what: &'static str,
        /// In bytes.
        limit: usize,
        /// Whether the request was sent before that was found.
        sent: bool,
    },
    /// The caller wants no answer any more.
    #[error("the request was cancelled before its answer was there")]
    Cancelled,
    /// The machine gives no client.
    #[error("requests cannot be made from this machine: {reason}; are its root certificates installed?")]
    NoClient {
        /// What the client says.
        reason: String,
    },
}

impl OutboundError {
    /// Whether the request may have arrived, and have taken effect there, although there is no answer of use.
    pub const fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::BadRedirect(_) | Self::Cancelled => true,
            Self::Broken { connected, .. } => *connected,
            Self::TooLarge { sent, .. } => *sent,
            Self::InvalidUrl(_) | Self::Refused(_) | Self::NoClient { .. } => false,
        }
    }

    /// What became of an exchange with `place`, from what the client says of it.
    pub(super) fn of(error: reqwest::Error, place: &str) -> Self {
        // The client would show the URL with its query, where some people put their keys.
        let error = error.without_url();
        let connected = !error.is_connect() && !error.is_builder();
        let mut sources = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(source) = next {
            if let Some(refused) = source.downcast_ref::<Refused>() {
                return Self::Refused(refused.clone());
            }
            let said = source.to_string();
            if sources.last() != Some(&said) {
                sources.push(said);
            }
            next = source.source();
        }
        Self::Broken { place: place.to_owned(), sources, connected }
    }
}
