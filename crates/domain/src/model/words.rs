//! Words of models and of those who run them: the JSON among them, and as much of them as is kept.

use serde_json::Value;

/// An answer from where its JSON begins: without a fence or words in front of it. Empty if there is none.
pub fn from_json_on(text: &str) -> &str {
    text.find(['{', '[']).map_or("", |start| &text[start..])
}

/// The JSON of an answer that may have a fence or words around it, and what stands behind it; none if there is none. Whether
/// that may stand there is for the caller to say.
///
/// # Errors
/// What is wrong with the JSON.
pub fn json_among(text: &str) -> Option<serde_json::Result<(Value, &str)>> {
    let text = from_json_on(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?;
    Some(value.map(|value| (value, &text[values.byte_offset()..])))
}

/// At most so many characters of these words, without the one that not every database stores.
pub fn kept_words(words: &str, most: usize) -> String {
    words.chars().filter(|one| *one != '\0').take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_among_words() {
        let found = |text| json_among(text).map(|json| json.expect("it is whole"));
        assert_eq!(found("{\"a\": [1]}"), Some((json!({"a": [1]}), "")));
        assert_eq!(found("Here:\n```json\n[1, \"{\"]\n```\nBye"), Some((json!([1, "{"]), "\n```\nBye")));
        assert_eq!(found("{} {}"), Some((json!({}), " {}")));
        assert_eq!((found("none"), from_json_on("none")), (None, ""));
        assert!(json_among("so {a").is_some_and(|json| json.is_err()));
    }

    #[test]
    fn what_is_kept_of_words_has_an_end() {
        assert_eq!(kept_words("a\0bcd", 3), "abc");
        assert_eq!(kept_words("ä\0", usize::MAX), "ä");
    }
}
