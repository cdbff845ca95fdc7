//! Models: where they are asked, how patiently, and what they cost.

use std::time::Duration;

use goalwright_application::models::Patience;
use goalwright_domain::model::{BreakerRule, ModelName, PriceTable, Provider};
use goalwright_infrastructure::llm::{Endpoint, EndpointError, EndpointSettings};

use super::error::ConfigError;
use super::parse::{number, short};
use super::settings::{self, Setting};
use super::values::{Given, Values};

/// Everything about models.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// Where they are asked.
    pub endpoints: EndpointSettings,
    /// How patiently.
    pub patience: Patience,
    /// When one is left alone.
    pub breaker: BreakerRule,
    /// What they cost.
    pub prices: PriceTable,
}

pub(super) fn models(values: &Values<'_>) -> Result<ModelSettings, ConfigError> {
    let endpoints = EndpointSettings {
        usual: usual(&values.get(&settings::MODEL)?)?,
        anthropic: endpoint(
            values,
            Provider::Anthropic,
            &settings::ANTHROPIC_BASE_URL,
            &settings::ANTHROPIC_API_KEY,
        )?,
        openai: endpoint(values, Provider::OpenAi, &settings::OPENAI_BASE_URL, &settings::OPENAI_API_KEY)?,
    };
    Ok(ModelSettings {
        endpoints,
        patience: patience(values)?,
        breaker: BreakerRule {
            failures: number(&values.get(&settings::LLM_BREAKER_FAILURES)?, 1, 1_000)?,
            open: millis(&values.get(&settings::LLM_BREAKER_OPEN_MS)?, 1)?,
            ..BreakerRule::default()
        },
        prices: prices(&values.get(&settings::PRICES)?)?,
    })
}

fn usual(given: &Given) -> Result<Option<ModelName>, ConfigError> {
    let text = given.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let named = text.parse().map_err(|_| {
        given.unusable(
            format!("`{}` is no model", short(text)),
            "give `anthropic/<model>` or `openai/<model>`, such as anthropic/claude-sonnet-4-5; `openai/` stands for every \
             endpoint of Chat Completions that OPENAI_BASE_URL leads to",
        )
    });
    named.map(Some)
}

fn endpoint(
    values: &Values<'_>,
    provider: Provider,
    base: &Setting,
    key: &Setting,
) -> Result<Endpoint, ConfigError> {
    let (base, key) = (values.get(base)?, values.get(key)?);
    Endpoint::new(provider, &base.text, Some(&key.text)).map_err(|error| match error {
        EndpointError::Base(said) => base.unusable(
            said,
            "give the URL under which the provider's interface begins, such as http://localhost:11434/v1; the key has a \
             setting of its own",
        ),
        EndpointError::Key => {
            key.unusable(error.to_string(), "give the key as the provider shows it, without anything around it")
        }
    })
}

fn patience(values: &Values<'_>) -> Result<Patience, ConfigError> {
    let (least, most) = (values.get(&settings::LLM_RETRY_MIN_MS)?, values.get(&settings::LLM_RETRY_MAX_MS)?);
    let (min, max) = (millis(&least, 0)?, millis(&most, 0)?);
    if min > max {
        return Err(most.unusable(
            format!(
                "the longest pause, {} ms, is shorter than the shortest, {} ms",
                max.as_millis(),
                min.as_millis()
            ),
            "give at least what GOALWRIGHT_LLM_RETRY_MIN_MS says",
        ));
    }
    Ok(Patience {
        attempts: number(&values.get(&settings::LLM_RETRY_ATTEMPTS)?, 1, 10)?,
        attempt_timeout: millis(&values.get(&settings::LLM_TIMEOUT_MS)?, 1)?,
        min,
        max,
        deadline: None,
    })
}

fn millis(given: &Given, least: u64) -> Result<Duration, ConfigError> {
    number(given, least, 86_400_000).map(Duration::from_millis)
}

/// The prices that come with the product, with those of a file laid over them.
fn prices(given: &Given) -> Result<PriceTable, ConfigError> {
    let path = given.text.trim();
    if path.is_empty() {
        return Ok(PriceTable::default());
    }
    let refused = |reason: String| {
        let expected = "give a JSON file such as {\"version\": \"2026-11\", \"models\": {\"openai/llama3*\": {\"input\": 0, \
                        \"output\": 0}}}, in US dollars for a million tokens, or leave it empty";
        given.unusable(reason, expected)
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| refused(format!("the file `{}` cannot be read: {error}", short(path))))?;
    let own = PriceTable::read(&text).map_err(|error| refused(format!("`{}`: {error}", short(path))))?;
    Ok(PriceTable::default().overlaid(own))
}
