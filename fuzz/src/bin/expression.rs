//! See `goalwright_fuzz::expression`.
#![no_main]

use goalwright_fuzz::{expression, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| expression::check(text(bytes)));
