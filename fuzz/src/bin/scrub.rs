//! See `goalwright_fuzz::scrub`.
#![no_main]

use goalwright_fuzz::{scrub, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrub::check(text(bytes)));
