//! JSON among words.

/// An answer from where its JSON begins: without a fence or words in front of it.
pub(super) fn from_json_on(text: &str) -> &str {
    text.find(['{', '[']).map_or("", |start| &text[start..])
}

/// Whether this is all that may stand behind the JSON of an answer: a fence, words, but no more JSON.
pub(super) fn is_epilogue(text: &str) -> bool {
    !text.contains(['{', '[', ']', '}'])
}
