//! How an address is proved: challenges and their cookies, and probes.

pub(super) mod answer;
pub(super) mod challenge;
pub(super) mod echo;
pub(super) mod probe;
pub(super) mod resource;
