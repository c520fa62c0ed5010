//! [`testkit::fuzz::fuzz_stream`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzz::fuzz_stream(data));
