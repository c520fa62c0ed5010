//! Shared harness of the cross-crate tests: namespaces with real servers ([`lab`]), real clients
//! at work ([`clients`]), steady streams of
//! numbered datagrams through them ([`stream`]).
//!
//! Tests panic where they can't go on: a privileged test that can't run as asked is red.

pub mod clients;
pub mod lab;
pub mod stream;
