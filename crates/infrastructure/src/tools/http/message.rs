//! From parameters to the request that is sent.

use std::time::Duration;

use goalwright_application::ports::tools::ToolFailure;
use goalwright_domain::execution::Effect;
use goalwright_domain::experience::names_secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{Method, QueryValue, RequestParameters, Scalar, of_parameter};
use crate::outbound::{IDEMPOTENCY_KEY, Outbound, Request};
use crate::tools::failure::{failure, shortened};
use crate::tools::operation::Call;

const USUAL_TIMEOUT: f64 = 30.0;

/// The headers of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Headers that say how the message is framed or where it goes; the client sets them, or they could contradict the URL.
const NOT_FOR_CALLERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request of these parameters.
///
/// # Errors
/// `InvalidParameters`.
pub(super) fn compose(
    outbound: &Outbound,
    call: &Call,
    parameters: RequestParameters,
) -> Result<Request, ToolFailure> {
    let mut url = outbound.check(&parameters.url).map_err(|error| of_parameter(&error))?;
    if !parameters.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &parameters.query {
            for value in scalars(value) {
                pairs.append_pair(name, &value);
            }
        }
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &parameters.headers {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    let count = headers.len();
    if count > outbound.limits().headers {
        let message = format!("there are {count} headers; at most {} are sent", outbound.limits().headers);
        return Err(failure("InvalidParameters", message));
    }
    if parameters.method.effect() != Effect::None && !headers.contains_key(IDEMPOTENCY_KEY) {
        let (name, value) = header(IDEMPOTENCY_KEY, &call.idempotency_key)?;
        headers.insert(name, value);
    }
    // Whoever gives either of them is in a trace of their own.
    if !headers.contains_key(TRACEPARENT) && !headers.contains_key(TRACESTATE) {
        let (name, value) = header(TRACEPARENT, &call.trace.header())?;
        headers.insert(name, value);
    }
    let body = match (parameters.json, parameters.body) {
        (Some(json), _) => {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            Some(json.to_string().into_bytes())
        }
        (None, text) => text.map(String::into_bytes),
    };
    // The range of the schema has no infinities.
    let timeout = Duration::try_from_secs_f64(parameters.timeout.unwrap_or(USUAL_TIMEOUT))
        .map_err(|error| failure("InvalidParameters", format!("`timeout`: {error}")))?;
    Ok(Request { method: parameters.method.into(), url, headers, body, timeout })
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Options => Self::OPTIONS,
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
            Method::Post => Self::POST,
            Method::Patch => Self::PATCH,
        }
    }
}

fn scalars(value: &QueryValue) -> Vec<String> {
    let text = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => text.clone(),
        Scalar::Switch(on) => on.to_string(),
        Scalar::Number(number) => number.to_string(),
    };
    match value {
        QueryValue::One(scalar) => vec![text(scalar)],
        QueryValue::Many(scalars) => scalars.iter().map(text).collect(),
    }
}

/// One header; its value is kept out of messages, since it may be a secret.
///
/// # Errors
/// `InvalidParameters`.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ToolFailure> {
    let invalid = |said: String| Err(failure("InvalidParameters", said));
    let shown = shortened(name);
    let Ok(parsed) = name.parse::<HeaderName>() else {
        return invalid(format!("`{shown}` is no name of a header; take letters, digits and `-`"));
    };
    if NOT_FOR_CALLERS.contains(&parsed.as_str()) {
        return invalid(format!("the header `{shown}` is set by the client; leave it out"));
    }
    let Ok(mut value) = HeaderValue::from_str(value) else {
        return invalid(format!(
            "the value of the header `{shown}` has a line break or a control character in it"
        ));
    };
    value.set_sensitive(names_secret(parsed.as_str()));
    Ok((parsed, value))
}

/// How messages call the request: without its query, where some people put their keys.
pub(super) fn name(request: &Request) -> String {
    let mut url = request.url.clone();
    url.set_query(None);
    url.set_fragment(None);
    format!("`{} {}`", request.method, shortened(url.as_str()))
}

/// What may not be shown even if the other side repeats it, with the scheme of a credential and without.
pub(super) fn secrets(headers: &HeaderMap) -> Vec<String> {
    let values =
        headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    let parts = values
        .flat_map(|value| [Some(value), value.split_once(' ').map(|(_, credential)| credential.trim())]);
    parts.flatten().filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
