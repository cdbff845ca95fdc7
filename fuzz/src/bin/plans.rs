//! See `goalwright_fuzz::plans`.
#![no_main]

use goalwright_fuzz::{plans, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| plans::check(text(bytes)));
