//! What is asked of ordinary CoAP on its way through the gateway.

use std::time::Duration;

use gateway::netns::peers::Gateway;

use crate::lab::must;

/// An answer that takes longer has met a loss: nobody sends again before two seconds are over
/// (RFC 7252 §4.8).
pub const PATIENT: Duration = Duration::from_millis(1500);

/// Asserts that the gateway has found nothing, and stopped nothing, except that a client nothing was known
/// of had to show that its address is its own.
///
/// # Panics
/// When it did more.
pub fn only_asked_for_proof(gateway: &Gateway<'_>) {
    for event in must(gateway.events()) {
        let told = [&event["weir"]["reason"], &event["weir"]["verdict"]];
        assert_eq!(
            told,
            ["coap.amplification.ratio", "challenge"],
            "ordinary work met {event:#}"
        );
    }
    let metrics = must(gateway.metrics());
    assert_eq!(metrics.sum("weir_limit_hits_total", &[]), 0.0);
}
