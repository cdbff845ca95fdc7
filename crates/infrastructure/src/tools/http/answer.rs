//! From the answer, or its absence, to a result or a failure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use goalwright_application::ports::tools::{Fate, ToolFailure};
use goalwright_domain::execution::Effect;
use goalwright_domain::experience::REDACTED;
use goalwright_domain::scrub::scrub;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::{Map, Value, json};

use super::Encoding;
use crate::outbound::{OutboundError, Response};
use crate::tools::failure::{failure, shortened};

/// So much of an answer that is a failure is shown, in characters.
const SHOWN: usize = 300;

/// Why there is no answer.
pub(super) fn missing(name: &str, effect: Effect, error: &OutboundError) -> ToolFailure {
    let (kind, retryable) = match error {
        OutboundError::InvalidUrl(_) => ("InvalidParameters", false),
        OutboundError::Refused(_) => ("AddressRefused", false),
        OutboundError::BadRedirect(_) => ("RedirectRefused", false),
        OutboundError::TimedOut { .. } => ("TimedOut", true),
        OutboundError::Broken { .. } => ("ConnectionFailed", true),
        OutboundError::TooLarge { .. } => ("TooLarge", false),
        OutboundError::Cancelled => ("Cancelled", true),
        OutboundError::NoClient { .. } => ("ClientUnavailable", false),
    };
    let sources = match error {
        OutboundError::Broken { sources, .. } => sources.clone(),
        _ => Vec::new(),
    };
    let fate =
        if effect != Effect::None && error.may_have_taken_effect() { Fate::Unknown } else { Fate::Failed };
    let advice = if fate == Fate::Unknown && effect == Effect::Irreversible {
        "; it may have taken effect all the same, so find out before it is sent again"
    } else {
        ""
    };
    ToolFailure { sources, retryable, fate, ..failure(kind, format!("{name}: {error}{advice}")) }
}

/// An answer that is a failure. What the other side says is shown, shortened and without our own credentials.
pub(super) fn refusal(name: &str, response: &Response, secrets: &[String]) -> ToolFailure {
    let status = response.status;
    let mut said = scrub(&String::from_utf8_lossy(&response.body)).into_owned();
    for secret in secrets {
        said = said.replace(secret, REDACTED);
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = match said.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    };
    let mut message = format!("{name} was answered {status}");
    if let Some(wait) = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()) {
        message.push_str(&format!(" (retry-after: {})", shortened(wait)));
    }
    message.push_str(match status.as_u16() {
        401 | 403 => "; check the credentials in `headers`",
        404 | 410 => "; check the `url`",
        405 => "; check the `method`",
        408 | 429 | 500.. => "; the same request may succeed later",
        _ => "; check what was sent",
    });
    if !said.is_empty() {
        message.push_str(&format!(". The answer says: {said}"));
    }
    let retryable = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    // The status is the cause that failures are grouped by.
    ToolFailure { sources: vec![status.to_string()], retryable, ..failure("HttpStatus", message) }
}

/// The body, or everything.
///
/// # Errors
/// `NotText` for a body that is neither JSON nor text, unless base64 was asked for.
pub(super) fn result(
    name: &str,
    response: Response,
    full: bool,
    encoding: Encoding,
) -> Result<Value, ToolFailure> {
    let Response { status, headers, body } = response;
    let body = match encoding {
        Encoding::Base64 => json!(BASE64_STANDARD.encode(&body)),
        Encoding::Text => read(name, status, &headers, body)?,
    };
    if !full {
        return Ok(body);
    }
    Ok(json!({"status": status.as_u16(), "headers": listed(&headers), "body": body}))
}

/// JSON that is none is passed on as text: the request has been answered, and the caller may know better.
fn read(name: &str, status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Result<Value, ToolFailure> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_json(kind) {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        if let Ok(value) = serde_json::from_slice(&body) {
            return Ok(value);
        }
    }
    let bytes = body.len();
    String::from_utf8(body).map(Value::String).map_err(|_| {
        let kind = if kind.is_empty() { "of no stated type" } else { kind };
        let message = format!(
            "{name} was answered {status} with {bytes} bytes that are no UTF-8 text ({}); ask with \
             `\"encoding\": \"base64\"`",
            shortened(kind)
        );
        failure("NotText", message)
    })
}

/// `application/json` and its relatives: `application/problem+json; charset=utf-8`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json")
}

/// Headers by their names in lower case; a repeated one has its values joined by a comma.
fn listed(headers: &HeaderMap) -> Map<String, Value> {
    let joined = |name| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        json!(values.join(", "))
    };
    headers.keys().map(|name| (name.as_str().to_owned(), joined(name))).collect()
}
