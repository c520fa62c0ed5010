//! Runs the cases of rule packs: their lines, as frames, through a real inspector.

mod coap;
mod hello;
mod mqtt;
mod proof;
mod properties;
mod raw;
mod report;
mod talker;

use std::collections::BTreeMap;
use std::sync::Arc;

use inspect::{Limits, Outcome};
use policy::{Case, Config, Line, Policy, Service, SourceText, Speech};

use crate::frames;
use crate::network::{Ends, Gateway};

use talker::Talker;

pub use report::{Failure, Told};

/// The port of the first connection; each further one has the next.
const CLIENT_PORT: u16 = 40_000;
/// Cases of fewer lines have the room of this many.
const LINES_MIN: usize = 8;
/// Room a line, as [`Limits`] count: a response kept takes the place of 256 exchanges, and where two endpoints share a
/// slot, one is forgotten.
const EXCHANGES_PER_LINE: usize = 256;
const ENDPOINTS_PER_LINE: usize = 256;
const CLIENTS_PER_LINE: usize = 16;

/// Runs a case and compares what became of it with what it expects: what became of its last line.
///
/// # Errors
/// The first line that didn't go as it should, with what became of it instead.
pub fn check(policy: &Arc<Policy>, case: &Case) -> Result<Told, Failure> {
    let told = run(policy, case)?;
    report::compare(policy, case, &told)?;
    Ok(told)
}

/// Runs the cases of a pack's text, without a configuration.
///
/// # Panics
/// It is no pack, holds no case, or one of them fails.
#[track_caller]
pub fn assert_cases(pack: &str) {
    let source = SourceText::new("pack.toml", pack);
    let policy = Policy::compile(&Config::default().for_cases(), &[source]);
    let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}\n{pack}")));
    assert!(!policy.cases().is_empty(), "no case in\n{pack}");
    for case in policy.cases() {
        if let Err(failure) = check(&policy, case) {
            panic!("{}: {}: {failure}\n{pack}", failure.place, case.name);
        }
    }
}

/// Runs a case: what became of its last line.
///
/// # Errors
/// The first line before the last that wasn't accepted, or wasn't stopped though it is marked so.
pub fn run(policy: &Arc<Policy>, case: &Case) -> Result<Told, Failure> {
    let mut conversation = Conversation::new(policy, case);
    let mut told = Told::default();
    for (at, line) in case.say.iter().enumerate() {
        let (alerts, matched) = (told.alerts, told.matched);
        told = conversation.say(line);
        told.alerts.splice(..0, alerts);
        told.matched.splice(..0, matched);
        let is_last = at + 1 == case.say.len();
        if !is_last && told.is_accepted() == line.is_stopped {
            return Err(Failure::early(policy, line, &told));
        }
    }
    Ok(told)
}

/// Room for all that a case says, and little more: most are a few lines, and what is set aside costs each of them time.
fn room_for(case: &Case) -> Limits {
    let lines = case.say.len().max(LINES_MIN);
    let usual = Limits::default();
    Limits {
        endpoints: usual.endpoints.min(ENDPOINTS_PER_LINE * lines),
        exchanges: usual.exchanges.min(EXCHANGES_PER_LINE * lines),
        clients: usual.clients.min(CLIENTS_PER_LINE * lines),
        ..usual
    }
}

/// A case under way.
struct Conversation<'c> {
    case: &'c Case,
    server_port: u16,
    next_port: u16,
    gateway: Gateway,
    /// By the number of the client.
    talkers: BTreeMap<u16, Talker>,
}

impl<'c> Conversation<'c> {
    fn new(policy: &Arc<Policy>, case: &'c Case) -> Self {
        let gateway = Gateway::with_limits(Arc::clone(policy), room_for(case));
        let unix_ns = case.unix_s.saturating_mul(1_000_000_000);
        gateway.inspector.set_wall_clock(gateway.now, unix_ns);
        Self {
            case,
            server_port: port_of(policy, case.service),
            next_port: CLIENT_PORT,
            gateway,
            talkers: BTreeMap::new(),
        }
    }

    fn say(&mut self, line: &Line) -> Told {
        match &line.speech {
            Speech::Wait(duration) => {
                let events = self.gateway.record.events.len();
                self.gateway.wait(*duration);
                Told::new(&Outcome::ACCEPT, &self.gateway.record.events[events..])
            }
            Speech::Reconnect => {
                let talker = self.talkers.remove(&line.client);
                talker.map_or_else(Told::default, |mut talker| {
                    talker.hang_up(&mut self.gateway)
                })
            }
            _ => {
                let talker = match self.talkers.remove(&line.client) {
                    Some(talker) => talker,
                    None => self.newcomer(line.client),
                };
                let talker = self.talkers.entry(line.client).or_insert(talker);
                talker.say(&mut self.gateway, line)
            }
        }
    }

    /// A connection of this client, from a port of its own.
    fn newcomer(&mut self, client: u16) -> Talker {
        let addresses = &self.case.from;
        let nth = usize::from(client).min(addresses.len()) - 1;
        let client = (addresses[nth], self.next_port);
        // A case has fewer lines than there are ports.
        self.next_port += 1;
        let mut ends = Ends::between(client, (self.case.to, self.server_port));
        ends.client_side = self.case.side;
        ends.path.vlan = self.case.vlan.map(frames::vlan);
        Talker::new(ends, self.case.service)
    }
}

/// A port of the service; the usual one where the configuration has none.
fn port_of(policy: &Policy, service: Service) -> u16 {
    let services = policy.services();
    let (ports, usual) = match service {
        Service::Mqtt => (&services.mqtt, 1883),
        Service::Mqtts => (&services.mqtts, 8883),
        Service::Coap => (&services.coap, 5683),
        Service::Coaps => (&services.coaps, 5684),
        Service::CoapTcp => (&services.coap_tcp, 5683),
    };
    ports.first().copied().unwrap_or(usual)
}
