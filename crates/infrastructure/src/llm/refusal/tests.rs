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
        (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "overloaded"),
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

#[test]
fn the_longest_answer_is_told_by_every_family() {
    use OutputBound::{Always, BesideThis};
    for (message, expected) in [
        (
            "max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307",
            Some(Always(4_096)),
        ),
        (
            "max_tokens is too large: 32768. This model supports at most 16384 completion tokens, whereas you provided 32768.",
            Some(Always(16_384)),
        ),
        (
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the \
             `context_window` for this model",
            Some(Always(8_192)),
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", Some(Always(8_192))),
        (
            "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 \
             (inclusive) to 8193 (exclusive). Update the value and try again.",
            Some(Always(8_192)),
        ),
        (
            "The maximum tokens you requested exceeds the model limit of 4,096. Try again with a maximum tokens value that \
             is lower.",
            Some(Always(4_096)),
        ),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
            Some(BesideThis(10_000)),
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens \
             and your request has 120 input tokens (8192 > 4096 - 120).",
            Some(BesideThis(3_976)),
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 8312 tokens (120 in the messages, \
             8192 in the completion). Please reduce the length of the messages or completion.",
            Some(BesideThis(3_976)),
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens (8000 in the messages, \
             1000 in the completion).",
            Some(BesideThis(0)),
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", None),
        (
            "max_tokens: 99999999999999999999999 > 88888888888888888888888, which is the maximum allowed number of output tokens",
            None,
        ),
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            None,
        ),
        ("tools: max 20", None),
        ("", None),
    ] {
        assert_eq!(OutputBound::in_words(&message.to_ascii_lowercase()), expected, "{message}");
    }
}
