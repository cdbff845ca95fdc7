//! See `goalwright_fuzz::schedule`.
#![no_main]

use goalwright_fuzz::{schedule, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schedule::check(text(bytes)));
