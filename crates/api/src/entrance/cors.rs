//! Which pages of other origins may call (the Fetch standard's CORS protocol).
//!
//! Our own lines and not the framework's: that one refuses every request whose origin is not listed, and browsers send
//! an origin with the requests of the server's own pages, too. Here such a request is answered without the headers, and
//! the browser keeps the answer from the page.

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::{Request, Response};

use crate::routes::Entry;

/// What a page may send besides what every page may.
const SENT: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, traceparent, \
                    x-request-id, x-workspace-id";
/// What a page may read besides what every page may.
const READ: &str = "allow, etag, idempotency-replayed, location, retry-after, traceparent, x-request-id";

/// The origins that may call; none unless set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors(Vec<String>);

impl Cors {
    /// These origins, such as `https://app.example`; `*` stands for every one.
    pub(crate) fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// The origin of the request, if it may call.
    pub(super) fn admitted(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let known = self.0.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes());
        known.then(|| origin.clone())
    }

    /// Answers the question that a browser asks before it sends a request.
    pub(super) fn preflight(request: &Request, origin: &HeaderValue, route: &Entry) -> Option<Response> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(ACCESS_CONTROL_ALLOW_METHODS, route.allowed())
            .header(ACCESS_CONTROL_ALLOW_HEADERS, SENT)
            .header(ACCESS_CONTROL_MAX_AGE, 600)
            .finish();
        Self::allow(response.headers_mut(), origin.clone());
        Some(response)
    }

    /// Lets the page of this origin read the answer.
    pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
        headers.append(VARY, HeaderValue::from_static("origin"));
    }

    /// Whether answers differ by origin at all.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }
}
