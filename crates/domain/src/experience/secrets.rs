//! What must not be in an audit copy although it was in the original: passwords, tokens, cookies.

use serde_json::{Value, json};

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// Words that make a name the name of a secret.
const SECRET_WORDS: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "cookie2",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
];
/// What a secret key is a key for; an idempotency key or a key of a map is none.
const SECRET_KEYS: &[&str] =
    &["access", "account", "api", "auth", "private", "secret", "signing", "subscription"];

/// Whether a header, parameter or field of this name holds a secret: `Authorization`, `X-Api-Key`, `accessToken`,
/// `client_secret`; not `Idempotency-Key` and not `max_tokens`.
pub fn names_secret(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| pair[1] == "key" && SECRET_KEYS.contains(&pair[0].as_str()))
}

/// The words of a name in lower case, whether it is written `api-key`, `api_key`, `apiKey` or `API_KEY`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for letter in name.chars() {
        let begins = letter.is_uppercase() && before_is_lower;
        if !letter.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_is_lower = letter.is_lowercase();
    }
    words
}

/// A value whose fields with the name of a secret hold [`REDACTED`], and whose texts are [`text_without_secrets`].
pub fn without_secrets(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text_without_secrets(text)),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let hidden = !value.is_null() && names_secret(name);
                (name.clone(), if hidden { json!(REDACTED) } else { without_secrets(value) })
            };
            fields.iter().map(field).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A text whose URLs have lost user and password: `https://[redacted]@example.org/`.
pub fn text_without_secrets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        kept.push_str(before);
        let ends = |c: char| c.is_whitespace() || "/\\?#\"'`<>".contains(c);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        rest = after;
        // Only what follows the last `@` is free of secrets, whatever a password is made of.
        if let Some(end) = authority.rfind('@') {
            kept.push_str(REDACTED);
            rest = &after[end..];
        }
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Cookie",
            "Set-Cookie",
            "X-Api-Key",
            "x_api_key",
            "apiKey",
            "APIKEY",
            "accessToken",
            "X-Auth-Token",
            "client_secret",
            "PASSWORD",
            "Ocp-Apim-Subscription-Key",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in ["Idempotency-Key", "key", "max_tokens", "Accept", "author", "keyboard", "", "secretary"]
        {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_taken_out_at_any_depth() {
        let value = json!({
            "headers": {"Authorization": "Bearer abc", "Accept": "text/plain"},
            "list": [{"password": {"is": "x"}}, {"token": null}],
            "url": "https://ann:pw@example.org/a?b",
        });
        let expected = json!({
            "headers": {"Authorization": "[redacted]", "Accept": "text/plain"},
            "list": [{"password": "[redacted]"}, {"token": null}],
            "url": "https://[redacted]@example.org/a?b",
        });
        assert_eq!(without_secrets(&value), expected);
    }

    #[test]
    fn urls_in_a_text_lose_user_and_password() {
        for (text, expected) in [
            ("no url", "no url"),
            ("https://example.org/@ann", "https://example.org/@ann"),
            ("see ftp://a:b@h:1/x, mail c@d", "see ftp://[redacted]@h:1/x, mail c@d"),
            ("http://p@ss@h http://u@i", "http://[redacted]@h http://[redacted]@i"),
            ("a://", "a://"),
        ] {
            assert_eq!(text_without_secrets(text), expected);
        }
    }
}
