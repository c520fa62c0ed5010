//! Builders of frames and conversations for tests.

pub mod coap;
pub mod frames;
pub mod mqtt;
