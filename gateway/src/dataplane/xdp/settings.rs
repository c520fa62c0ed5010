//! What the program is told of the configuration.

use std::time::Duration;

use abi::service::{self, Bitmap, Transport};
use abi::{Fragments, OnFailure, PortConfig, Refusals};

/// Signs of life that a worker may miss before it counts as hung.
const BEATS_MISSED: u32 = 5;

/// The part of the configuration that the program works by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How ports treat frames of services.
    pub port: PortConfig,
    /// The services.
    pub services: Vec<(Transport, u16)>,
}

impl Settings {
    pub(super) fn services(&self) -> Bitmap {
        let mut bitmap = service::EMPTY;
        for &(transport, port) in &self.services {
            service::insert(&mut bitmap, transport, port);
        }
        bitmap
    }
}

impl From<&policy::Config> for Settings {
    fn from(config: &policy::Config) -> Self {
        let services = &config.services;
        let tcp = ports(Transport::Tcp, &services.over_tcp());
        let udp = ports(Transport::Udp, &services.over_udp());
        Self {
            port: PortConfig {
                stale_after_ns: nanos(config.dataplane.heartbeat * BEATS_MISSED),
                on_failure: match config.on_failure {
                    policy::OnFailure::Open => OnFailure::Open,
                    policy::OnFailure::Closed => OnFailure::Closed,
                },
                fragments: match config.fragments {
                    policy::Fragments::Drop => Fragments::Drop,
                    policy::Fragments::Forward => Fragments::Forward,
                },
                refusals: match config.mode {
                    policy::Mode::Enforce => Refusals::Enforced,
                    policy::Mode::Monitor => Refusals::Monitored,
                },
            },
            services: [tcp, udp].concat(),
        }
    }
}

fn ports(transport: Transport, services: &[(&[u16], policy::Service)]) -> Vec<(Transport, u16)> {
    let ports = services.iter().flat_map(|(ports, _)| *ports);
    ports.map(|port| (transport, *port)).collect()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_four_services_with_an_open_fallback() {
        let settings = Settings::from(&policy::Config::default());
        let expected = [
            (Transport::Tcp, 1883),
            (Transport::Tcp, 8883),
            (Transport::Udp, 5683),
            (Transport::Udp, 5684),
        ];
        assert_eq!(settings.services, expected);
        assert_eq!(settings.port.on_failure, OnFailure::Open);
        assert_eq!(settings.port.stale_after_ns, 100_000_000);
        let bitmap = settings.services();
        for port in 0..=u16::MAX {
            for transport in [Transport::Tcp, Transport::Udp] {
                let is_service = expected.contains(&(transport, port));
                assert_eq!(service::contains(&bitmap, transport, port), is_service);
            }
        }
    }

    #[test]
    fn what_the_operator_decides_reaches_the_program() {
        let config = policy::Config {
            services: policy::Services {
                coap_tcp: vec![5683],
                ..policy::Services::default()
            },
            mode: policy::Mode::Monitor,
            on_failure: policy::OnFailure::Closed,
            fragments: policy::Fragments::Forward,
            ..policy::Config::default()
        };
        let Settings { port, services } = Settings::from(&config);
        assert!(services.contains(&(Transport::Tcp, 5683)));
        assert_eq!(port.refusals, Refusals::Monitored);
        assert_eq!(port.on_failure, OnFailure::Closed);
        assert_eq!(port.fragments, Fragments::Forward);
    }
}
