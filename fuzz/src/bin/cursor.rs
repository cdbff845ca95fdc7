//! See `goalwright_fuzz::cursor`.
#![no_main]

use goalwright_fuzz::{cursor, text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cursor::check(text(bytes)));
