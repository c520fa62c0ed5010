//! Which kinds of message are left after each key of a `match`, and who is to blame if none is.

use wire::mqtt::PacketType;

use super::scope::Scope;
use crate::read::Node;
use crate::report::{Report, Span};

/// The keys so far and what they leave.
#[derive(Debug)]
pub(crate) struct Narrowing {
    scope: Scope,
    /// Each narrowing key with its place and what it alone would leave.
    by: Vec<(&'static str, Span, Scope)>,
    names_packets: bool,
    /// One conflict is reported; what follows from it is not.
    conflicting: bool,
}

impl Default for Narrowing {
    fn default() -> Self {
        Self {
            scope: Scope::ALL,
            by: Vec::new(),
            names_packets: false,
            conflicting: false,
        }
    }
}

impl Narrowing {
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the rule has a `packet` of its own.
    pub(crate) fn names_packets(&self) -> bool {
        self.names_packets
    }

    /// Leaves only what is in `to`, on behalf of `key`.
    pub(crate) fn narrow(
        &mut self,
        report: &mut Report,
        key: &'static str,
        node: &Node<'_>,
        to: Scope,
    ) {
        let left = self.scope.and(to);
        if left.is_empty() && !to.is_empty() {
            self.conflict_over(report, key, node, to);
        } else {
            self.warn_of_lost_packets(report, key, node, to);
        }
        self.by.push((key, node.key_span().clone(), to));
        self.scope = left;
    }

    /// The same for `packet`, whose types later keys have to be able to look at.
    pub(crate) fn narrow_to_packets(&mut self, report: &mut Report, node: &Node<'_>, to: Scope) {
        self.narrow(report, "packet", node, to);
        self.names_packets = true;
    }

    /// Whether a conflict was reported, or nothing is left for some other reason that was.
    pub(crate) fn is_given_up(&self) -> bool {
        self.conflicting
    }

    /// Says nothing more: what was asked for can't be known.
    pub(crate) fn give_up(&mut self) {
        self.scope = Scope::NONE;
        self.conflicting = true;
    }

    /// Reports that `key` can't hold together with what precedes it.
    pub(crate) fn conflict(&mut self, report: &mut Report, key: &'static str, node: &Node<'_>) {
        self.conflict_over(report, key, node, Scope::NONE);
    }

    fn conflict_over(
        &mut self,
        report: &mut Report,
        key: &'static str,
        node: &Node<'_>,
        to: Scope,
    ) {
        if std::mem::replace(&mut self.conflicting, true) {
            return;
        }
        // Blame the one key that excludes all by itself, or else all of them.
        let sole = self.by.iter().find(|(_, _, scope)| !scope.meets(to));
        let blamed: Vec<_> = match sole {
            Some(one) => vec![one],
            None => self.by.iter().collect(),
        };
        let names: Vec<String> = blamed.iter().map(|(key, ..)| format!("`{key}`")).collect();
        let message = format!(
            "`{key}` can never hold together with {}",
            names.join(" and ")
        );
        let mut finding = report.error(node.key_span(), message);
        for (key, span, _) in blamed {
            finding = finding.related(span, &format!("`{key}` is here"));
        }
        finding.help_with(|| why(key));
    }

    /// A packet type that was asked for, and that this key can say nothing about.
    fn warn_of_lost_packets(
        &mut self,
        report: &mut Report,
        key: &'static str,
        node: &Node<'_>,
        to: Scope,
    ) {
        let Some((_, span, packets)) = self.by.iter().find(|(key, ..)| *key == "packet") else {
            return;
        };
        let lost = |packet: &PacketType| {
            let one = Scope::packet(*packet);
            one.is_subset(*packets) && one.meets(self.scope) && !one.meets(to)
        };
        let lost: Vec<&str> = PacketType::ALL
            .iter()
            .copied()
            .filter(lost)
            .map(PacketType::name)
            .collect();
        // "Everything but" is no list of what is wanted.
        if lost.is_empty() || lost.len() > 3 {
            return;
        }
        report
            .warning(
                node.key_span(),
                format!("`{key}` never holds for {}", lost.join(" and ")),
            )
            .related(span, "asked for here")
            .help_with(|| why(key));
    }
}

/// What a key is about, where that isn't plain.
fn why(key: &str) -> Option<String> {
    let why = match key {
        "filter" => "only SUBSCRIBE and UNSUBSCRIBE carry topic filters",
        "topic" | "topic_text" => "only a PUBLISH and the will of a CONNECT have a topic",
        "retain" => "only a PUBLISH and the will of a CONNECT have a retain flag",
        "qos" => "only PUBLISH, SUBSCRIBE and the will of a CONNECT have a QoS",
        "packet" | "version" | "client_id" | "username" => "that is MQTT's",
        "property" | "user_properties" | "reason_code" => "that is MQTT's",
        "keep_alive" | "clean" | "will" | "password" | "will_outlives_session" => {
            "only a CONNECT says that"
        }
        "session_present" => "only a CONNACK says that",
        "packet_id" => "only PUBLISH, SUBSCRIBE, UNSUBSCRIBE and what answers them have one",
        "dup" => "only a PUBLISH can be a repetition",
        "filters" => "only SUBSCRIBE and UNSUBSCRIBE carry topic filters",
        "levels" => "only topics, topic filters and the paths of CoAP requests have levels",
        "payload" => "only a PUBLISH, the will of a CONNECT and a CoAP message have a payload",
        "code" | "method" | "type" | "option" | "options" | "token" | "message_id"
        | "block_size" | "block_number" => "that is CoAP's",
        "sni" | "alpn" | "tls_version" => "only a ClientHello of TLS or DTLS says that",
        "path" => "only CoAP requests have a path",
        "address_validated" => "over TCP the handshake has shown the address to be right",
        "reason" => {
            "the detection isn't raised on such messages; what can't be parsed has no type, topic or path"
        }
        _ => return None,
    };
    Some(why.to_owned())
}
