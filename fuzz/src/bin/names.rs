//! See `goalwright_fuzz::names`.
#![no_main]

use goalwright_fuzz::names;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| names::check(bytes));
