//! Times of day and days of the week, by the clock on the wall of some place.
//!
//! The zones are those of the IANA database as it was when Weir was built: nothing is read from files. Where
//! clocks are put forward, what lies in the hour left out never is; where they are put back, the hour that
//! comes twice counts twice.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::report::{Report, Span};

const DAY_MINUTES: u16 = 24 * 60;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// `{ days = "mon-fri", from = "06:00", until = "22:00", zone = "Europe/Berlin" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// By bit, Monday is 0. Of what goes on past midnight, the day on which it begins.
    pub(crate) days: u8,
    /// The first minute of the day.
    pub(crate) from: u16,
    /// The first minute after it; before `from`, it is the next day's.
    pub(crate) until: u16,
    pub(crate) zone: Zone,
}

/// A zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone(TimeZone);

impl Schedule {
    pub(crate) const EVERY_DAY: u8 = 0x7f;
    pub(crate) const WHOLE_DAY: (u16, u16) = (0, DAY_MINUTES);

    /// Whether a time, in seconds since 1970 (UTC), lies within it.
    pub(crate) fn holds(&self, unix_s: i64) -> bool {
        let Ok(time) = Timestamp::from_second(unix_s) else {
            return false;
        };
        let local = self.zone.0.to_datetime(time);
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let day = local.weekday();
        if self.from < self.until {
            return self.is_on(day) && (self.from..self.until).contains(&minute);
        }
        (self.is_on(day) && minute >= self.from)
            || (self.is_on(day.previous()) && minute < self.until)
    }

    /// Whether it holds whenever `other` does, by the clocks of one place.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        let mut parts = other.by_day().into_iter().flatten();
        self.zone == other.zone
            && parts.all(|(days, from, until)| {
                let mut mine = self.by_day().into_iter().flatten();
                mine.any(|mine| days & !mine.0 == 0 && mine.1 <= from && until <= mine.2)
            })
    }

    /// Its days with the minutes on them: what goes on past midnight has some on the next day.
    fn by_day(&self) -> [Option<(u8, u16, u16)>; 2] {
        let (from, until) = (self.from, self.until);
        if from < until {
            return [Some((self.days, from, until)), None];
        }
        let next = (self.days << 1 | self.days >> 6) & Self::EVERY_DAY;
        [
            (from < DAY_MINUTES).then_some((self.days, from, DAY_MINUTES)),
            (until > 0).then_some((next, 0, until)),
        ]
    }

    fn is_on(&self, day: Weekday) -> bool {
        self.days >> day.to_monday_zero_offset() & 1 == 1
    }
}

/// A zone by its name.
pub(crate) fn zone(report: &mut Report, span: &Span, name: &str) -> Option<Zone> {
    let zone = ZONES.get(name).ok();
    if zone.is_none() {
        let names: Vec<String> = ZONES.available().map(|name| name.to_string()).collect();
        let message = format!("there is no time zone `{}`", name.escape_debug());
        let names = names.iter().map(String::as_str);
        report.error(span, message).did_you_mean(name, names, || {
            Some("zones have the names of the IANA database: \"Europe/Berlin\", \"UTC\"".to_owned())
        });
    }
    zone.map(Zone)
}

/// A minute of the day as `HH:MM`, from 00:00 to 24:00.
pub(crate) fn minute(report: &mut Report, span: &Span, text: &str) -> Option<u16> {
    let minute = minute_of(text);
    if minute.is_none() {
        let message = format!("`{}` isn't a time of day", text.escape_debug());
        let with_zero = format!("0{text}");
        let help = match minute_of(&with_zero) {
            Some(_) => format!("write \"{with_zero}\""),
            None => {
                "write hours and minutes: \"06:30\"; the end of the day is \"24:00\"".to_owned()
            }
        };
        report.error(span, message).help(help);
    }
    minute
}

fn minute_of(text: &str) -> Option<u16> {
    let number = |text: &str| {
        let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse::<u16>().ok())?
    };
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
}

/// The days of the week, `mon` to `sun`, as bits; `fri-mon` goes over the weekend.
pub(crate) fn days(report: &mut Report, span: &Span, text: &str) -> Option<u8> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let mut number = |name: &str| {
        let number = NAMES.iter().position(|known| *known == name);
        if number.is_none() {
            let message = format!("`{}` isn't a day of the week", name.escape_debug());
            report.error(span, message).did_you_mean(name, NAMES, || {
                Some("write \"mon\", \"tue\" … \"sun\", or \"mon-fri\"".to_owned())
            });
        }
        number
    };
    let (first, last) = (number(first)?, number(last)?);
    let len = (last + 7 - first) % 7 + 1;
    Some((first..first + len).fold(0, |days, day| days | 1 << (day % 7)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn report() -> (Report, Span) {
        let mut report = Report::default();
        let span = report.add_file(&SourceText::new("x.toml", "x"));
        (report, span)
    }

    fn schedule(on: &str, from: &str, until: &str, name: &str) -> Schedule {
        let (mut report, span) = report();
        Schedule {
            days: days(&mut report, &span, on).expect("days"),
            from: minute(&mut report, &span, from).expect("a time"),
            until: minute(&mut report, &span, until).expect("a time"),
            zone: zone(&mut report, &span, name).expect("a zone"),
        }
    }

    fn unix(time: &str) -> i64 {
        let time: Timestamp = time.parse().expect("a time");
        time.as_second()
    }

    #[test]
    fn days_and_hours_are_those_of_the_zone() {
        let shift = schedule("mon-fri", "06:00", "22:00", "Europe/Berlin");
        for (time, holds) in [
            // 2026-07-03 is a Friday; Berlin is two hours ahead.
            ("2026-07-03T03:59:59Z", false),
            ("2026-07-03T04:00:00Z", true),
            ("2026-07-03T19:59:59Z", true),
            ("2026-07-03T20:00:00Z", false),
            ("2026-07-04T10:00:00Z", false),
            ("2026-12-04T04:30:00Z", false),
            ("2026-12-04T05:00:00Z", true),
        ] {
            assert_eq!(shift.holds(unix(time)), holds, "{time}");
        }
        // Monday in Auckland begins on Sunday in Greenwich.
        let monday = schedule("mon", "00:00", "24:00", "Pacific/Auckland");
        assert!(monday.holds(unix("2026-07-05T12:00:00Z")));
        assert!(!monday.holds(unix("2026-07-06T12:00:00Z")));
    }

    #[test]
    fn what_goes_on_past_midnight_belongs_to_the_day_it_begins() {
        let night = schedule("fri", "22:00", "06:00", "UTC");
        for (time, holds) in [
            ("2026-07-03T21:59:59Z", false),
            ("2026-07-03T22:00:00Z", true),
            ("2026-07-04T05:59:59Z", true),
            ("2026-07-04T06:00:00Z", false),
            ("2026-07-04T23:00:00Z", false),
            ("2026-07-03T01:00:00Z", false),
        ] {
            assert_eq!(night.holds(unix(time)), holds, "{time}");
        }
    }

    #[test]
    fn where_clocks_change_the_wall_is_right() {
        let small = schedule("sun", "02:00", "03:00", "Europe/Berlin");
        // 2026-03-29: from 01:59:59 to 03:00:00. 2026-10-25: 02:00 to 03:00 comes twice.
        for (time, holds) in [
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T00:59:59Z", true),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(small.holds(unix(time)), holds, "{time}");
        }
    }

    #[test]
    fn a_schedule_takes_in_what_lies_within_it() {
        let (berlin, utc) = ("Europe/Berlin", "UTC");
        for (wide, narrow, takes_in) in [
            (
                ("mon-fri", "06:00", "22:00", utc),
                ("tue", "08:00", "12:00", utc),
                true,
            ),
            (
                ("mon-fri", "06:00", "22:00", utc),
                ("sat", "08:00", "12:00", utc),
                false,
            ),
            (
                ("mon-fri", "06:00", "22:00", utc),
                ("mon", "05:59", "12:00", utc),
                false,
            ),
            (
                ("mon-fri", "06:00", "22:00", utc),
                ("mon", "08:00", "12:00", berlin),
                false,
            ),
            (
                ("mon-tue", "00:00", "24:00", utc),
                ("mon", "22:00", "06:00", utc),
                true,
            ),
            (
                ("mon", "00:00", "24:00", utc),
                ("mon", "22:00", "06:00", utc),
                false,
            ),
            (
                ("sun", "20:00", "08:00", utc),
                ("sun", "22:00", "06:00", utc),
                true,
            ),
            (
                ("sun", "20:00", "08:00", utc),
                ("mon", "00:00", "08:00", utc),
                true,
            ),
            (
                ("sun", "20:00", "08:00", utc),
                ("mon", "07:00", "09:00", utc),
                false,
            ),
            (
                ("mon", "22:00", "06:00", utc),
                ("mon", "22:00", "24:00", utc),
                true,
            ),
            (
                ("mon", "22:00", "23:59", utc),
                ("mon", "22:00", "00:00", utc),
                false,
            ),
            (
                ("mon", "21:00", "24:00", utc),
                ("mon", "22:00", "00:00", utc),
                true,
            ),
        ] {
            let of = |(days, from, until, zone)| schedule(days, from, until, zone);
            assert_eq!(
                of(wide).takes_in(&of(narrow)),
                takes_in,
                "{wide:?} {narrow:?}"
            );
        }
    }

    #[test]
    fn times_beyond_the_calendar_are_in_no_schedule() {
        let always = schedule("mon-sun", "00:00", "24:00", "UTC");
        assert_eq!(always.days, Schedule::EVERY_DAY);
        assert!(always.holds(0) && always.holds(-1));
        assert!(!always.holds(i64::MIN) && !always.holds(i64::MAX));
    }

    #[test]
    fn weekends_wrap_and_nonsense_is_refused() {
        let (mut report, span) = report();
        assert_eq!(days(&mut report, &span, "sat-mon"), Some(0b110_0001));
        for text in ["6:00", "06:60", "24:01", "0600", "+6:00", ""] {
            assert_eq!(minute(&mut report, &span, text), None, "{text}");
        }
        assert_eq!(days(&mut report, &span, "mon-"), None);
    }
}
