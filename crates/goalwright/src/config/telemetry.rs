//! Where spans are sent, by the variables that OpenTelemetry has for it.

use goalwright_infrastructure::telemetry::{Collector, Sampling};

use super::error::{ConfigError, Place};
use super::parse::short;
use super::values::{Given, Values};

/// The collector at this endpoint; none without one, or where OpenTelemetry is switched off. What the exporter reads by
/// itself, headers and timeouts, is not looked at here.
pub(super) fn collector(given: &Given, values: &Values<'_>) -> Result<Option<Collector>, ConfigError> {
    let endpoint = given.text.trim().trim_end_matches('/');
    let word = |name| values.variable(name).map(|value| value.to_string_lossy().trim().to_lowercase());
    let off = word("OTEL_SDK_DISABLED").as_deref() == Some("true")
        || word("OTEL_TRACES_EXPORTER").as_deref() == Some("none");
    if endpoint.is_empty() || off {
        return Ok(None);
    }
    for variable in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        if let Some(other) = word(variable).filter(|protocol| protocol != "http/protobuf") {
            return Err(ConfigError::Unusable {
                place: Place::Variable(variable),
                reason: format!("`{}` is not spoken", short(&other)),
                expected:
                    "unset it, and name the endpoint for http/protobuf, which collectors have on port 4318"
                        .to_owned(),
            });
        }
    }
    Ok(Some(Collector { endpoint: url(given, endpoint)?, sampling: sampling(values)? }))
}

/// `http://…` or `https://…`, without credentials, which have a variable of their own.
fn url(given: &Given, endpoint: &str) -> Result<String, ConfigError> {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    if host.contains('@') {
        return Err(given.unusable(
            "a URL with a user or a password is not taken",
            "give credentials in OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20TOKEN",
        ));
    }
    if host.is_empty() || endpoint.contains(['?', '#', ' ']) {
        return Err(given.unusable(
            format!("`{}` is no URL of a collector", short(endpoint)),
            "give a URL without a path for traces, such as http://localhost:4318",
        ));
    }
    Ok(endpoint.to_owned())
}

fn sampling(values: &Values<'_>) -> Result<Sampling, ConfigError> {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    let text = |name| values.variable(name).map(|value| value.to_string_lossy().trim().to_owned());
    let Some(name) = text(SAMPLER) else { return Ok(Sampling::default()) };
    Sampling::parse(&name, text("OTEL_TRACES_SAMPLER_ARG").as_deref()).map_err(|error| {
        ConfigError::Unusable {
            place: Place::Variable(SAMPLER),
            reason: error.to_string(),
            expected: format!(
                "give one of {}; a ratio stands in OTEL_TRACES_SAMPLER_ARG, from 0 to 1",
                Sampling::NAMES
            ),
        }
    })
}
