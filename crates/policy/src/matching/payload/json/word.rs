//! What stands without quotes, as readers take it: what is no JSON may be several values.

use super::Value;
use super::space::trimmed;

/// Shows what readers may take a word for, until one of these values passes.
pub(super) fn any<'t>(word: &'t [u8], mut passes: impl FnMut(Value<'t>) -> bool) -> bool {
    let Ok(text) = std::str::from_utf8(word) else {
        return passes(Value::Text(word));
    };
    let text = trimmed(text);
    if let Some(value) = plain(text) {
        return passes(value);
    }
    let numbers = [leading(text), with_base(text)];
    literal(text).is_some_and(&mut passes)
        || numbers
            .into_iter()
            .flatten()
            .any(|number| passes(Value::Number(number)))
        || passes(Value::Text(text.as_bytes()))
}

/// Whether it is a value by itself, as a line of JSON has one.
pub(super) fn is_value(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| {
        let word = trimmed(word);
        literal(word).is_some() || word.parse::<f64>().is_ok()
    })
}

/// What it is to every reader.
fn plain(word: &str) -> Option<Value<'static>> {
    Some(match word {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        "null" => Value::Other,
        _ => Value::Number(word.parse().ok().filter(|_| is_number(word))?),
    })
}

/// Whether it is a number of RFC 8259 §6, if it is one at all.
fn is_number(word: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let digits = word.strip_prefix('-').unwrap_or(word).as_bytes();
    let point = memchr::memchr(b'.', digits);
    is_digit(digits.first())
        && !(digits[0] == b'0' && is_digit(digits.get(1)))
        && point.is_none_or(|point| is_digit(digits.get(point + 1)))
}

/// Gson knows these in capitals.
fn literal(word: &str) -> Option<Value<'static>> {
    let is = |literal| word.eq_ignore_ascii_case(literal);
    if is("null") {
        return Some(Value::Other);
    }
    let flag = is("true") || is("false");
    flag.then(|| Value::Flag(is("true")))
}

/// The number that a word is, or begins with: a device that asks `strtod` for it takes no notice of the rest.
fn leading(word: &str) -> Option<f64> {
    if let Ok(number) = word.parse() {
        return Some(number);
    }
    let past_sign = |at: usize| at + usize::from(word[at..].starts_with(['+', '-']));
    let past_digits = |at: usize| {
        let digits = word[at..].bytes().take_while(u8::is_ascii_digit);
        at + digits.count()
    };
    let mut end = past_digits(past_sign(0));
    if word[end..].starts_with('.') {
        end = past_digits(end + 1);
    }
    if word[end..].starts_with(['e', 'E']) {
        let exponent = past_sign(end + 1);
        let past = past_digits(exponent);
        end = if past > exponent { past } else { end };
    }
    word[..end].parse().ok()
}

/// A number of JSON5 such as `-0x1F`, one of `strtod` such as `0x1.8p3`, or one that a leading zero makes octal.
fn with_base(word: &str) -> Option<f64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, word.strip_prefix('+').unwrap_or(word)),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => return None,
    };
    let (mut value, mut exponent, mut count) = (0.0, 0_i32, 0_u32);
    let mut is_past_point = false;
    for (at, c) in digits.char_indices() {
        match c.to_digit(base) {
            Some(digit) => {
                value = value * f64::from(base) + f64::from(digit);
                exponent -= 4 * i32::from(is_past_point);
                count += 1;
            }
            None if base == 16 && c == '.' && !is_past_point => is_past_point = true,
            None if base == 16 && matches!(c, 'p' | 'P') => {
                let scale: Option<i32> = digits[at + 1..].parse().ok();
                exponent = exponent.saturating_add(scale.unwrap_or(0));
                break;
            }
            None => break,
        }
    }
    (count > 0).then(|| sign * value * f64::powi(2.0, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(word: &str) -> (Vec<f64>, bool, bool) {
        let (mut numbers, mut is_text, mut is_other) = (Vec::new(), false, false);
        any(word.as_bytes(), |value| {
            match value {
                Value::Number(number) => numbers.push(number),
                Value::Text(_) => is_text = true,
                Value::Flag(_) | Value::Other => is_other = true,
            }
            false
        });
        (numbers, is_text, is_other)
    }

    #[test]
    fn what_is_json_is_one_value() {
        for (word, number) in [
            ("0", 0.0),
            ("-12.5e1", -125.0),
            ("1E2", 100.0),
            ("0.5", 0.5),
        ] {
            assert_eq!(values(word), (vec![number], false, false), "{word}");
        }
        for word in ["true", "false", "null"] {
            assert_eq!(values(word), (vec![], false, true), "{word}");
        }
    }

    #[test]
    fn what_is_none_is_whatever_some_reader_takes_it_for() {
        for (word, numbers, is_other) in [
            ("+5", &[5.0][..], false),
            (".5", &[0.5], false),
            ("5.", &[5.0], false),
            ("0310", &[310.0, 200.0], false),
            ("0x1F", &[0.0, 31.0], false),
            ("-0Xff", &[0.0, -255.0], false),
            ("0x1.9p7", &[0.0, 200.0], false),
            ("0b101", &[0.0, 5.0], false),
            ("0o17", &[0.0, 15.0], false),
            ("200d", &[200.0], false),
            ("2e2e2", &[200.0], false),
            ("1.5-7", &[1.5], false),
            ("Infinity", &[f64::INFINITY], false),
            ("TRUE", &[], true),
            ("Null", &[], true),
            ("abc", &[], false),
            ("-", &[], false),
            ("0x", &[0.0], false),
        ] {
            assert_eq!(values(word), (numbers.to_vec(), true, is_other), "{word}");
        }
    }

    #[test]
    fn white_space_of_any_kind_ends_a_word() {
        assert_eq!(values("200\u{a0}"), (vec![200.0], false, false));
        assert_eq!(values("true\u{2028}"), (vec![], false, true));
    }
}
