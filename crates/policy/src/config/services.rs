//! Which ports belong to which service.

use crate::Service;

/// `[services]`: the server ports of each service; no port stands in two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Plaintext MQTT (TCP), default 1883.
    pub mqtt: Vec<u16>,
    /// MQTT over TLS (TCP), default 8883.
    pub mqtts: Vec<u16>,
    /// Plaintext CoAP (UDP), default 5683.
    pub coap: Vec<u16>,
    /// CoAP over DTLS (UDP), default 5684.
    pub coaps: Vec<u16>,
    /// Plaintext CoAP over TCP, by default none.
    pub coap_tcp: Vec<u16>,
}

impl Services {
    /// The services over TCP, with their ports.
    #[must_use]
    pub fn over_tcp(&self) -> [(&[u16], Service); 3] {
        [
            (&self.mqtt, Service::Mqtt),
            (&self.mqtts, Service::Mqtts),
            (&self.coap_tcp, Service::CoapTcp),
        ]
    }

    /// The same, but that every service has a port: its usual one, or the next that is free.
    #[must_use]
    pub fn complete(mut self) -> Self {
        let usual = Self {
            coap_tcp: vec![5683],
            ..Self::default()
        };
        fill([
            (&mut self.mqtt, usual.mqtt),
            (&mut self.mqtts, usual.mqtts),
            (&mut self.coap_tcp, usual.coap_tcp),
        ]);
        fill([(&mut self.coap, usual.coap), (&mut self.coaps, usual.coaps)]);
        self
    }

    /// The services over UDP, with their ports.
    #[must_use]
    pub fn over_udp(&self) -> [(&[u16], Service); 2] {
        [(&self.coap, Service::Coap), (&self.coaps, Service::Coaps)]
    }
}

/// Gives a port of its own to each service of one transport that has none.
fn fill<const N: usize>(services: [(&mut Vec<u16>, Vec<u16>); N]) {
    for at in 0..N {
        if !services[at].0.is_empty() {
            continue;
        }
        let is_free = |port: &u16| !services.iter().any(|(ports, _)| ports.contains(port));
        let usual = services[at].1.iter().copied();
        let port = usual.chain(1..=u16::MAX).find(is_free);
        services[at].0.extend(port);
    }
}

impl Default for Services {
    fn default() -> Self {
        Self {
            mqtt: vec![1883],
            mqtts: vec![8883],
            coap: vec![5683],
            coaps: vec![5684],
            coap_tcp: Vec::new(),
        }
    }
}
