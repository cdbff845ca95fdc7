//! See `goalwright_fuzz::template`.
#![no_main]

use goalwright_fuzz::{template, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| template::check(text(bytes)));
