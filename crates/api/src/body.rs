//! Bodies of requests: JSON that is read once and checked against the schema that the document shows.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_domain::Violation;
use poem::error::ReadBodyError;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};

use crate::answer::JSON;
use crate::problem::{Problem, plain};
use crate::schema;

/// The most bytes of a body. A plan may have 4 MiB, and JSON writes some characters with two.
pub(crate) const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a request.
pub(crate) struct Body<T>(pub(crate) T);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(read(request.content_type(), body).await?))
    }
}

async fn read<T: ParseFromJSON>(content_type: Option<&str>, body: &mut RequestBody) -> Result<T, Problem> {
    if content_type.is_some_and(|given| !is_json(given)) {
        return Err(Problem::unsupported_media_type(content_type));
    }
    let bytes = take(body).await?;
    // Nothing at all says as much as an object without fields; bytes without a type say nothing that is understood.
    if bytes.is_empty() && content_type.is_none() {
        return Ok(parse(Value::Object(Map::new()))?);
    }
    if content_type.is_none() {
        return Err(Problem::unsupported_media_type(content_type));
    }
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::unreadable_body(&error.to_string()))?;
    Ok(parse(value)?)
}

/// Takes the bytes of a body, within limits of size and time.
pub(crate) async fn take(body: &mut RequestBody) -> Result<Vec<u8>, Problem> {
    let body = body.take().map_err(|error| Problem::internal(&error.to_string()))?;
    let read = tokio::time::timeout(PATIENCE, body.into_bytes_limit(BODY_LIMIT)).await;
    let bytes =
        read.map_err(|_| Problem::request_timeout(PATIENCE.as_secs()))?.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Problem::payload_too_large(BODY_LIMIT),
            ReadBodyError::BodyHasBeenTaken | ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => {
                Problem::unreadable_body("the body broke off")
            }
        })?;
    Ok(bytes.into())
}

fn parse<T: ParseFromJSON>(value: Value) -> Result<T, Error> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let violations = schema::violations(&value, &T::schema_ref(), &registry);
    if !violations.is_empty() {
        return Err(Error::invalid(violations));
    }
    T::parse_from_json(Some(value)).map_err(|error| {
        Error::invalid(vec![Violation::new(schema::ROOT, "invalid_value", plain(error.message()))])
    })
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_by_any_name_is_taken() {
        for name in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(name), "{name}");
        }
        for name in ["text/json", "application/jsonp", "application/x-www-form-urlencoded", ""] {
            assert!(!is_json(name), "{name}");
        }
    }
}
