//! Plaintext where there should be TLS.

use super::Observation;
use super::control_packets::{connected, seen_by_broker};
use crate::demo::scene::{Scene, port};
use crate::netns::{Family, Result};

/// The attacker's address that belongs to the contractors.
const CONTRACTOR: u8 = 10;

/// The contractors' zone, which must use TLS, as configuration of the gateway.
pub const TLS_ZONE: &str = "[zones]\ncontractors = [\"10.77.0.110/32\", \"fd77::110/128\"]\n\n\
                            [tls]\nrequired_from = [\"contractors\"]\n";

/// CONNECT of MQTT 3.1.1 with user name "maria" and password "s3same".
const LOGIN: &[u8] =
    b"\x10\x24\x00\x04MQTT\x04\xc2\x00\x3c\x00\x09notebook3\x00\x05maria\x00\x06s3same";

pub(super) fn on_the_tls_port(scene: &Scene, family: Family) -> Result<Observation> {
    let mut talk = connected(scene, 4, family, port::MQTTS);
    seen_by_broker(scene, &mut talk, LOGIN, "wrong version number")
}

pub(super) fn from_a_tls_zone(scene: &Scene, family: Family) -> Result<Observation> {
    let mut talk = connected(scene, CONTRACTOR, family, port::MQTT);
    seen_by_broker(scene, &mut talk, LOGIN, "as notebook3")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::{Host, address};

    #[test]
    fn the_zone_is_where_the_contractor_is() {
        for family in [Family::V4, Family::V6] {
            let contractor = address(Host::Attacker, CONTRACTOR, family).to_string();
            assert!(
                TLS_ZONE.contains(&format!("\"{contractor}/")),
                "{contractor}"
            );
        }
    }

    #[test]
    fn the_login_is_as_long_as_it_says() {
        assert_eq!(LOGIN.len(), 2 + usize::from(LOGIN[1]));
    }
}
