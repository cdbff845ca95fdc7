//! Where an answer sends us, and what we take along.

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RANGE, USER_AGENT,
};
use reqwest::{Method, StatusCode};
use url::Url;

use super::error::OutboundError;
use super::guard::place;
use super::request::Request;

/// So many redirects are followed.
pub(super) const MAX_REDIRECTS: usize = 5;

/// What goes along to another host. Anything else may be a credential, whatever its name is.
const HARMLESS: &[HeaderName] = &[ACCEPT, ACCEPT_LANGUAGE, RANGE, USER_AGENT];

/// The next request, if this answer asks for one. The guard judges its URL like any other.
///
/// # Errors
/// [`OutboundError::BadRedirect`]: to no URL, from https to http, or with a body to another host.
pub(super) fn next(
    request: &Request,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Request>, OutboundError> {
    let keeps_method = match status.as_u16() {
        301 | 302 => request.method != Method::POST,
        303 => matches!(request.method, Method::GET | Method::HEAD),
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let from = place(&request.url);
    let bad = |what: &str| OutboundError::BadRedirect(format!("`{from}` redirects {what}"));
    let url = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| request.url.join(location).ok())
        .ok_or_else(|| bad("to something that is no URL"))?;
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(bad("from https to http, where everybody can read along; that is not followed"));
    }
    let mut next = Request { url, ..request.clone() };
    if !keeps_method {
        // RFC 9110, section 15.4: the answer to what was posted is to be fetched.
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(super::IDEMPOTENCY_KEY);
    }
    if !same_host(&request.url, &next.url) {
        if next.body.is_some() || !next.method.is_safe() {
            let said =
                format!("a {} to `{}`; if that is right, send it there", next.method, place(&next.url));
            return Err(bad(&said));
        }
        next.headers = HARMLESS
            .iter()
            .flat_map(|name| {
                next.headers.get_all(name).into_iter().map(move |value| (name.clone(), value.clone()))
            })
            .collect();
    }
    Ok(Some(next))
}

/// The same host by the same port; from http to https on their usual ports is no change.
fn same_host(one: &Url, other: &Url) -> bool {
    let upgrade = (one.port_or_known_default(), other.port_or_known_default()) == (Some(80), Some(443))
        && other.scheme() == "https";
    let same_port =
        one.scheme() == other.scheme() && one.port_or_known_default() == other.port_or_known_default();
    one.host() == other.host() && (same_port || upgrade)
}
