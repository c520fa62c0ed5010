//! Shared harness of the cross-crate tests: namespaces with real servers ([`lab`]), real clients
//! at work ([`clients`], [`peers`], [`coap`]), steady streams of
//! numbered datagrams through them ([`stream`]), a wire that is long and loses frames ([`relay`]);
//! frames from the inside out ([`frame`]), noise ([`noise`]), and the XDP program in the kernel's test
//! run ([`xdp`]); the captures that are replayed ([`captures`]), and the tables of clauses in the
//! documents ([`clauses`]).
//!
//! Tests panic where they can't go on: a privileged test that can't run as asked is red.

pub mod captures;
pub mod clauses;
pub mod clients;
pub mod coap;
pub mod frame;
pub mod lab;
pub mod noise;
pub mod peers;
pub mod relay;
pub mod stream;
pub mod xdp;
