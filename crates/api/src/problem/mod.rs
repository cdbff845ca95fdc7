//! Problems: the one place where an error becomes an answer (RFC 9457).

mod codes;

use std::error::Error as _;
use std::time::Duration;

use goalwright_application::Error;
use goalwright_domain::Violation;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::StatusCode;
use poem::http::header::CONTENT_TYPE;
use poem::{IntoResponse, Response};
use poem_openapi::error::{ParseParamError, ParsePathError};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

#[cfg(test)]
use codes::CODES;
#[cfg(test)]
pub(crate) use codes::status;
pub(crate) use codes::title;

use crate::trace;

/// The media type of every bad answer.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not answered as asked for. Programs look at `code`; people read `detail`.
#[derive(Debug, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub(crate) struct ProblemBody {
    /// `urn:goalwright:problem:<code>`.
    #[oai(rename = "type")]
    kind: String,
    /// The code in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// Stable; each has a page in `docs/problems/`.
    code: String,
    /// The request's W3C trace id, 32 hexadecimal digits; the log has more under it.
    trace_id: String,
    /// One entry per problem of an invalid input.
    errors: Option<Vec<ViolationBody>>,
}

/// One thing that is wrong with an input.
#[derive(Debug, Object)]
#[oai(rename = "Violation")]
pub(crate) struct ViolationBody {
    /// Where, such as `title` or `tasks[3].title`.
    path: String,
    /// Which rule.
    code: String,
    /// In words.
    message: String,
}

/// The code of a problem, beside the answer it became.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code(pub(crate) &'static str);

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Option<Vec<Violation>>,
    header: Option<(&'static str, String)>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: None, header: None }
    }

    fn with(self, name: &'static str, value: impl ToString) -> Self {
        Self { header: Some((name, value.to_string())), ..self }
    }

    /// 500 for what cannot happen; `cause` goes to the log.
    pub(crate) fn internal(cause: &str) -> Self {
        tracing::error!(error.cause = cause, "a request failed");
        let detail = "something went wrong on our side; quote the trace id when you report it";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 400.
    pub(crate) fn unreadable_body(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable_body", format!("the body is no JSON: {why}"))
    }

    /// 412 for a tag of something else, or of a revision that is over.
    pub(crate) fn precondition_failed(why: &str) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", why)
    }

    /// 413.
    pub(crate) fn payload_too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }

    /// 408.
    pub(crate) fn request_timeout(seconds: u64) -> Self {
        let detail = format!("the body did not arrive within {seconds} s; send the request again");
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).with("connection", "close")
    }

    /// 414.
    pub(crate) fn uri_too_long(limit: usize) -> Self {
        let detail = format!("path and query have more than {limit} bytes; send less, or several requests");
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail)
    }

    /// 431 (RFC 6585).
    pub(crate) fn headers_too_large(limit: usize) -> Self {
        let detail = format!("the headers together have more than {limit} bytes; send fewer or shorter ones");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)
    }

    /// 415.
    pub(crate) fn unsupported_media_type(given: Option<&str>) -> Self {
        let detail = match given {
            Some(given) => format!("`{given}` cannot be read; send application/json"),
            None => "the header `Content-Type` is missing; send application/json".to_owned(),
        };
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 404 for a path that leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here; all paths are in /openapi.json")
    }

    /// What the framework refused; `allowed` are the methods that the path has.
    pub(crate) fn of(error: poem::Error, allowed: Option<&str>) -> Response {
        if error.is_from_response() {
            return error.into_response();
        }
        let problem = if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
            let (code, message) = match reason.contains("\"string_uuid\"") {
                true => ("invalid_format", "expected a UUID".to_owned()),
                false => ("invalid_value", plain(reason)),
            };
            Error::invalid(vec![Violation::new(*name, code, message)]).into()
        } else if error.is::<ParsePathError>() || error.is::<poem::error::ParsePathError>() {
            let detail = "there is no such thing in this workspace";
            Self::new(StatusCode::NOT_FOUND, "not_found", detail)
        } else if error.is::<NotFoundError>() {
            Self::no_such_path()
        } else if error.is::<MethodNotAllowedError>() {
            let allowed = allowed.unwrap_or_default();
            let detail = format!("this method is not allowed here; allowed are {allowed}");
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).with("allow", allowed)
        } else {
            Self::internal(&error.to_string())
        };
        problem.into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        match error {
            Error::Invalid { violations, .. } => {
                Self { errors: Some(violations), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
            }
            Error::NotFound { .. } | Error::NotThen { .. } => Self::new(StatusCode::NOT_FOUND, code, detail),
            Error::Pruned { .. } => Self::new(StatusCode::GONE, code, detail),
            Error::Rejected(_) | Error::Conflict { .. } => Self::new(StatusCode::CONFLICT, code, detail),
            Error::Stale { .. } => Self::new(StatusCode::PRECONDITION_FAILED, code, detail),
            Error::Unauthenticated { .. } => {
                Self::new(StatusCode::UNAUTHORIZED, code, detail).with("www-authenticate", "Bearer")
            }
            Error::Forbidden { .. } => Self::new(StatusCode::FORBIDDEN, code, detail),
            Error::Limited { retry_after, .. } => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
                problem.with("retry-after", whole_seconds(retry_after))
            }
            Error::Unavailable { retry_after, .. } => {
                tracing::warn!(error.code = code, error.message = %detail, "a request failed");
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
                match retry_after {
                    Some(wait) => problem.with("retry-after", whole_seconds(wait)),
                    None => problem,
                }
            }
            Error::TimedOut { .. } => Self::new(StatusCode::GATEWAY_TIMEOUT, code, detail),
            Error::Internal(_) => Self::internal(&chain(&error)),
        }
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: format!("urn:goalwright:problem:{}", self.code),
            title: title(self.code).or(self.status.canonical_reason()).unwrap_or_default().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            trace_id: trace::current().map_or(Uuid::nil(), |trace| trace.id).simple().to_string(),
            errors: self.errors.map(|errors| errors.into_iter().map(ViolationBody::from).collect()),
        };
        let mut response = Response::builder().status(self.status).header(CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.header {
            response = response.header(name, value);
        }
        response.extension(Code(self.code)).body(body.to_json().unwrap_or_default().to_string())
    }
}

impl From<Violation> for ViolationBody {
    fn from(Violation { path, code, message }: Violation) -> Self {
        Self { path, code, message }
    }
}

/// Which problems an operation documents follows from its shape; see `document.rs`.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_registry: &mut Registry) {}
}

/// The framework's reason without the names of types around it.
pub(crate) fn plain(reason: &str) -> String {
    let reason = reason.split(" (occurred while parsing").next().unwrap_or(reason);
    match reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once("\": ")) {
        Some((_, why)) => why.to_owned(),
        None => reason.to_owned(),
    }
}

/// Rounded up: asking a fraction of a second too early would be refused again.
fn whole_seconds(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(1000).max(1)
}

fn chain(error: &Error) -> String {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use goalwright_domain::Rejection;
    use serde_json::Value;

    use super::*;

    fn pages() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems")
    }

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        for (code, status, title) in CODES {
            let page = std::fs::read_to_string(pages().join(format!("{code}.md"))).unwrap_or_default();
            assert!(
                page.starts_with(&format!("# {title}\n\nHTTP status: {status}\n")),
                "docs/problems/{code}.md"
            );
        }
        let files = std::fs::read_dir(pages()).expect("the pages").filter(|file| {
            let name = file.as_ref().expect("a page").file_name();
            name != "README.md"
        });
        assert_eq!(files.count(), CODES.len(), "a page in docs/problems/ has no row in CODES");
    }

    #[tokio::test]
    async fn every_kind_of_error_has_its_status() {
        let text = || "why".to_owned();
        let moment = |text: &str| text.parse().expect("a moment");
        let cases = [
            (Error::invalid(vec![Violation::new("title", "required", "needed")]), 422, "invalid_input", None),
            (Error::not_found("goal", 7), 404, "not_found", None),
            (Error::NotThen { message: text() }, 404, "not_found", None),
            (
                Error::Pruned {
                    at: moment("2026-01-01T00:00:00Z"),
                    known_from: moment("2026-02-01T00:00:00Z"),
                },
                410,
                "history_pruned",
                None,
            ),
            (Rejection::new("task_leased", "held").into(), 409, "task_leased", None),
            (Error::Conflict { code: "lease_lost", message: text() }, 409, "lease_lost", None),
            (Error::Stale { revision: 4 }, 412, "precondition_failed", None),
            (
                Error::Unauthenticated { message: text() },
                401,
                "unauthenticated",
                Some(("www-authenticate", "Bearer")),
            ),
            (Error::Forbidden { message: text() }, 403, "forbidden", None),
            (
                Error::Limited {
                    code: "rate_limited",
                    retry_after: Duration::from_millis(1200),
                    message: text(),
                },
                429,
                "rate_limited",
                Some(("retry-after", "2")),
            ),
            (
                Error::Unavailable {
                    code: "database_unavailable",
                    message: text(),
                    retry_after: Some(Duration::from_millis(400)),
                },
                503,
                "database_unavailable",
                Some(("retry-after", "1")),
            ),
            (Error::TimedOut { message: text() }, 504, "timed_out", None),
            (Error::Internal("secret".into()), 500, "internal", None),
        ];
        for (error, status, code, header) in cases {
            let response = Problem::from(error).into_response();
            assert_eq!(response.status().as_u16(), status, "{code}");
            assert_eq!(response.content_type(), Some(PROBLEM_JSON));
            if let Some((name, value)) = header {
                assert_eq!(response.header(name), Some(value));
            }
            let body = response.into_body().into_string().await.expect("text");
            assert!(!body.contains("secret"), "causes are for the log");
            let body: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some(code), Some(status.into())));
            assert_eq!(body["type"], format!("urn:goalwright:problem:{code}"));
            assert_eq!(body.get("errors").is_some(), code == "invalid_input");
        }
    }

    #[test]
    fn reasons_are_for_people() {
        let reason = r#"failed to parse "mode": no mode (occurred while parsing "optional_mode")"#;
        assert_eq!(plain(reason), "no mode");
        assert_eq!(plain("too long"), "too long");
    }
}
