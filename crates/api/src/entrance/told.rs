//! What is told of a request: its span, under the names of OpenTelemetry's conventions for HTTP, and its method.

use poem::Request;
use poem::http::Method;
use tracing::Span;
use tracing::field::Empty;

use crate::routes::Entry;
use crate::trace::Trace;

/// The method, if HTTP has it: what callers make up is one word, so that they cannot fill the figures.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// The span of a request: of the highest level, so that whatever is logged below it has the ids, however little that is.
/// What only a collector wants is there if traces are followed.
pub(super) fn span(
    request: &Request,
    method: &'static str,
    route: Option<&Entry>,
    trace: &Trace,
    follows: bool,
) -> Span {
    let parent = trace.parent.filter(|_| follows).map(|parent| format!("{parent:016x}"));
    let state = if follows { trace.state(request.headers()) } else { None };
    tracing::error_span!(
        "http.request",
        http.request.method = method,
        http.route = route.map(|route| route.path.as_str()),
        http.response.status_code = Empty,
        url.path = follows.then(|| request.uri().path()),
        trace_id = %trace.id.simple(),
        span_id = format_args!("{:016x}", trace.span),
        parent_span_id = parent,
        trace_flags = follows.then_some(if trace.sampled { "01" } else { "00" }),
        tracestate = state.map(display),
        request.id = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_are_made_up_are_one() {
        let made_up = Method::from_bytes(b"BREW").expect("a token");
        assert_eq!((method(&Method::PATCH), method(&made_up)), ("PATCH", "_OTHER"));
    }
}
