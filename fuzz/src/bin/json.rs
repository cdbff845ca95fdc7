//! See `goalwright_fuzz::json`.
#![no_main]

use goalwright_fuzz::{json, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| json::check(text(bytes)));
