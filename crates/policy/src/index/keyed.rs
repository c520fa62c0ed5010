//! Everything that rules are found by, each kind in what looks it up fastest.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use wire::mqtt::topic;

use crate::matching::{
    Bounds, Entry, Extent, Field, Look, Party, Place, Relation, Resolved, delayed, filters_of,
    payload_in_5, payload_of, topic_of,
};
use crate::{Reason, Subject};

use super::choice::Choice;
use super::json::{Values, ValuesBuilder};
use super::literals::{Literals, LiteralsBuilder};
use super::prefixes::Prefixes;
use super::ranges::Ranges;
use super::texts::{Texts, TextsBuilder};
use super::trie::Trie;
use super::{Found, Sought};

/// Rules by what they ask for.
#[derive(Debug)]
pub(super) struct Keyed {
    /// By the number of an entry, the rules found by it.
    rules: Vec<Vec<u32>>,
    levels: [Trie; LOOKS],
    texts: Vec<(Field, Texts)>,
    /// What asks for a name of the session.
    names: Vec<u32>,
    networks: [Prefixes; PARTIES],
    vlans: HashMap<u16, u32, FixedState>,
    payloads: Literals,
    json: Values,
    numbers: [Ranges; EXTENTS],
    reasons: HashMap<Reason, u32, FixedState>,
}

const LOOKS: usize = Look::PathEnd as usize + 1;
const PARTIES: usize = Party::Server as usize + 1;
const EXTENTS: usize = Extent::ALL.len();

/// Which of them a bucket's rules are found by, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sections(u16);

impl Sections {
    const TEXTS: Self = Self(1);
    const PAYLOADS: Self = Self(2);
    const REASONS: Self = Self(4);

    const VLANS: Self = Self((8 << PARTIES) << LOOKS);
    const JSON: Self = Self(Self::VLANS.0 << 1);
    const NUMBERS: Self = Self(Self::VLANS.0 << 2);

    const PATHS: Self = Self(Self::look(Look::Path).0 | Self::look(Look::PathEnd).0);
    const NETWORKS: Self = Self(((1 << PARTIES) - 1) << 3);

    const fn party(party: Party) -> Self {
        Self(8 << party as u16)
    }

    const fn look(look: Look) -> Self {
        Self((8 << PARTIES) << look as u16)
    }

    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Levels(look, _) => Self::look(*look),
            Entry::Text(..) => Self::TEXTS,
            Entry::Network(party, _) | Entry::Zone(party, _) => Self::party(*party),
            Entry::Vlan(_) => Self::VLANS,
            Entry::Payload(_) => Self::PAYLOADS,
            Entry::Json(..) => Self::JSON,
            Entry::Number(..) => Self::NUMBERS,
            Entry::Reason(_) => Self::REASONS,
        }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn have(self, section: Self) -> bool {
        self.0 & section.0 != 0
    }
}

impl<'e> FromIterator<&'e Entry> for Sections {
    fn from_iter<I: IntoIterator<Item = &'e Entry>>(entries: I) -> Self {
        let sections = entries.into_iter().map(Self::of);
        Self(sections.fold(0, |all, section| all | section.0))
    }
}

impl Keyed {
    pub(super) fn new(choice: Choice) -> Self {
        let rules = choice.rules();
        let mut levels: [Trie; LOOKS] = Default::default();
        let mut texts = Vec::<(Field, TextsBuilder)>::new();
        let mut names = Vec::new();
        let mut networks: [Prefixes; PARTIES] = Default::default();
        let (mut vlans, mut reasons) = (HashMap::default(), HashMap::default());
        let (mut payloads, mut json) = (LiteralsBuilder::default(), ValuesBuilder::default());
        let mut numbers: [Vec<(Bounds, u32)>; EXTENTS] = Default::default();
        for ((number, entry), rules) in (0..).zip(choice.entries).zip(&rules) {
            if rules.is_empty() {
                continue;
            }
            match entry {
                Entry::Levels(look, filter) => {
                    levels[look as usize].insert(&filter, number);
                }
                Entry::Text(field, place, text) => {
                    names.extend(field.is_name().then_some(number));
                    of_field(&mut texts, field).insert(place, &text, number);
                }
                Entry::Network(party, network) => networks[party as usize].insert(network, number),
                Entry::Zone(party, zone) => {
                    let networks = &mut networks[party as usize];
                    zone.0.subnets().for_each(|n| networks.insert(n, number));
                }
                Entry::Vlan(vlan) => {
                    vlans.insert(vlan, number);
                }
                Entry::Payload(literal) => payloads.insert(&literal, number),
                Entry::Json(pointer, look) => json.insert(&pointer, look, number),
                Entry::Number(extent, bounds) => numbers[extent as usize].push((bounds, number)),
                Entry::Reason(reason) => {
                    reasons.insert(reason, number);
                }
            }
        }
        let first = |number: u32| rules[number as usize].first().copied().unwrap_or_default();
        let (json, numbers) = (
            json.build(first),
            numbers.map(|numbers| Ranges::new(numbers, first)),
        );
        let texts = texts
            .into_iter()
            .map(|(field, texts)| (field, texts.build()));
        Self {
            rules,
            levels,
            texts: texts.collect(),
            names,
            networks,
            vlans,
            payloads: payloads.build(),
            json,
            numbers,
            reasons,
        }
    }

    /// Looks up whatever the message has.
    pub(super) fn find(&self, sections: Sections, subject: &Subject<'_>, found: &mut Found) {
        let mut tell = |number: u32| found.extend(&self.rules[number as usize]);
        if sections.have(Sections::REASONS) {
            let numbers = subject.reasons.iter().filter_map(|r| self.reasons.get(r));
            numbers.copied().for_each(&mut tell);
        }
        self.find_levels(sections, subject, &mut tell);
        if sections.have(Sections::TEXTS) {
            for (field, texts) in &self.texts {
                field.each(subject, |text| texts.find(text, &mut tell));
            }
            if subject.session.unseen {
                self.names.iter().copied().for_each(&mut tell);
            }
        }
        if sections.have(Sections::NETWORKS) {
            self.find_networks(sections, subject, &mut tell);
        }
        if sections.have(Sections::VLANS)
            && let Some(vlan) = subject.endpoints.vlan
        {
            let number = self.vlans.get(&vlan).copied();
            number.into_iter().for_each(&mut tell);
        }
        if sections.have(Sections::NUMBERS) {
            self.find_numbers(subject, &mut tell);
        }
        self.find_in_payload(sections, subject, &mut tell);
    }

    fn find_in_payload(
        &self,
        sections: Sections,
        subject: &Subject<'_>,
        tell: &mut impl FnMut(u32),
    ) {
        let (literals, json) = (
            sections.have(Sections::PAYLOADS),
            sections.have(Sections::JSON),
        );
        let payload = (literals || json).then(|| payload_of(subject)).flatten();
        let Some(payload) = payload else {
            return;
        };
        for payload in [Some(payload), payload_in_5(subject)].into_iter().flatten() {
            if literals {
                self.payloads.find(payload, tell);
            }
            if json {
                self.json.find(payload, tell);
            }
        }
    }

    fn find_numbers(&self, subject: &Subject<'_>, tell: &mut impl FnMut(u32)) {
        for extent in Extent::ALL {
            let ranges = &self.numbers[extent as usize];
            if ranges.is_empty() {
                continue;
            }
            let payload = payload_in_5(subject).filter(|_| extent == Extent::Payload);
            let payload = payload.and_then(|payload| u64::try_from(payload.len()).ok());
            let numbers = [extent.of(subject), payload].into_iter().flatten();
            numbers.for_each(|n| ranges.find(n, tell));
        }
    }

    fn find_networks(&self, sections: Sections, subject: &Subject<'_>, tell: &mut impl FnMut(u32)) {
        let endpoints = &subject.endpoints;
        for (party, address) in [
            (Party::Source, endpoints.source),
            (Party::Destination, endpoints.destination),
            (Party::Client, subject.client()),
            (Party::Server, subject.server()),
        ] {
            if sections.have(Sections::party(party)) {
                self.networks[party as usize].find(address, tell);
            }
        }
    }

    /// Tells the rules that are found by an entry which stands in this relation to this one. It may tell others
    /// as well; and a text or network that takes in others tells none of them.
    pub(super) fn related(&self, entry: &Entry, sought: Sought, tell: &mut impl FnMut(&[u32])) {
        let mut tell = |number: u32| tell(&self.rules[number as usize]);
        match entry {
            Entry::Levels(look, filter) => {
                self.related_levels(*look, filter, sought, &mut tell);
                // A text that takes it in stands there, wildcards or not.
                if matches!((sought, look), (Sought::TakingIn { .. }, Look::Topic)) {
                    self.related_texts(Field::Topic, filter, &mut tell);
                }
            }
            Entry::Text(field, place, text) => {
                self.related_texts(*field, text, &mut tell);
                if matches!((sought, field), (Sought::TakingIn { .. }, Field::Topic)) {
                    self.related_patterns(*place, text, &mut tell);
                }
            }
            Entry::Network(party, network) => {
                self.networks[*party as usize].find(network.network(), &mut tell);
            }
            Entry::Zone(party, zone) => {
                let first = zone.0.subnets().next();
                let first = first.map(|network| network.network());
                let networks = &self.networks[*party as usize];
                first
                    .into_iter()
                    .for_each(|address| networks.find(address, &mut tell));
            }
            Entry::Vlan(vlan) => {
                let number = self.vlans.get(vlan).copied();
                number.into_iter().for_each(&mut tell);
            }
            Entry::Payload(literal) => self.payloads.find(literal, &mut tell),
            Entry::Json(pointer, look) => self.json.related(pointer, look, sought, &mut tell),
            Entry::Number(extent, bounds) => {
                self.numbers[*extent as usize].related(*bounds, sought, &mut tell);
            }
            Entry::Reason(reason) => {
                let number = self.reasons.get(reason).copied();
                number.into_iter().for_each(&mut tell);
            }
        }
    }

    fn related_levels(&self, look: Look, filter: &str, sought: Sought, tell: &mut impl FnMut(u32)) {
        let mut find = |look: Look, relation| {
            self.levels[look as usize].find(relation, topic::levels(filter), &mut *tell);
        };
        match (sought, look) {
            (Sought::TakingIn { .. }, Look::Covers) => find(look, Relation::Covers),
            (Sought::TakingIn { .. }, _) => find(look, Relation::Within),
            (Sought::Meeting, _) => find(look, Relation::Overlaps),
        }
        // What stays inside of something, or takes it in, overlaps it as well.
        if matches!(look, Look::Within | Look::Covers) {
            find(Look::Overlaps, Relation::Overlaps);
        }
    }

    fn related_texts(&self, field: Field, text: &str, tell: &mut impl FnMut(u32)) {
        let mine = self.texts.iter().find(|(known, _)| *known == field);
        mine.into_iter()
            .for_each(|(_, texts)| texts.find(text, &mut *tell));
    }

    /// The patterns that match all topics with this text at its place.
    fn related_patterns(&self, place: Place, text: &str, tell: &mut impl FnMut(u32)) {
        let trie = &self.levels[Look::Topic as usize];
        match (place, text.rsplit_once('/')) {
            (Place::Whole, _) => trie.find(Relation::Within, topic::levels(text), tell),
            (Place::Start, Some((levels, _))) => {
                let around = format!("{levels}/#");
                trie.find(Relation::Within, topic::levels(around.as_str()), tell);
            }
            _ => {}
        }
    }

    fn find_levels(&self, sections: Sections, subject: &Subject<'_>, tell: &mut impl FnMut(u32)) {
        if sections.have(Sections::look(Look::Topic))
            && let Some(topic) = topic_of(subject)
        {
            let trie = &self.levels[Look::Topic as usize];
            trie.find(Relation::Matches, topic::levels(topic.as_bytes()), tell);
            if let Some(topic) = delayed(topic) {
                trie.find(Relation::Matches, topic::levels(topic.as_bytes()), tell);
            }
        }
        if sections.have(Sections::PATHS)
            && let Some(message) = subject.message.coap()
        {
            self.find_path(sections, || message.uri_path(), tell);
            if let Some(uri) = message.proxy_uri() {
                let path = Resolved::path(uri.path);
                self.find_path(sections, || path.parts(), tell);
            }
        }
        for look in [Look::Overlaps, Look::Within, Look::Covers] {
            if sections.have(Sections::look(look)) {
                let trie = &self.levels[look as usize];
                filters_of(subject, |filter| {
                    let levels = topic::levels(topic::spelled_out(filter));
                    trie.find(look.into(), levels, tell);
                });
            }
        }
    }
}

impl Keyed {
    /// Looks up a path by how it begins, and by how it ends; `path` walks its segments, as often as it is called.
    fn find_path<'p, P: Iterator<Item = &'p str>>(
        &self,
        sections: Sections,
        path: impl Fn() -> P,
        tell: &mut impl FnMut(u32),
    ) {
        let segments = || path().map(str::as_bytes);
        if sections.have(Sections::look(Look::Path)) {
            self.levels[Look::Path as usize].find(Relation::Matches, segments(), tell);
        }
        if sections.have(Sections::look(Look::PathEnd)) {
            self.levels[Look::PathEnd as usize].find_from_end(segments, tell);
        }
    }
}

fn of_field(texts: &mut Vec<(Field, TextsBuilder)>, field: Field) -> &mut TextsBuilder {
    let known = texts.iter().position(|(known, _)| *known == field);
    let at = known.unwrap_or_else(|| {
        texts.push((field, TextsBuilder::default()));
        texts.len() - 1
    });
    &mut texts[at].1
}
