//! What must not be in an audit copy although it was in the original: passwords, tokens, cookies.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::scrub::{scrub, scrub_under};

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
    if !may_name_secret(name) {
        return false;
    }
    let words = words(name);
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| pair[1] == "key" && SECRET_KEYS.contains(&pair[0].as_str()))
}

/// Beginnings of which every name of a secret has one somewhere.
const BEGINNINGS: &[&[u8; 3]] = &[b"api", b"aut", b"coo", b"cre", b"pas", b"sec", b"tok", b"key"];

/// Whether it is worth taking the name apart: every field of every record is asked about.
fn may_name_secret(name: &str) -> bool {
    let begins = |three: &[u8]| BEGINNINGS.iter().any(|beginning| three.eq_ignore_ascii_case(*beginning));
    // Other alphabets have letters that become these in lower case.
    !name.is_ascii() || name.as_bytes().windows(3).any(begins)
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

/// A value whose fields with the name of a secret hold [`REDACTED`], and whose other texts and numbers are
/// [scrubbed](crate::scrub).
pub fn without_secrets(value: &Value) -> Value {
    under("", value)
}

/// The same for what stands under a name, which tells what a number is.
fn under(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => json!(scrub_under(name, text)),
        Value::Array(items) => items.iter().map(|item| under(name, item)).collect(),
        Value::Object(fields) => {
            let mut kept = Map::with_capacity(fields.len());
            let mut same: HashMap<String, usize> = HashMap::new();
            for (name, value) in fields {
                let hidden = !value.is_null() && names_secret(name);
                let value = if hidden { json!(REDACTED) } else { under(name, value) };
                let mut free = scrub(name).into_owned();
                // Two people's addresses are two fields still.
                while kept.contains_key(&free) {
                    let count = same.entry(scrub(name).into_owned()).or_insert(1);
                    *count += 1;
                    free = format!("{} {count}", scrub(name));
                }
                kept.insert(free, value);
            }
            Value::Object(kept)
        }
        // Cards and accounts are numbers in some people's JSON.
        Value::Number(number) if number.as_i64().is_some_and(|number| number.abs() >= 10_000_000) => {
            match scrub_under(name, &number.to_string()) {
                Cow::Borrowed(_) => value.clone(),
                Cow::Owned(scrubbed) => json!(scrubbed),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
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
            "url": "https://[credentials]@example.org/a?b",
        });
        assert_eq!(without_secrets(&value), expected);
    }

    #[test]
    fn what_belongs_to_people_is_taken_out_of_names_texts_and_numbers() {
        let value = json!({
            "ada@example.org": 1, "bob@example.org": 2, "card": 4_010_928_159_013_962_i64, "n": 4_155_552_671_i64,
            "phone": [4_155_552_671_i64], "ssn": "219099999", "version": "1.2.3.4", "peer": "1.2.3.4",
        });
        let expected = json!({
            "[email]": 1, "[email] 2": 2, "card": "[card]", "n": 4_155_552_671_i64,
            "phone": ["[phone]"], "ssn": "[government-id]", "version": "1.2.3.4", "peer": "[ip]",
        });
        assert_eq!(without_secrets(&value), expected);
    }

    #[test]
    fn urls_in_a_text_lose_user_and_password() {
        for (text, expected) in [
            ("no url", "no url"),
            ("https://example.org/@ann", "https://example.org/@ann"),
            ("see ftp://a:b@h:1/x, mail c@d", "see ftp://[credentials]@h:1/x, mail c@d"),
            ("http://p@ss@h http://u@i", "http://[credentials]@h http://[credentials]@i"),
            ("a://", "a://"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }
}
