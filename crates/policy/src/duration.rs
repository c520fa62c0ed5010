//! Times as people write them in TOML: "250ms", "60s", "15m", "2h", "1d".

use std::time::Duration;

const UNITS_MS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A whole number and a unit, without a space between.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, unit_ms) = UNITS_MS.iter().find(|(name, _)| *name == unit)?;
    let ms = number.parse::<u64>().ok()?.checked_mul(*unit_ms)?;
    Some(Duration::from_millis(ms))
}

/// In the largest unit that divides it.
pub(crate) fn show(duration: Duration) -> String {
    let ms = duration.as_millis();
    let unit = UNITS_MS
        .iter()
        .rev()
        .find(|(_, unit)| ms.is_multiple_of((*unit).into()));
    match unit {
        Some((name, unit)) if ms > 0 => format!("{}{name}", ms / u128::from(*unit)),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_times() {
        for (text, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("60s", 60_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
            assert_eq!(
                parse(&show(Duration::from_millis(ms))),
                parse(text),
                "{text}"
            );
        }
        assert_eq!(show(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "s",
            "10",
            "-1s",
            "1.5s",
            "1 s",
            "1w",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
