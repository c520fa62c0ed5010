//! Bytes that belong to no character, as any payload may hold them: what takes nearly every character takes them, too.
//!
//! To the parser `.` and `[^;]` are characters, and a byte that isn't UTF-8 is none: one in the middle would hide all
//! that a `.*` has to reach over. A byte of a character may count for one here, where characters are counted at most.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{self, Ast, HexLiteralKind, LiteralKind, Visitor};
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, Hir, HirKind, Repetition,
};

/// The expression, with such bytes among what takes all but characters of ASCII or white space; none if nothing in it
/// does.
pub(super) fn with_stray_bytes(hir: &Hir) -> Option<Hir> {
    let mut widener = Widener { found: false };
    let wide = widener.widen(hir);
    widener.found.then_some(wide)
}

/// Whether an expression has a `\x8b` that is a character for it, which takes two bytes, and no byte at all.
pub(super) fn means_bytes(text: &str, hir: &Hir) -> bool {
    let takes_text_only = hir.properties().is_utf8();
    takes_text_only
        && Parser::new()
            .parse(text)
            .is_ok_and(|ast| ast::visit(&ast, HighBytes(false)).unwrap_or_default())
}

struct Widener {
    found: bool,
}

impl Widener {
    fn widen(&mut self, hir: &Hir) -> Hir {
        match hir.kind() {
            HirKind::Class(Class::Unicode(class)) if takes_nearly_all(class) => {
                self.found = true;
                let stray = ClassBytes::new([ClassBytesRange::new(0x80, 0xff)]);
                Hir::alternation(vec![hir.clone(), Hir::class(Class::Bytes(stray))])
            }
            HirKind::Repetition(repetition) => {
                let (sub, is_endless) = (&repetition.sub, repetition.max.is_none());
                let sub = match sub.kind() {
                    HirKind::Class(Class::Unicode(class))
                        if is_endless && repetition.min <= 1 && takes_nearly_all(class) =>
                    {
                        self.found = true;
                        Hir::class(Class::Bytes(bytes_of(class)))
                    }
                    _ => self.widen(sub),
                };
                Hir::repetition(Repetition {
                    sub: Box::new(sub),
                    ..repetition.clone()
                })
            }
            // Nobody asks what a group took.
            HirKind::Capture(capture) => self.widen(&capture.sub),
            HirKind::Concat(parts) => Hir::concat(self.widen_all(parts)),
            HirKind::Alternation(parts) => Hir::alternation(self.widen_all(parts)),
            HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {
                hir.clone()
            }
        }
    }

    fn widen_all(&mut self, parts: &[Hir]) -> Vec<Hir> {
        parts.iter().map(|part| self.widen(part)).collect()
    }
}

/// Whether a class takes all but some of ASCII and of white space, as `.`, `[^;]` and `\S`.
fn takes_nearly_all(class: &ClassUnicode) -> bool {
    let mut others = class.clone();
    others.negate();
    let mut others = others.iter().flat_map(|range| range.start()..=range.end());
    others.all(|other| other.is_ascii() || other.is_whitespace())
}

/// The bytes of its characters and all others that are none of ASCII.
fn bytes_of(class: &ClassUnicode) -> ClassBytes {
    let ascii = class.ranges().iter().filter_map(|range| {
        let end = range.end().min('\u{7f}');
        (range.start() <= end).then(|| ClassBytesRange::new(range.start() as u8, end as u8))
    });
    ClassBytes::new(ascii.chain([ClassBytesRange::new(0x80, 0xff)]))
}

/// Looks for `\x80` to `\xff`.
struct HighBytes(bool);

impl Visitor for HighBytes {
    type Output = bool;
    type Err = ();

    fn finish(self) -> Result<bool, ()> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        if let Ast::Literal(literal) = ast {
            self.note(literal);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), ()> {
        match item {
            ast::ClassSetItem::Literal(literal) => self.note(literal),
            ast::ClassSetItem::Range(range) => {
                self.note(&range.start);
                self.note(&range.end);
            }
            _ => {}
        }
        Ok(())
    }
}

impl HighBytes {
    fn note(&mut self, literal: &ast::Literal) {
        let is_of_two_digits = literal.kind == LiteralKind::HexFixed(HexLiteralKind::X);
        self.0 |= is_of_two_digits && !literal.c.is_ascii();
    }
}
