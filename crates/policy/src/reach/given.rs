//! What the kind of a rule's messages says by itself: on which service they are read, at which port, and which
//! end is the client's.

use wire::Direction;

use crate::matching::{Bounds, Condition, Matching, Measure, Numbers, Scope};
use crate::{Protocol, Service, Services};

/// Conditions that hold for whatever the rule matches, beside its own.
pub(super) fn by_kind(matching: &Matching, services: &Services) -> Vec<Condition> {
    let mut given = Vec::new();
    let mut ways = [Direction::ToServer, Direction::ToClient].into_iter();
    let way = ways.find(|way| matching.scope.is_subset(Scope::direction(*way)));
    if let Some(carriers) = carriers(matching.scope, services) {
        given.extend(way.and_then(|way| port(way, &carriers)));
        let carriers = carriers.iter().map(|(service, _)| *service);
        given.push(Condition::Service(carriers.collect()));
    }
    given.extend(way.into_iter().flat_map(|way| ends(matching, way)));
    given
}

/// The services that such messages are read on, with their ports: no encrypted ones, and none without a port. None
/// are known of what couldn't be decoded.
fn carriers(scope: Scope, services: &Services) -> Option<Vec<(Service, &[u16])>> {
    let coap = Scope::decoded().and(Scope::protocol(Protocol::Coap));
    let is_of = if scope.is_subset(Scope::decoded_packets()) {
        |service| service == Service::Mqtt
    } else if scope.is_subset(coap) {
        |service| matches!(service, Service::Coap | Service::CoapTcp)
    } else {
        return None;
    };
    let all = services.over_tcp().into_iter().chain(services.over_udp());
    let carriers = all.filter(|(ports, service)| is_of(*service) && !ports.is_empty());
    let carriers: Vec<_> = carriers.map(|(ports, service)| (service, ports)).collect();
    (!carriers.is_empty() && !scope.is_empty()).then_some(carriers)
}

/// The server's port, where messages go one way.
fn port(way: Direction, carriers: &[(Service, &[u16])]) -> Option<Condition> {
    let measure = match way {
        Direction::ToServer => Measure::DestinationPort,
        Direction::ToClient => Measure::SourcePort,
    };
    let ports = carriers.iter().flat_map(|(_, ports)| ports.iter());
    let ports = ports.map(|port| Bounds::one((*port).into()));
    Some(Condition::Number(measure, Numbers::of(ports)?))
}

/// Where messages go one way, its sender is the client, or the server: what is asked of one is asked of the other.
fn ends(matching: &Matching, way: Direction) -> impl Iterator<Item = Condition> {
    let conditions = matching.conditions.iter();
    conditions.filter_map(move |condition| match condition {
        Condition::Address(party, list) => {
            Some(Condition::Address(party.by_other_name(way), list.clone()))
        }
        _ => None,
    })
}
