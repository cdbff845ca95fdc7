//! See `goalwright_fuzz::outline`.
#![no_main]

use goalwright_fuzz::{outline, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outline::check(text(bytes)));
