//! Who is to blame for a message, and so whom a `ban` falls on.

use std::net::IpAddr;

use ipnet::IpNet;
use wire::Direction;

use crate::{Limit, Per, Reason, Subject};

/// The offender: one address, or the network whose addresses the limit counts as one. A network that holds the other
/// end as well isn't to blame: without that, nobody would be served.
pub(crate) fn offender(
    subject: &Subject<'_>,
    reason: Option<Reason>,
    limit: Option<&Limit>,
) -> IpNet {
    let address = address(subject, reason, limit);
    let counting = limit.filter(|limit| limit.address(subject) == Some(address));
    let network = counting.map_or(address.into(), |limit| {
        limit.apart().ipv6_prefix.network(address)
    });
    let ends = [subject.client(), subject.server()];
    match ends.iter().all(|end| network.contains(end)) {
        true => address.into(),
        false => network,
    }
}

/// The address of the offender: mostly the sender's. But what a server says of its client, the client
/// has done; and where a rule counts what a client does, by whatever name, it means the client. A
/// server that answers an attacker is never banned for it.
fn address(subject: &Subject<'_>, reason: Option<Reason>, limit: Option<&Limit>) -> IpAddr {
    let tells_on_client = reason.is_some_and(tells_on_client);
    if tells_on_client || limit.is_some_and(|limit| blames_client(limit, subject.direction)) {
        return subject.client();
    }
    subject.endpoints.source
}

/// Whether it is its client whom the limit blames, whoever sends what exceeds it this way.
pub(crate) fn blames_client(limit: &Limit, direction: Direction) -> bool {
    matches!(limit, Limit::Max(_))
        || match limit.per() {
            // A connection is its client's doing.
            Per::Client | Per::ClientId | Per::Username | Per::Flow => true,
            // Of what servers say, those are counted who are told.
            Per::Destination => direction == Direction::ToClient,
            Per::Source | Per::Topic | Per::Zone => false,
        }
}

/// Whether the detection is about the client, whoever's packet shows it: a server says that it refuses one, or
/// that it gives it another's name.
fn tells_on_client(reason: Reason) -> bool {
    reason == Reason::MQTT_AUTH_FAILED || reason == Reason::MQTT_TAKEOVER_CLIENT_ID
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Apart, CountLimit, Counted, Endpoints, Holding, Ipv6Prefix, MaxLimit, Message, Protocol,
        RateLimit, Service, Session, Side,
    };

    const CLIENT: [u8; 4] = [10, 20, 0, 7];
    const SERVER: [u8; 4] = [192, 0, 2, 1];

    fn subject(direction: Direction) -> Subject<'static> {
        between(direction, [CLIENT.into(), SERVER.into()])
    }

    fn between(direction: Direction, [client, server]: [IpAddr; 2]) -> Subject<'static> {
        let (source, destination) = match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        Subject {
            protocol: Protocol::Mqtt,
            service: Service::Mqtt,
            direction,
            endpoints: Endpoints {
                source,
                source_port: 1,
                destination,
                destination_port: 2,
                from: Side::Inside,
                vlan: None,
            },
            message: Message::None,
            session: Session::default(),
            reasons: &[],
            address_validated: false,
            unix_s: None,
            size: 0,
        }
    }

    #[test]
    fn the_sender_is_to_blame_but_for_what_a_server_says_of_its_client() {
        for (direction, reason, offends) in [
            (
                Direction::ToServer,
                Some(Reason::MQTT_SPOOFED_SERVER_PACKET),
                CLIENT,
            ),
            (
                Direction::ToClient,
                Some(Reason::MQTT_SPOOFED_CLIENT_PACKET),
                SERVER,
            ),
            (Direction::ToClient, Some(Reason::MQTT_AUTH_FAILED), CLIENT),
            (
                Direction::ToClient,
                Some(Reason::MQTT_TAKEOVER_CLIENT_ID),
                CLIENT,
            ),
            (Direction::ToServer, None, CLIENT),
            (Direction::ToClient, None, SERVER),
        ] {
            let found = offender(&subject(direction), reason, None);
            let offends = IpNet::from(IpAddr::from(offends));
            assert_eq!(found, offends, "{direction:?} {reason:?}");
        }
    }

    #[test]
    fn who_is_counted_is_to_blame() {
        for per in Per::ALL.iter().copied() {
            let sender_counts = matches!(per, Per::Source | Per::Topic | Per::Zone);
            let (window, apart) = (Duration::from_secs(60), per.into());
            let count = Limit::Count(CountLimit {
                count: 1,
                of: Counted::Messages,
                window,
                apart,
            });
            let rate = Limit::Rate(RateLimit {
                rate_milli: 1,
                burst: 1,
                apart,
            });
            let max = Limit::Max(MaxLimit {
                max: 1,
                of: Holding::InFlight,
                apart,
            });
            for limit in [count, rate, max] {
                let reason = Some(limit.reason());
                let blamed = |direction| offender(&subject(direction), reason, Some(&limit)).addr();
                assert_eq!(blamed(Direction::ToServer), IpAddr::from(CLIENT));
                let sender_counts = sender_counts && limit != max;
                let of_answer = if sender_counts { SERVER } else { CLIENT };
                assert_eq!(
                    blamed(Direction::ToClient),
                    IpAddr::from(of_answer),
                    "{per:?}"
                );
            }
        }
    }

    /// A message between these two, which exceeds a limit that counts by networks of 64 bits.
    fn blamed(per: Per, direction: Direction, client: &str, server: &str) -> String {
        let limit = Limit::Max(MaxLimit {
            max: 1,
            of: Holding::Sessions,
            apart: by_network(per),
        });
        let ends = [client, server].map(|end| end.parse().expect("an address"));
        offender(&between(direction, ends), None, Some(&limit)).to_string()
    }

    fn by_network(per: Per) -> Apart {
        let ipv6_prefix = Ipv6Prefix::new(64).expect("an address has as many");
        Apart { per, ipv6_prefix }
    }

    #[test]
    fn a_network_is_to_blame_where_it_is_what_is_counted() {
        const SERVER: &str = "fd00:30::1";
        for direction in [Direction::ToServer, Direction::ToClient] {
            for (per, client, server, expected) in [
                (Per::Client, "fd00:20::7", SERVER, "fd00:20::/64"),
                (Per::Source, "fd00:20::7", SERVER, "fd00:20::/64"),
                (Per::Destination, "fd00:20::7", SERVER, "fd00:20::7/128"),
                // The server is a neighbour of its client.
                (Per::Client, "fd00:20::7", "fd00:20::1", "fd00:20::7/128"),
                (Per::Client, "10.20.0.7", "192.0.2.1", "10.20.0.7/32"),
            ] {
                let found = blamed(per, direction, client, server);
                assert_eq!(found, expected, "{per:?} {direction:?} {client} {server}");
            }
        }
    }

    #[test]
    fn who_is_told_on_is_no_network_where_those_who_tell_are_counted() {
        let limit = |per| {
            Limit::Count(CountLimit {
                count: 1,
                of: Counted::Messages,
                window: Duration::from_secs(60),
                apart: by_network(per),
            })
        };
        let ends = ["fd00:20::7", "fd00:30::1"].map(|end| end.parse().expect("an address"));
        let refusal = between(Direction::ToClient, ends);
        for (per, expected) in [
            (Per::Client, "fd00:20::/64"),
            (Per::Source, "fd00:20::7/128"),
            (Per::Destination, "fd00:20::/64"),
        ] {
            let reason = Some(Reason::MQTT_AUTH_FAILED);
            let found = offender(&refusal, reason, Some(&limit(per)));
            assert_eq!(found.to_string(), expected, "{per:?}");
        }
    }
}
