//! [`wire::greeting::fuzz_greeting`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::greeting::fuzz_greeting(data));
