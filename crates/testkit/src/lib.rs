//! Builders of frames, scripted conversations and reference models for Weir's tests.

pub mod callgrind;
pub mod coap;
pub mod conversation;
pub mod dialogue;
pub mod frames;
pub mod fuzz;
pub mod mqtt;
pub mod network;
pub mod reference;
