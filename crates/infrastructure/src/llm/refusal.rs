//! What endpoints say when they do not answer, and what it means.

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
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
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

#[cfg(test)]
mod tests {
    use goalwright_domain::model::Provider;
    use serde_json::json;

    use super::*;

    fn site(provider: Provider) -> Endpoint {
        Endpoint::new(provider, "https://models.test/v1", Some("s3cret-key")).expect("an endpoint")
    }

    fn means(provider: Provider, status: u16, body: &str) -> Cause {
        Said::in_body(body.as_bytes()).means(&site(provider), "m-1", status, None)
    }

    #[test]
    fn lengths_are_told_with_both_numbers_by_every_family() {
        use Provider::{Anthropic, OpenAi};
        for (provider, message, asked, limit) in [
            (Anthropic, "prompt is too long: 210000 tokens > 200000 maximum", Some(210_000), Some(200_000)),
            (
                Anthropic,
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
                Some(190_000),
                Some(200_000),
            ),
            (
                OpenAi,
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 130,512 \
                 tokens. Please reduce the length of the messages.",
                Some(130_512),
                Some(128_000),
            ),
            (
                OpenAi,
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the \
                 messages, 1000 in the completion).",
                Some(5_000),
                Some(4_096),
            ),
            (
                OpenAi,
                "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300001 tokens.",
                Some(300_001),
                Some(272_000),
            ),
            (
                OpenAi,
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                Some(1_200_000),
                Some(1_048_576),
            ),
            (
                OpenAi,
                "This model's maximum context length is 8192 tokens, and there is no more.",
                None,
                Some(8_192),
            ),
        ] {
            let body = json!({"error": {"message": message, "type": "invalid_request_error"}}).to_string();
            assert_eq!(means(provider, 400, &body), Cause::TooLong { asked, limit }, "{message}");
        }
        let llama = r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it",
            "type":"exceed_context_size_error","n_prompt_tokens":5213,"n_ctx":4096}}"#;
        assert_eq!(means(OpenAi, 400, llama), Cause::TooLong { asked: Some(5_213), limit: Some(4_096) });
        let coded = r#"{"error":{"code":"context_length_exceeded","message":"too much"}}"#;
        assert_eq!(means(OpenAi, 400, coded), Cause::TooLong { asked: None, limit: None });
        assert_eq!(
            means(Anthropic, 413, r#"{"type":"error","error":{"type":"request_too_large"}}"#),
            Cause::TooLong { asked: None, limit: None }
        );
    }

    #[test]
    fn what_is_spent_is_told_apart_from_what_is_too_much_for_now() {
        let quota = |status, body: &str| {
            let cause = means(Provider::OpenAi, status, body);
            assert_eq!(cause.class(), "quota", "{body}");
        };
        quota(429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#);
        quota(429, r#"{"error":{"type":"enforced_spend_limit_reached","message":"limit"}}"#);
        quota(402, r#"{"error":{"message":"Insufficient Balance"}}"#);
        quota(
            400,
            r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to access"}}"#,
        );
        let gemini = r#"[{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED",
            "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}]"#;
        let wait = Some(Duration::from_secs(37));
        assert_eq!(means(Provider::OpenAi, 429, gemini), Cause::RateLimited { retry_after: wait });
    }

    #[test]
    fn a_key_that_is_not_accepted_is_named_by_its_setting_and_never_shown() {
        for (provider, status, body) in [
            (
                Provider::Anthropic,
                401,
                r#"{"type":"error","error":{"type":"authentication_error","message":"x"}}"#,
            ),
            (Provider::OpenAi, 403, "Forbidden: s3cret-key"),
            (
                Provider::OpenAi,
                400,
                r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.",
                "status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            ),
        ] {
            let setting = site(provider).key_setting();
            assert_eq!(means(provider, status, body), Cause::Credentials { setting, status });
        }
        let echo =
            means(Provider::OpenAi, 400, r#"{"error":{"message":"you sent Bearer s3cret-key\n\n to us"}}"#);
        let shown = format!("{echo} {echo:?}");
        assert!(!shown.contains("s3cret") && shown.contains("to us"), "{shown}");
    }

    #[test]
    fn models_and_addresses_that_are_not_there_are_told_apart() {
        let body = r#"{"type":"error","error":{"type":"not_found_error","message":"model: m-1"}}"#;
        assert_eq!(means(Provider::Anthropic, 404, body), Cause::UnknownModel { model: "m-1".to_owned() });
        let page = means(Provider::OpenAi, 404, "<html>404 page not found</html>").to_string();
        assert!(page.contains("OPENAI_BASE_URL"), "{page}");
        let moved = means(Provider::Anthropic, 301, "").to_string();
        assert!(moved.contains("ANTHROPIC_BASE_URL"), "{moved}");
    }

    #[test]
    fn every_other_status_has_its_class() {
        for (status, body, class) in [
            (400, r#"{"error":{"message":"messages: at least one message is required"}}"#, "refused"),
            (422, r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, "refused"),
            (408, "", "server"),
            (409, "", "server"),
            (500, "<html>", "server"),
            (502, "", "server"),
            (503, r#"{"error":{"type":"overloaded_error"}}"#, "overloaded"),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "overloaded",
            ),
        ] {
            assert_eq!(means(Provider::OpenAi, status, body).class(), class, "{status} {body}");
        }
        for (body, class) in [
            (
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
                "overloaded",
            ),
            (json!({"type": "error", "error": {"type": "api_error", "message": "Internal"}}), "server"),
            (json!({"error": {"code": 429, "message": "slow down"}}), "rate_limited"),
            (json!({"error": {"message": "invalid", "type": "invalid_request_error"}}), "refused"),
            (json!({"error": "out of memory"}), "server"),
        ] {
            let cause = Said::in_json(&body).inside(&site(Provider::OpenAi), "m-1");
            assert_eq!(cause.class(), class, "{body}");
        }
    }

    #[test]
    fn a_wait_is_told_in_three_ways() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                ((*name).parse().expect("a name"), reqwest::header::HeaderValue::from_static(value))
            });
            retry_after(&headers.collect(), now)
        };
        let after = |millis| Some(Duration::from_millis(millis));
        assert_eq!(wait(&[("retry-after", "7")]), after(7_000));
        assert_eq!(wait(&[("retry-after", "0.5")]), after(500));
        assert_eq!(wait(&[("retry-after", "7"), ("retry-after-ms", "250")]), after(250));
        assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 12:00:30 GMT")]), after(30_000));
        assert_eq!(wait(&[("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT")]), after(0));
        assert_eq!(wait(&[("retry-after", "9e11")]), Some(LONGEST_WAIT));
        assert_eq!(wait(&[("retry-after", "-1")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }
}
