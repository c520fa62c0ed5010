//! [`wire::net::fuzz::fuzz_frame`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::net::fuzz::fuzz_frame(data));
