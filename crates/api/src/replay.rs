//! `Idempotency-Key`: the same request twice is answered alike, and carried out once.

use std::sync::{Arc, OnceLock};

use goalwright_application::idempotency::{IN_PROGRESS, Idempotency, Known, RequestKey};
use goalwright_application::ports::KeptAnswer;
use goalwright_application::{Context, Error};
use goalwright_domain::canonical;
use poem::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use serde_json::Value;

use crate::answer::ShownOnce;
use crate::body;
use crate::problem::{Code, Problem};

/// The header.
pub(crate) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Set on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What is repeated besides status and body.
const HEADERS: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// The request that is being answered, if it came with a key and is carried out for the first time.
#[derive(Debug, Clone, Default)]
pub(crate) struct FirstTime(Arc<OnceLock<Context>>);

/// Reads the key and, if there is one, the body. Gives the context with the key; or the answer of before, as an error,
/// which ends the request.
pub(crate) async fn recognise(
    request: &Request,
    body: &mut RequestBody,
    context: Context,
    idempotency: &Idempotency,
) -> poem::Result<Context> {
    let mut given = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    let key = match (given.next(), given.next()) {
        (Some(key), None) if request.method() == Method::POST => key,
        (Some(_), Some(_)) => return Err(Problem::from(several()).into()),
        _ => return Ok(context),
    };
    let bytes = body::take(body).await?;
    // Two spellings of the same JSON ask for the same.
    let canonical = serde_json::from_slice::<Value>(&bytes).map(|value| canonical::to_string(&value));
    let asked = canonical.as_deref().map_or(bytes.as_slice(), str::as_bytes);
    let path = request.uri().path().as_bytes();
    let key = RequestKey::new(key.as_bytes(), &[b"POST", path, asked]).map_err(Problem::from)?;
    *body = RequestBody::new(Body::from(bytes));
    let context = Context { request_key: Some(key), ..context };
    match idempotency.find(&context).await.map_err(Problem::from)? {
        Known::New => {
            if let Some(first) = request.data::<FirstTime>() {
                let _ = first.0.set(context);
            }
            Ok(context)
        }
        Known::Answered(answer) => Err(poem::Error::from_response(replayed(answer))),
    }
}

fn several() -> Error {
    let message = "give the header once";
    Error::invalid(vec![goalwright_domain::Violation::new(IDEMPOTENCY_KEY, "repeated_header", message)])
}

impl FirstTime {
    /// Keeps a success for whoever repeats the request. If another one with the same key was faster, its answer is given.
    pub(crate) async fn conclude(self, response: Response, idempotency: &Idempotency) -> Response {
        let Some(context) = self.0.get() else { return response };
        if response.extensions().get::<Code>().is_some_and(|code| code.0 == IN_PROGRESS) {
            return match idempotency.find(context).await {
                Ok(Known::Answered(answer)) => replayed(answer),
                Ok(Known::New) => response,
                Err(error) => Problem::from(error).into_response(),
            };
        }
        if !response.status().is_success() || response.extensions().get::<ShownOnce>().is_some() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let body = match body.into_string().await {
            Ok(body) => body,
            Err(error) => return Problem::internal(&error.to_string()).into_response(),
        };
        let headers = HEADERS.iter().filter_map(|name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), Value::from(value)))
        });
        let answer = KeptAnswer {
            status: parts.status.as_u16(),
            headers: Value::Object(headers.collect()),
            body: body.clone(),
        };
        if let Err(error) = idempotency.keep(context, &answer).await {
            // It was carried out and noted as such; whoever repeats it is told so.
            tracing::warn!(error.message = %error, "the answer to a request with a key could not be kept");
        }
        Response::from_parts(parts, Body::from(body))
    }
}

fn replayed(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = Response::builder().status(status).header(REPLAYED, "true").body(answer.body);
    for name in HEADERS {
        let value = answer.headers.get(name.as_str()).and_then(Value::as_str);
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
