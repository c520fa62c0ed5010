//! [`wire::mqtt::fuzz::fuzz_topics`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::mqtt::fuzz::fuzz_topics(data));
