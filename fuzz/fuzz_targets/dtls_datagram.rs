//! [`wire::dtls::fuzz_dtls_datagram`] under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::dtls::fuzz_dtls_datagram(data));
