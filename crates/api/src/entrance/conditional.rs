//! `If-None-Match` (RFC 9110, 13.1.2): whoever has the present state already gets 304 and no body.

use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Body, Request, Response};

/// What the caller has already, if the request is one to read something.
pub(super) fn known(request: &Request) -> Vec<HeaderValue> {
    match *request.method() {
        Method::GET | Method::HEAD => request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Takes the body out of an answer that the caller has already.
pub(super) fn spare(mut response: Response, known: &[HeaderValue]) -> Response {
    let Some(tag) = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()) else { return response };
    let fits = known.iter().filter_map(|given| given.to_str().ok()).any(|given| {
        given.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
    });
    if fits && response.status() == StatusCode::OK {
        response.set_status(StatusCode::NOT_MODIFIED);
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
        response.set_body(Body::empty());
    }
    response
}
