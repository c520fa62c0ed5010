//! Who is to blame for a message, and so whom a `ban` falls on.

use std::net::IpAddr;

use wire::Direction;

use crate::{Limit, Per, Reason, Subject};

/// The address of the offender: mostly the sender's. But what a server says of its client, the client
/// has done; and where a rule counts what a client does, by whatever name, it means the client. A
/// server that answers an attacker is never banned for it.
pub(crate) fn offender(
    subject: &Subject<'_>,
    reason: Option<Reason>,
    limit: Option<&Limit>,
) -> IpAddr {
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
        CountLimit, Counted, Endpoints, Holding, MaxLimit, Message, Protocol, RateLimit, Service,
        Session, Side,
    };

    const CLIENT: [u8; 4] = [10, 20, 0, 7];
    const SERVER: [u8; 4] = [192, 0, 2, 1];

    fn subject(direction: Direction) -> Subject<'static> {
        let (source, destination) = match direction {
            Direction::ToServer => (CLIENT, SERVER),
            Direction::ToClient => (SERVER, CLIENT),
        };
        Subject {
            protocol: Protocol::Mqtt,
            service: Service::Mqtt,
            direction,
            endpoints: Endpoints {
                source: source.into(),
                source_port: 1,
                destination: destination.into(),
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
            let address = offender(&subject(direction), reason, None);
            assert_eq!(address, IpAddr::from(offends), "{direction:?} {reason:?}");
        }
    }

    #[test]
    fn who_is_counted_is_to_blame() {
        for per in Per::ALL.iter().copied() {
            let sender_counts = matches!(per, Per::Source | Per::Topic | Per::Zone);
            let window = Duration::from_secs(60);
            let count = Limit::Count(CountLimit {
                count: 1,
                of: Counted::Messages,
                window,
                per,
            });
            let rate = Limit::Rate(RateLimit {
                rate_milli: 1,
                burst: 1,
                per,
            });
            let max = Limit::Max(MaxLimit {
                max: 1,
                of: Holding::InFlight,
                per,
            });
            for limit in [count, rate, max] {
                let reason = Some(limit.reason());
                let blamed = |direction| offender(&subject(direction), reason, Some(&limit));
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
}
