//! `http.request`.

mod answer;
mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use goalwright_application::ports::tools::{Reply, ToolFailure};
use goalwright_domain::execution::Effect;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::failure::failure;
use super::lint::{Found, note};
use super::operation::{Call, done};
use crate::outbound::{Outbound, OutboundError};

/// Parameters of `http.request`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestParameters {
    /// What is asked for.
    method: Method,
    /// `https://…` or `http://…`, without user and password.
    url: String,
    /// Headers by name, such as `Authorization`. `Idempotency-Key` and `traceparent` are set unless they are given.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Added to the URL: texts, numbers, `true` and `false`, or lists of these.
    #[serde(default)]
    query: BTreeMap<String, QueryValue>,
    /// A value that is sent as JSON.
    json: Option<Value>,
    /// A text that is sent as it is; say what it is with the header `Content-Type`.
    body: Option<String>,
    /// How long the whole request may take, in seconds; 30 unless given, at most 300.
    #[schemars(range(min = 0.001, max = 300))]
    timeout: Option<f64>,
    /// Answer `{status, headers, body}` and not only the body.
    #[serde(default)]
    full_response: bool,
    /// How a body that is no JSON is answered.
    #[serde(default)]
    encoding: Encoding,
}

/// The methods of RFC 9110 and RFC 5789 that make sense here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Head,
    Options,
    Put,
    Delete,
    Post,
    Patch,
}

impl Method {
    /// What RFC 9110, section 9.2, promises of them. POST and PATCH promise nothing.
    const fn effect(self) -> Effect {
        match self {
            Self::Get | Self::Head | Self::Options => Effect::None,
            Self::Put | Self::Delete => Effect::Idempotent,
            Self::Post | Self::Patch => Effect::Irreversible,
        }
    }
}

/// A value in a query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum QueryValue {
    /// One pair.
    One(Scalar),
    /// One pair for each.
    Many(Vec<Scalar>),
}

/// What has one spelling.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    /// As it is.
    Text(String),
    /// `true` or `false`.
    Switch(bool),
    /// As JSON spells it.
    Number(serde_json::Number),
}

/// How a body that is no JSON is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As text; what is no UTF-8 is a failure.
    #[default]
    Text,
    /// Every body as base64, JSON too.
    Base64,
}

/// The effect of the method; none where the method is still a template.
pub(super) fn effect_of(parameters: &Value) -> Option<Effect> {
    Method::deserialize(parameters.get("method")?).ok().map(Method::effect)
}

/// The URL and the headers, as far as they are literal.
pub(super) fn lint(outbound: &Outbound, parameters: &Value) -> Found {
    let url = parameters.get("url").and_then(Value::as_str).unwrap_or_default();
    let mut found = note("/url", outbound.check(url).map_err(|error| of_parameter(&error)));
    let headers = parameters.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        found.extend(note(pointer, message::header(name, value.as_str().unwrap_or_default())));
    }
    found
}

fn of_parameter(error: &OutboundError) -> ToolFailure {
    failure("InvalidParameters", error.to_string())
}

pub(super) async fn request(
    outbound: Arc<Outbound>,
    call: Call,
    parameters: RequestParameters,
) -> Result<Reply, ToolFailure> {
    let (full, encoding) = (parameters.full_response, parameters.encoding);
    let effect = parameters.method.effect();
    let request = message::compose(&outbound, &call, parameters)?;
    let name = message::name(&request);
    let secrets = message::secrets(&request.headers);
    let response =
        outbound.send(request, &call.cancel).await.map_err(|error| answer::missing(&name, effect, &error))?;
    if response.status.is_client_error() || response.status.is_server_error() {
        return Err(answer::refusal(&name, &response, &secrets));
    }
    done(answer::result(&name, response, full, encoding)?)
}
