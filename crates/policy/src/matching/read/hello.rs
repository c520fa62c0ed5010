//! What only TLS and DTLS have.

use wire::hello::Version;

use super::MatchReader;
use crate::matching::condition::Condition;
use crate::matching::entry;
use crate::matching::hello::HelloCondition;
use crate::matching::scope::Scope;
use crate::read::Table;
use crate::report::{Report, Span};

impl MatchReader<'_> {
    /// `sni`, `alpn`, `tls_version`: of a ClientHello.
    pub(super) fn hello(&mut self, table: &mut Table<'_>) {
        let hellos = Scope::hellos();
        if let Some(node) = table.optional("sni") {
            self.narrowing.narrow(self.report, "sni", &node, hellos);
            let list = self.list(&node, server_name);
            self.conditions
                .push(Condition::Hello(HelloCondition::ServerName(list)));
        }
        if let Some(node) = table.optional("alpn") {
            self.narrowing.narrow(self.report, "alpn", &node, hellos);
            let list = self.list(&node, entry::text_glob);
            self.conditions
                .push(Condition::Hello(HelloCondition::Protocol(list)));
        }
        let Some(node) = table.optional("tls_version") else {
            return;
        };
        self.narrowing
            .narrow(self.report, "tls_version", &node, hellos);
        let list = self.list(&node, |report, span, text| {
            entry::name(report, span, text, &Version::NAMED)
        });
        let named = Version::NAMED.into_iter().map(|(_, version)| version);
        let versions = named
            .chain([Version::Other])
            .filter(|version| list.holds(|wanted| wanted == version));
        let condition = HelloCondition::Version(versions.collect());
        self.conditions.push(Condition::Hello(condition));
    }
}

/// Names know no capitals.
fn server_name(
    report: &mut Report,
    span: &Span,
    text: &str,
) -> Option<crate::matching::glob::Glob> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        report
            .error(span, "a server's name is no address")
            .help("clients send names only (RFC 6066 §3): ask for `server`");
        return None;
    }
    if text.is_empty() {
        report
            .error(span, "a server's name isn't empty")
            .help("`\"!*\"` is who names none");
        return None;
    }
    entry::name_glob(report, span, text)
}
