//! The values of a line's fields.

use crate::case::vocabulary::Kind;
use crate::case::{Resource, Value};
use crate::percent;
use crate::suggest::one_of;

/// The value of a field, or what it should have been.
pub(super) fn parse(kind: Kind, value: Option<&str>) -> Result<Value, String> {
    if kind == Kind::Flag {
        return match value {
            None | Some("true") => Ok(Value::Flag(true)),
            Some("false") => Ok(Value::Flag(false)),
            Some(_) => Err("`true` or `false`".to_owned()),
        };
    }
    let value = value.ok_or_else(|| "a value after `=`".to_owned())?;
    match kind {
        Kind::Text => unquote(value).map(Value::Text),
        Kind::Number(most) => number(value)
            .filter(|n| (0..=most).contains(n))
            .map(Value::Number)
            .ok_or_else(|| format!("a number from 0 to {most}")),
        Kind::Offset => number(value)
            .filter(|n| n.unsigned_abs() <= u64::from(u32::MAX))
            .map(Value::Number)
            .ok_or_else(|| "an offset like +5000 or -1".to_owned()),
        Kind::Bytes if matches!(value, "\"\"" | "''") => Ok(Value::Bytes(Vec::new())),
        Kind::Bytes => hex_bytes(value)
            .map(Value::Bytes)
            .ok_or_else(|| "pairs of hex digits, or \"\"".to_owned()),
        Kind::Option => option(value)
            .ok_or_else(|| "an option like 2049:ff00: its number, its value in hex".to_owned()),
        Kind::Block => block(value).map(Value::Number).ok_or_else(|| {
            "a block like 3/1/64: its number, whether more follow, its size".to_owned()
        }),
        Kind::OneOf(names) if names.contains(&value) => Ok(Value::Text(value.to_owned())),
        Kind::OneOf(names) => Err(one_of(names)),
        Kind::Flag => unreachable!("taken care of above"),
    }
}

/// `NUMBER:HEX`; the value may be empty.
fn option(text: &str) -> Option<Value> {
    let (number, bytes) = text.split_once(':')?;
    let bytes = match bytes {
        "" => Vec::new(),
        digits => hex_bytes(digits)?,
    };
    Some(Value::Option(number.parse().ok()?, bytes))
}

/// The value of a Block option from `NUMBER/MORE/SIZE` (RFC 7959 §2.2).
fn block(text: &str) -> Option<i64> {
    let mut parts = text.split('/').map(str::parse::<i64>);
    let (number, more, size) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let szx = (0..=6).find(|szx| 16 << szx == size)?;
    let is_sound = (0..1 << 20).contains(&number) && (0..=1).contains(&more);
    (is_sound && parts.next().is_none()).then_some(number << 4 | more << 3 | szx)
}

/// Decimal, or hex with `0x`; a sign is kept.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with(['+', '-']) => i64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// Text as it is, or in double or single quotes which end with it.
fn unquote(text: &str) -> Result<String, String> {
    if let Some(rest) = text.strip_prefix('\'') {
        return match rest.strip_suffix('\'') {
            Some(inner) if !inner.contains('\'') => Ok(inner.to_owned()),
            _ => Err("text with one pair of quotes around it".to_owned()),
        };
    }
    match text.strip_prefix('"') {
        None if text.contains('"') => Err("text, quoted as a whole or not at all".to_owned()),
        None => Ok(text.to_owned()),
        Some(rest) => match rest.strip_suffix('"') {
            Some(inner) if !inner.contains('"') => Ok(inner.to_owned()),
            _ => Err("text with one pair of quotes around it".to_owned()),
        },
    }
}

pub(super) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    digits.chunks_exact(2).map(byte).collect()
}

/// What a path with its query asks for; none where a `%` isn't followed by two hex digits.
pub(super) fn resource(text: &str) -> Option<Resource> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let path = path.trim_start_matches('/');
    let segments = path.split('/').filter(|_| !path.is_empty());
    let queries = query.split('&').filter(|part| !part.is_empty());
    Some(Resource {
        path: segments.map(percent::decode).collect::<Option<_>>()?,
        query: queries.map(percent::decode).collect::<Option<_>>()?,
    })
}
