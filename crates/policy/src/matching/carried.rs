//! What a protocol carries: `protocol = "udp"` is about CoAP as well.

use super::condition::Condition;
use super::list::List;
use super::scope::Scope;
use crate::{Protocol, Service};

/// What a message is seen as, and all that carries it.
type Layers = (Protocol, &'static [Protocol]);

const LAYERS: [Layers; 6] = {
    use Protocol::{Dtls, Ip, Mqtt, Tcp, Tls, Udp};
    [
        (Ip, &[Ip]),
        (Tcp, &[Ip, Tcp]),
        (Udp, &[Ip, Udp]),
        (Tls, &[Ip, Tcp, Tls]),
        (Dtls, &[Ip, Udp, Dtls]),
        (Mqtt, &[Ip, Tcp, Mqtt]),
    ]
};
/// CoAP alone has two carriers; each has a service of its own.
const COAP: [(Service, &[Protocol]); 2] = [
    (
        Service::Coap,
        &[Protocol::Ip, Protocol::Udp, Protocol::Coap],
    ),
    (
        Service::CoapTcp,
        &[Protocol::Ip, Protocol::Tcp, Protocol::Coap],
    ),
];

/// The messages that are, or are carried by, what a list names; with a condition where their kind doesn't tell.
pub(super) fn by(list: &List<Protocol>) -> (Scope, Option<Condition>) {
    let holds = |layers: &[Protocol]| list.holds(|named| layers.contains(named));
    let single = LAYERS.iter().filter(|(_, layers)| holds(layers));
    let scope = Scope::union(single.map(|(protocol, _)| Scope::protocol(*protocol)));
    let [over_udp, over_tcp] = COAP.map(|(_, layers)| holds(layers));
    let coap = Scope::protocol(Protocol::Coap);
    match (over_udp, over_tcp) {
        (false, false) => (scope, None),
        (true, true) => (scope.or(coap), None),
        _ => {
            let others = Service::ALL.iter().copied();
            let left_out = COAP[usize::from(over_udp)].0;
            let services = others.filter(|service| *service != left_out).collect();
            (scope.or(coap), Some(Condition::Service(services)))
        }
    }
}
