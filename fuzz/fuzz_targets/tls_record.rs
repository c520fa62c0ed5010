//! [`wire::tls::fuzz_tls_record`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::tls::fuzz_tls_record(data));
