//! What the program is told of the configuration.

use std::time::Duration;

use abi::budget::Budget;
use abi::service::{self, Bitmap, Transport};
use abi::{Fragments, OnFailure, Outcome, OutcomeSet, PortConfig, Refusals};
use policy::{Policy, Reason};

/// Signs of life that a worker may miss before it counts as hung.
const BEATS_MISSED: u32 = 5;

/// The part of the configuration that the program works by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How ports treat frames of services.
    pub port: PortConfig,
    /// The services.
    pub services: Vec<(Transport, u16)>,
    /// The UDP ports among them that are plain CoAP.
    pub coap: Vec<u16>,
}

impl Settings {
    /// Those of a configuration with its rules: what the rules stop in any case, the program may too.
    #[must_use]
    pub fn of(config: &policy::Config, policy: &Policy) -> Self {
        let mut settings = Self::from(config);
        settings.port.coap_refused = coap_refused(policy);
        settings
    }

    pub(super) fn services(&self) -> Bitmap {
        bitmap(self.services.iter().copied())
    }

    pub(super) fn coap(&self) -> Bitmap {
        bitmap(self.coap.iter().map(|&port| (Transport::Udp, port)))
    }
}

fn bitmap(services: impl Iterator<Item = (Transport, u16)>) -> Bitmap {
    let mut bitmap = service::EMPTY;
    for (transport, port) in services {
        service::insert(&mut bitmap, transport, port);
    }
    bitmap
}

/// The program's findings in CoAP that the rules stop in any case. A message that is too large may be
/// malformed besides, which the program doesn't look for: it has to be stopped for that as well.
fn coap_refused(policy: &Policy) -> OutcomeSet {
    let stops = |outcome: &&Outcome| {
        let reason = outcome.reason().and_then(Reason::from_code);
        reason.is_some_and(|reason| policy.always_stops(reason))
    };
    let mut malformed = Reason::ALL
        .iter()
        .filter(|reason| reason.is_malformed() && reason.family() == "coap");
    let all_malformed_stop = malformed.all(|&reason| policy.always_stops(reason));
    Outcome::ALL
        .iter()
        .filter(stops)
        .filter(|outcome| all_malformed_stop || **outcome != Outcome::CoapTooLarge)
        .fold(OutcomeSet::default(), |set, outcome| set.with(*outcome))
}

fn budget(budget: &policy::Budget) -> Budget {
    const SECOND_NS: u64 = 1_000_000_000;
    let cost_ns = |rate| SECOND_NS.checked_div(rate).unwrap_or(0);
    let rates = [budget.tcp_packets_per_second, budget.udp_packets_per_second];
    Budget {
        cost_ns: rates.map(cost_ns),
        response_ns: cost_ns(budget.coap_responses_per_second),
        burst_ns: nanos(budget.burst),
        key: [0; 2],
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
                budget: budget(&config.budget),
                coap_refused: OutcomeSet::default(),
                coap_bytes_max: config.limits.coap_message_bytes as u64,
            },
            services: [tcp, udp].concat(),
            coap: config.services.coap.clone(),
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
        let Settings { port, services, .. } = Settings::from(&config);
        assert!(services.contains(&(Transport::Tcp, 5683)));
        assert_eq!(port.refusals, Refusals::Monitored);
        assert_eq!(port.on_failure, OnFailure::Closed);
        assert_eq!(port.fragments, Fragments::Forward);
    }

    fn refused(mode: policy::Mode, pack: &str) -> Vec<&'static str> {
        let config = policy::Config {
            mode,
            ..policy::Config::default()
        };
        let pack = policy::SourceText::new("pack.toml", pack);
        let policy = Policy::compile(&config, &[pack]).expect("a valid pack");
        let refused = Settings::of(&config, &policy).port.coap_refused;
        let held = Outcome::ALL
            .iter()
            .filter(|outcome| refused.contains(**outcome));
        held.filter_map(|outcome| outcome.reason()).collect()
    }

    #[test]
    fn every_reason_of_the_program_is_one_of_the_inspector() {
        let codes: Vec<_> = Outcome::ALL.iter().filter_map(|o| o.reason()).collect();
        assert_eq!(codes.len(), 10);
        assert!(
            codes.iter().all(|code| Reason::from_code(code).is_some()),
            "{codes:?}"
        );
    }

    #[test]
    fn the_program_stops_only_what_the_rules_stop_in_any_case() {
        use policy::Mode::{Enforce, Monitor};
        let rule = |matching: &str, action: &str| {
            format!(
                "[[rule]]\nid = \"r\"\ndescription = \"d\"\nmatch = {{ {matching} }}\naction = \"{action}\"\n"
            )
        };
        // What can't be parsed is stopped without a rule; too large isn't malformed.
        assert_eq!(refused(Enforce, "").len(), 9);
        assert!(!refused(Enforce, "").contains(&"coap.too-large"));
        let drop = rule(
            "reason = [\"coap.malformed.*\", \"coap.too-large\"]",
            "drop",
        );
        assert_eq!(refused(Enforce, &drop).len(), 10);
        assert!(refused(Monitor, &drop).is_empty());
        let some = rule(
            "reason = \"coap.too-large\", source = \"10.0.0.0/8\"",
            "drop",
        );
        assert_eq!(refused(Enforce, &some).len(), 9);
        let version = rule(
            "reason = \"coap.malformed.version\", source = \"10.0.0.7\"",
            "accept",
        );
        let left = refused(Enforce, &version);
        assert!(left.len() == 8 && !left.contains(&"coap.malformed.version"));
        // An accept that doesn't name what is malformed isn't one of it.
        let accept = rule("source = \"10.0.0.7\"", "accept");
        assert_eq!(refused(Enforce, &accept).len(), 9);
        let alert = rule("reason = \"coap.malformed.*\"", "alert");
        assert_eq!(refused(Enforce, &alert).len(), 9);
        // A message may be too large and malformed, and the one be accepted, the other not.
        let delta = rule("reason = \"coap.malformed.option-delta\"", "accept");
        let both = format!("{delta}{}", drop.replace("\"r\"", "\"s\""));
        assert_eq!(refused(Enforce, &both).len(), 9);
    }

    #[test]
    fn budgets_are_told_as_the_time_between_frames() {
        let mut config = policy::Config::default();
        config.budget.tcp_packets_per_second = 0;
        let told = Settings::from(&config).port.budget;
        assert_eq!(told.cost_ns, [0, 50_000]);
        assert_eq!(told.response_ns, 20_000);
        assert_eq!(told.burst_ns, 1_000_000_000);
    }
}
