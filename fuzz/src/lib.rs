//! What must hold for every input, however hostile: laws, not only the absence of panics.
//!
//! `cargo xtask fuzz` builds a target for each file in `src/bin`, instrumented for coverage, and lets libFuzzer search
//! for inputs that break a law. A law that is broken panics, and the input is kept.
//!
//! To add a target: write the laws in a module here, a file of the same name in `src/bin` that calls them, and small
//! inputs of our own in `seeds/<name>/`. A file `dictionaries/<name>` may list words worth trying.

pub mod cost;
pub mod cursor;
pub mod expression;
pub mod json;
pub mod names;
pub mod outline;
pub mod plans;
pub mod repetition;
pub mod schedule;
pub mod scrub;
pub mod template;

/// The longest text at the beginning of `bytes`.
pub fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Whether a code is what the product calls stable: lower-case words joined by underscores.
fn is_code(code: &str) -> bool {
    !code.is_empty()
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
