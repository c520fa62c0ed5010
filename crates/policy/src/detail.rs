//! What an event tells beyond the usual, because its rule asks for it (`log = ["payload"]`).

use wire::mqtt::PacketType;

use crate::Protocol;
use crate::matching::Scope;
use crate::read::Node;
use crate::report::Report;

/// A part of a message that stays out of events unless a rule asks for it. Passwords and authentication data
/// always stay out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The payload of a PUBLISH, a will or a CoAP message.
    Payload,
    /// The properties of an MQTT 5.0 packet.
    Properties,
    /// The token of a CoAP message.
    Token,
    /// The options of a CoAP message, the query of a request among them.
    Options,
}

impl Detail {
    /// All of them, by their names in rule files.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("payload", Self::Payload),
        ("properties", Self::Properties),
        ("token", Self::Token),
        ("options", Self::Options),
    ];

    /// The messages that may have it.
    fn scope(self) -> Scope {
        let coap = Scope::protocol(Protocol::Coap);
        match self {
            Self::Payload => coap
                .or(Scope::packet(PacketType::Publish))
                .or(Scope::packet(PacketType::Connect)),
            Self::Properties => Scope::decoded_packets(),
            Self::Token | Self::Options => coap,
        }
    }
}

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Details(u8);

impl Details {
    /// Whether `detail` is asked for.
    #[must_use]
    pub const fn contains(self, detail: Detail) -> bool {
        self.0 & 1 << detail as u8 != 0
    }

    /// Reads a name, or a list of names.
    pub(crate) fn read(report: &mut Report, node: &Node<'_>) -> Self {
        let entries = node.list().into_iter();
        let named = entries.filter_map(|entry| entry.choice(report, Detail::ALL));
        Self(named.fold(0, |set, detail| set | 1 << detail as u8))
    }

    /// Reports what no message that the rule matches can have.
    pub(crate) fn check(self, report: &mut Report, scope: Scope, node: &Node<'_>) {
        let asked = Detail::ALL.iter().filter(|(_, d)| self.contains(*d));
        for (name, detail) in asked {
            if !scope.is_empty() && !scope.meets(detail.scope()) {
                let message = format!("nothing that the rule matches has `{name}`");
                report.error(node.span(), message);
            }
        }
    }
}
