//! See `goalwright_fuzz::repetition`.
#![no_main]

use goalwright_fuzz::{repetition, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| repetition::check(text(bytes)));
