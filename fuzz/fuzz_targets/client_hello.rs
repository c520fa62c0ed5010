//! [`wire::hello::fuzz_client_hello`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::hello::fuzz_client_hello(data));
