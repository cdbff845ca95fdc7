//! What endpoints say when they do not answer, and what it means.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;
use std::time::Duration;

use chrono::DateTime;
use goalwright_domain::Timestamp;
use goalwright_domain::model::Cause;
use goalwright_domain::scrub::scrub;
use regex::Regex;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::endpoint::Endpoint;

/// So much of what an endpoint says is handed on.
const SHORT: usize = 300;
/// Nobody is told to come back later than this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// What an endpoint says about itself.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Types and codes, in lower case, with spaces between them.
    kind: String,
    /// In words.
    pub(super) message: String,
    /// The status that it means, where it stands in the body.
    status: Option<u16>,
    wait: Option<Duration>,
    asked: Option<u64>,
    limit: Option<u64>,
}

impl Said {
    /// Of a body, whatever it is.
    pub(super) fn in_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => Self::in_json(&value),
            Err(_) if text.trim_start().starts_with('<') => {
                Self { message: "a page of HTML".to_owned(), ..Self::default() }
            }
            Err(_) => Self { message: text.into_owned(), ..Self::default() },
        }
    }

    /// Of JSON: `{"error": {…}}`, a list of these as Gemini answers, or one of the many shapes of gateways.
    pub(super) fn in_json(value: &Value) -> Self {
        let value = value.get(0).unwrap_or(value);
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let word = |key: &str| match error.get(key) {
            Some(Value::String(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        };
        let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
        let mut said = Self { kind: ["type", "code", "status"].map(word).join(" "), ..Self::default() };
        for detail in details {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                said.kind = format!("{} {}", said.kind, reason.to_ascii_lowercase());
            }
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            said.wait = said.wait.or_else(|| seconds(delay?.strip_suffix('s')?));
        }
        let message = ["/message", "/detail", "/error", ""].iter().find_map(|at| error.pointer(at)?.as_str());
        said.message = message.map_or_else(|| error.to_string(), str::to_owned);
        said.status = ["code", "status"].iter().find_map(|key| {
            let status = error.get(*key)?.as_u64().filter(|status| (400..600).contains(status))?;
            u16::try_from(status).ok()
        });
        // llama.cpp tells both numbers apart from its words.
        let count = |key: &str| error.get(key).and_then(Value::as_u64);
        (said.asked, said.limit) = (count("n_prompt_tokens"), count("n_ctx"));
        said
    }

    /// The status that an error inside of an answer means.
    fn meant_status(&self) -> u16 {
        let known = [
            ("overloaded", 529),
            ("rate_limit", 429),
            ("resource_exhausted", 429),
            ("insufficient_quota", 429),
            ("authentication", 401),
            ("permission", 403),
            ("not_found", 404),
            ("invalid", 400),
            ("context_length", 400),
            ("exceed_context", 400),
        ];
        let by_kind = known.iter().find(|(word, _)| self.kind.contains(word)).map(|(_, status)| *status);
        self.status.or(by_kind).unwrap_or(500)
    }

    /// What an error means that stands inside of an answer.
    pub(super) fn inside(&self, site: &Endpoint, model: &str) -> Cause {
        self.means(site, model, self.meant_status(), None)
    }

    /// What it means, answered with this status.
    pub(super) fn means(&self, site: &Endpoint, model: &str, status: u16, wait: Option<Duration>) -> Cause {
        let retry_after = wait.or(self.wait);
        let lower = self.message.to_ascii_lowercase();
        let kind = |word: &str| self.kind.contains(word);
        let says = |word: &str| lower.contains(word);
        let message = || short(site, &self.message);
        let spent = kind("insufficient_quota")
            || kind("enforced_spend_limit_reached")
            || kind("billing")
            || says("enforced_spend_limit_reached")
            || says("exceeded your current quota, please check your plan and billing")
            || says("credit balance is too low");
        let bad_key = kind("api_key_invalid") || says("api key not valid");
        match status {
            401 | 403 => Cause::Credentials { setting: site.key_setting(), status },
            400 if bad_key => Cause::Credentials { setting: site.key_setting(), status },
            402 => Cause::Quota { message: message() },
            400 | 429 if spent => Cause::Quota { message: message() },
            429 => Cause::RateLimited { retry_after },
            413 => Cause::TooLong { asked: None, limit: None },
            529 => Cause::Overloaded { retry_after },
            _ if status >= 500 && kind("overloaded") => Cause::Overloaded { retry_after },
            408 | 409 | 500.. => self.too_long(&lower).unwrap_or(Cause::Server { status, retry_after }),
            404 if kind("not_found") || kind("model") || says("model") => {
                Cause::UnknownModel { model: model.to_owned() }
            }
            404 => {
                let setting = site.base_setting();
                Cause::Refused {
                    status,
                    message: format!("there is nothing at this address; check {setting}"),
                }
            }
            300..400 => {
                let setting = site.base_setting();
                let message = format!("it redirects, which is not followed with a key; check {setting}");
                Cause::Refused { status, message }
            }
            _ => self.too_long(&lower).unwrap_or_else(|| Cause::Refused { status, message: message() }),
        }
    }

    /// Whether the request is too long, with the numbers that are told.
    fn too_long(&self, lower: &str) -> Option<Cause> {
        for (pattern, asked_first) in LENGTHS.iter() {
            let Some(found) = pattern.captures(lower) else { continue };
            let number = |index: usize| {
                found.get(index).and_then(|number| number.as_str().replace([',', '_'], "").parse().ok())
            };
            let (first, second): (Option<u64>, Option<u64>) = (number(1), number(2));
            let (asked, limit) = if *asked_first { (first, second) } else { (second, first) };
            return Some(Cause::TooLong { asked, limit });
        }
        let told = ["context_length_exceeded", "exceed_context_size", "request_too_large"]
            .iter()
            .any(|word| self.kind.contains(word))
            || ["prompt is too long", "context length", "context window", "context size"]
                .iter()
                .any(|word| lower.contains(word) && (lower.contains("exceed") || lower.contains("too long")));
        told.then_some(Cause::TooLong { asked: self.asked, limit: self.limit })
    }
}

/// How long an answer may be, as an endpoint says that refuses a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputBound {
    /// No answer of the model is longer.
    Always(u32),
    /// There is no more room beside what is sent.
    BesideThis(u32),
}

impl OutputBound {
    /// In the words of an endpoint, in lower case.
    pub(super) fn in_words(said: &str) -> Option<Self> {
        let number = |text: &str| text.replace([',', '_'], "").parse::<u64>().ok();
        let fits = |tokens: u64| u32::try_from(tokens).ok();
        for (pattern, exclusive) in BOUNDS.iter() {
            let Some(found) = pattern.captures(said).and_then(|found| number(found.get(1)?.as_str())) else {
                continue;
            };
            return fits(found.saturating_sub(u64::from(*exclusive))).map(Self::Always);
        }
        for pattern in ROOMS.iter() {
            let Some(found) = pattern.captures(said) else { continue };
            let of = |name: &str| found.name(name).and_then(|text| number(text.as_str()));
            let (whole, sent) = (of("whole")?, of("sent")?);
            return fits(whole.saturating_sub(sent)).map(Self::BesideThis);
        }
        None
    }
}

/// How endpoints tell the longest answer, and whether theirs is the first number that is too large.
static BOUNDS: LazyLock<Vec<(Regex, bool)>> = LazyLock::new(|| {
    const NUMBER: &str = r"(\d[\d,_]*)";
    let patterns = [
        // Anthropic.
        (
            format!(r"max_tokens: [\d,_]+ > {NUMBER}, which is the maximum allowed number of output tokens"),
            false,
        ),
        // OpenAI and Azure.
        (format!(r"supports at most {NUMBER} completion tokens"), false),
        // Groq, Mistral.
        (
            format!(r"max(?:_completion)?_tokens`? must be (?:less than or equal to|at most|<=) `?{NUMBER}"),
            false,
        ),
        // DeepSeek.
        (format!(r"valid range of max_tokens is \[\d+, ?{NUMBER}\]"), false),
        // Gemini.
        (
            format!(
                r"maxoutputtokens value of \d+ but the supported range is from \d+ \(inclusive\) to {NUMBER} \(exclusive\)"
            ),
            true,
        ),
        // Bedrock.
        (format!(r"maximum tokens you requested exceeds the model limit of {NUMBER}"), false),
    ];
    patterns
        .into_iter()
        .filter_map(|(pattern, exclusive)| Some((Regex::new(&pattern).ok()?, exclusive)))
        .collect()
});

/// How endpoints tell what they hold in all, and what of it is taken by the request.
static ROOMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    const WHOLE: &str = r"(?<whole>\d[\d,_]*)";
    const SENT: &str = r"(?<sent>\d[\d,_]*)";
    let patterns = [
        // Anthropic.
        format!(r"input length and `max_tokens` exceed context limit: {SENT} \+ [\d,_]+ > {WHOLE}"),
        // vLLM by now.
        format!(r"maximum context length is {WHOLE} tokens and your request has {SENT} input tokens"),
        // vLLM before, and OpenAI.
        format!(
            r"maximum context length is {WHOLE} tokens\W+however, you requested [\d,_]+ tokens \({SENT} in the messages"
        ),
    ];
    patterns.into_iter().filter_map(|pattern| Regex::new(&pattern).ok()).collect()
});

/// How endpoints tell both numbers, and whether that of the request comes first.
static LENGTHS: LazyLock<Vec<(Regex, bool)>> = LazyLock::new(|| {
    const NUMBER: &str = r"(\d[\d,_]*)";
    let patterns = [
        // Anthropic.
        (format!(r"prompt is too long: {NUMBER} tokens > {NUMBER} maximum"), true),
        (format!(r"input length and `max_tokens` exceed context limit: {NUMBER} \+ \d+ > {NUMBER}"), true),
        // OpenAI, vLLM.
        (
            format!(
                r"maximum context length is {NUMBER} tokens\W+however, (?:your messages resulted in|you requested|your request has|your prompt contains)(?: about)? {NUMBER}"
            ),
            false,
        ),
        (
            format!(r"exceed the configured limit of {NUMBER} tokens\W+your messages resulted in {NUMBER}"),
            false,
        ),
        // Gemini.
        (
            format!(
                r"input token count \(?{NUMBER}\)? exceeds the maximum number of tokens allowed \(?{NUMBER}"
            ),
            true,
        ),
        // llama.cpp.
        (
            format!(r"request \({NUMBER} tokens\) exceeds the available context size \({NUMBER} tokens\)"),
            true,
        ),
        (format!(r"maximum context length is {NUMBER} tokens"), false),
    ];
    patterns
        .into_iter()
        .filter_map(|(pattern, asked_first)| Some((Regex::new(&pattern).ok()?, asked_first)))
        .collect()
});

/// In the endpoint's words: on one line, short, and without anything that nobody is to read.
pub(super) fn short(site: &Endpoint, message: &str) -> String {
    let line = message
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let clean = scrub(&site.without_key(&line)).into_owned();
    let mut short: String = clean.chars().take(SHORT).collect();
    if short.len() < clean.len() {
        short.push('…');
    }
    if short.is_empty() { "it says nothing".to_owned() } else { short }
}

/// Before when it is of no use to ask again: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text("retry-after-ms").and_then(seconds).map(|millis| millis.div_f64(1000.0));
    let wait = millis.or_else(|| {
        let after = text("retry-after")?;
        seconds(after).or_else(|| {
            let at = DateTime::parse_from_rfc2822(after).ok()?;
            Some(Timestamp::new(at.to_utc()).since(now))
        })
    })?;
    Some(wait.min(LONGEST_WAIT))
}

fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    let bounded = number.is_finite() && (0.0..1e12).contains(&number);
    bounded.then(|| Duration::from_secs_f64(number))
}
