//! Reading a line of a case: `[@CLIENT] [!] [<] VERB [ARGUMENT] [KEY=VALUE]…`.

mod values;

use std::ops::Range;

use wire::coap::Code;
use wire::mqtt::PacketType;

use super::vocabulary::{self, Field};
use super::{Fields, Line, Resource, Speech, Value};
use crate::duration;
use crate::matching::{code_number, methods};
use crate::read::Node;
use crate::report::{Report, Span};
use crate::suggest::{nearest_of, one_of};

/// A segment or datagram carries them.
const MAX_HEX_BYTES: usize = 65_000;
const VERBS: &[&str] = &[
    "hex",
    "EMPTY",
    "client-hello",
    "tcp",
    "fragment",
    "wait",
    "reconnect",
];
/// More clients than this are a crowd.
const MAX_CLIENT: u16 = 1024;
/// Stands in a repetition for how often its line was said by then.
const COUNTER: &str = "{n}";

/// Reads one line; what is wrong with it is reported.
pub(super) fn line(report: &mut Report, node: &Node<'_>) -> Option<Line> {
    let text = node.string(report)?;
    if text.contains(COUNTER) {
        let finding = report.error(node.span(), format!("`{COUNTER}` counts what is repeated"));
        finding.help("it stands in lines of `{ times = …, say = […] }`");
        return None;
    }
    spoken(report, node, text)
}

/// Reads a line of a repetition, the `n`th time it is said.
pub(super) fn nth(report: &mut Report, node: &Node<'_>, n: usize) -> Option<Line> {
    let text = node.string(report)?;
    spoken(report, node, &text.replace(COUNTER, &n.to_string()))
}

fn spoken(report: &mut Report, node: &Node<'_>, text: &str) -> Option<Line> {
    let mut reader = LineReader::new(report, node, text);
    let client = reader.client()?;
    let is_stopped = reader.eat("!");
    let from_server = reader.eat("<");
    let speech = reader.speech()?;
    reader.end()?;
    Some(Line {
        client,
        is_stopped,
        from_server,
        speech,
        text: text.to_owned(),
        place: report.place(node.span()),
    })
}

/// A word and its place in the line.
#[derive(Debug, Clone)]
struct Word<'t> {
    text: &'t str,
    at: usize,
}

struct LineReader<'r, 't> {
    report: &'r mut Report,
    span: &'r Span,
    text: &'t str,
    /// The string is written without escapes: its characters stand in the file as they are.
    verbatim: bool,
    words: std::iter::Peekable<std::vec::IntoIter<Word<'t>>>,
}

impl<'r, 't> LineReader<'r, 't> {
    fn new(report: &'r mut Report, node: &'r Node<'_>, text: &'t str) -> Self {
        let raw = report.text(node.span());
        let verbatim = raw.len() == text.len() + 2 && raw.get(1..=text.len()) == Some(text);
        Self {
            report,
            span: node.span(),
            text,
            verbatim,
            words: words(text).into_iter().peekable(),
        }
    }

    /// `@2`, or the first client.
    fn client(&mut self) -> Option<u16> {
        let Some(word) = self.words.next_if(|word| word.text.starts_with('@')) else {
            return Some(1);
        };
        let number = word.text[1..].parse().ok();
        let client = number.filter(|number| (1..=MAX_CLIENT).contains(number));
        if client.is_none() {
            let message = format!("clients are called @1 to @{MAX_CLIENT}");
            self.error_at(&word, message);
        }
        client
    }

    fn speech(&mut self) -> Option<Speech> {
        let Some(verb) = self.words.next() else {
            self.error(0..self.text.len(), "the line says nothing".to_owned());
            return None;
        };
        if let Some(packet) = PacketType::from_name(verb.text) {
            let fields = self.fields(verb.text, vocabulary::of_packet(packet))?;
            return Some(Speech::Mqtt { packet, fields });
        }
        if let Some(code) = Code::from_method(verb.text) {
            return self.request(&verb, code);
        }
        if verb.text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.response(&verb);
        }
        match verb.text {
            "hex" => self.hex(),
            "EMPTY" => {
                let fields = self.fields("EMPTY", vocabulary::COAP_EMPTY)?;
                Some(Speech::Coap {
                    code: Code::EMPTY,
                    resource: Resource::default(),
                    fields,
                })
            }
            "client-hello" => {
                let fields = self.fields("client-hello", vocabulary::CLIENT_HELLO)?;
                Some(Speech::ClientHello { fields })
            }
            "tcp" => {
                let flags = self.argument("tcp", "its flags, like SYN+ACK")?;
                let flags = self.tcp_flags(&flags)?;
                let fields = self.fields("tcp", vocabulary::TCP)?;
                Some(Speech::Tcp { flags, fields })
            }
            "fragment" => {
                let fields = self.fields("fragment", vocabulary::FRAGMENT)?;
                Some(Speech::Fragment { fields })
            }
            "wait" => {
                let time = self.argument("wait", "a time, like 61s")?;
                let duration = duration::parse(time.text);
                if duration.is_none() {
                    self.error_at(&time, format!("`{}` isn't a time", show(time.text)));
                }
                duration.map(Speech::Wait)
            }
            "reconnect" => Some(Speech::Reconnect),
            _ => {
                self.unknown_verb(&verb);
                None
            }
        }
    }

    fn request(&mut self, verb: &Word<'t>, code: Code) -> Option<Speech> {
        let path = self.argument(verb.text, "a path, like /a/b")?;
        if !path.text.starts_with('/') {
            self.error_at(&path, "a path begins with a slash".to_owned());
            return None;
        }
        let Some(resource) = values::resource(path.text) else {
            let span = self.span_of(path.at..path.at + path.text.len());
            self.report
                .error(&span, "`%` isn't followed by two hex digits")
                .help("write `%25` for the sign itself");
            return None;
        };
        let fields = self.fields(verb.text, vocabulary::COAP)?;
        if fields.flag("proven").unwrap_or(false) && fields.bytes("echo").is_some() {
            self.error_at(verb, "`proven` stands for an `echo` of its own".to_owned());
            return None;
        }
        Some(Speech::Coap {
            code,
            resource,
            fields,
        })
    }

    /// `2.05`.
    fn response(&mut self, verb: &Word<'t>) -> Option<Speech> {
        let Some(code) = code_number(verb.text) else {
            self.error_at(
                verb,
                format!("`{}` isn't a CoAP code like 2.05", show(verb.text)),
            );
            return None;
        };
        let fields = self.fields(verb.text, vocabulary::COAP)?;
        if fields.flag("proven").is_some() {
            self.error_at(
                verb,
                "only a request can show that its sender is `proven`".to_owned(),
            );
            return None;
        }
        Some(Speech::Coap {
            code,
            resource: Resource::default(),
            fields,
        })
    }

    /// Hex digits, in as many words as are left.
    fn hex(&mut self) -> Option<Speech> {
        let mut bytes = Vec::new();
        while let Some(word) = self.words.next() {
            let Some(more) = values::hex_bytes(word.text) else {
                self.error_at(&word, "not pairs of hex digits".to_owned());
                return None;
            };
            bytes.extend(more);
        }
        if bytes.is_empty() || bytes.len() > MAX_HEX_BYTES {
            let message = format!("hex takes 1 to {MAX_HEX_BYTES} bytes");
            self.error(0..self.text.len(), message);
            return None;
        }
        Some(Speech::Hex(bytes))
    }

    fn tcp_flags(&mut self, word: &Word<'t>) -> Option<u8> {
        let mut flags = 0;
        for name in word.text.split('+') {
            let known = vocabulary::TCP_FLAGS;
            let Some((_, bit)) = known.iter().find(|(flag, _)| *flag == name) else {
                let names: Vec<&str> = known.iter().map(|(flag, _)| *flag).collect();
                let message = format!("`{}` isn't one of {}", show(name), one_of(&names));
                self.error_at(word, message);
                return None;
            };
            flags |= bit;
        }
        Some(flags)
    }

    fn fields(&mut self, verb: &str, known: &'static [Field]) -> Option<Fields> {
        let mut fields = Fields::default();
        let mut fine = true;
        while let Some(word) = self.words.next() {
            match self.field(verb, known, &word, &fields) {
                Some(field) => fields.0.push(field),
                None => fine = false,
            }
        }
        fine.then_some(fields)
    }

    fn field(
        &mut self,
        verb: &str,
        known: &'static [Field],
        word: &Word<'t>,
        before: &Fields,
    ) -> Option<(&'static str, Value)> {
        let (key, value) = match word.text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word.text, None),
        };
        let Some(field) = known.iter().find(|field| field.key == key) else {
            let keys: Vec<&str> = known.iter().map(|field| field.key).collect();
            let message = format!("{verb} has no field `{}`", show(key));
            let span = self.span_of(word.at..word.at + key.len());
            self.report.error(&span, message).did_you_mean(
                key,
                keys.iter().copied(),
                || match keys.as_slice() {
                    [] => Some(format!("{verb} has none")),
                    keys => Some(format!("its fields are {}", nearest_of(key, keys))),
                },
            );
            return None;
        };
        if !field.repeatable && before.value(key).is_some() {
            self.error_at(word, format!("`{key}` is given twice"));
            return None;
        }
        match values::parse(field.kind, value) {
            Ok(value) => Some((field.key, value)),
            Err(expected) => {
                self.error_at(word, format!("`{key}` takes {expected}"));
                None
            }
        }
    }

    fn argument(&mut self, verb: &str, what: &str) -> Option<Word<'t>> {
        let word = self.words.next();
        if word.is_none() {
            self.error(0..self.text.len(), format!("{verb} needs {what}"));
        }
        word
    }

    /// Takes the next word if it is `word`, also where it is glued to the one after it.
    fn eat(&mut self, word: &str) -> bool {
        let Some(next) = self.words.peek_mut() else {
            return false;
        };
        let Some(rest) = next.text.strip_prefix(word) else {
            return false;
        };
        next.at += word.len();
        next.text = rest;
        if rest.is_empty() {
            self.words.next();
        }
        true
    }

    fn end(&mut self) -> Option<()> {
        let Some(word) = self.words.next() else {
            return Some(());
        };
        self.error_at(&word, format!("`{}` is too much here", show(word.text)));
        None
    }

    fn unknown_verb(&mut self, verb: &Word<'t>) {
        let packets = PacketType::ALL.iter().map(|p| p.name());
        let methods = methods();
        let methods = methods.iter().map(|(name, _)| *name);
        let known = packets.chain(methods).chain(VERBS.iter().copied());
        let span = self.span_of(verb.at..verb.at + verb.text.len());
        let message = format!("nobody can say `{}`", show(verb.text));
        self.report
            .error(&span, message)
            .did_you_mean(verb.text, known, || {
                Some(format!(
                    "a line begins with an MQTT packet type, a CoAP method or code, {}",
                    one_of(VERBS)
                ))
            });
    }

    fn error_at(&mut self, word: &Word<'t>, message: String) {
        self.error(word.at..word.at + word.text.len(), message);
    }

    fn error(&mut self, range: Range<usize>, message: String) {
        let span = self.span_of(range);
        self.report.error(&span, message);
    }

    /// The place of a part of the line, where the file shows it as it is.
    fn span_of(&self, range: Range<usize>) -> Span {
        match self.verbatim {
            true => self.span.part(range.start + 1, range.len()),
            false => self.span.clone(),
        }
    }
}

/// Words apart by white space; a value in quotes keeps its own.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut before) = (None, None, ' ');
    for (at, c) in text.char_indices() {
        quote = match quote {
            // An apostrophe within a word is one.
            None if c == '"' || c == '\'' && before == '=' => Some(c),
            Some(quote) if quote == c => None,
            quote => quote,
        };
        before = c;
        let between = c.is_whitespace() && quote.is_none();
        match start {
            None if !between => start = Some(at),
            Some(from) if between => {
                words.push(Word {
                    text: &text[from..at],
                    at: from,
                });
                start = None;
            }
            _ => {}
        }
    }
    if let Some(at) = start {
        words.push(Word {
            text: &text[at..],
            at,
        });
    }
    words
}

/// A word fit for a message.
fn show(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}
