//! Maintenance windows: when a server may change what is live on it, by the clocks of a place.

use std::fmt;
use std::str::FromStr;

use bulla_schemas::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::Deserialize;

use super::values::ValueError;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// One minute after a day's last one.
const MIDNIGHT: u16 = 24 * 60;
/// What a time zone database has besides places: how a machine is set, and other ways to count
/// seconds.
const SETTINGS: [&str; 5] = ["localtime", "Factory", "posixrules", "posix", "right"];
/// From how many days ago on, and for how many days, openings are looked for. A zone can skip a
/// day, and a window the day on which its whole length is skipped.
const BACK: usize = 2;
const AHEAD: usize = 17;

/// The same hours on some days of each week: `Mon-Fri 20:00-06:00`. Hours that end no later than
/// they begin end on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Window {
    /// On which days it opens, from Monday on.
    days: [bool; 7],
    /// Minutes after the day's begin.
    opens: u16,
    closes: u16,
    /// As the host file has it.
    text: String,
}

impl FromStr for Window {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).ok_or_else(|| {
            ValueError::new(
                "a window such as `Mon-Fri 20:00-06:00` or `Sat,Sun 00:00-24:00`",
                text,
            )
        })
    }
}

impl TryFrom<String> for Window {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn parse(text: &str) -> Option<Window> {
    let (named, hours) = text.split_once(' ')?;
    let mut days = [false; 7];
    for part in named.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // `Fri-Mon` goes over the end of the week.
        let count = (last + 7 - first) % 7 + 1;
        (first..first + count).for_each(|day| days[day % 7] = true);
    }
    let (opens, closes) = hours.split_once('-')?;
    let (opens, closes) = (minutes(opens)?, minutes(closes)?);
    // From midnight to midnight is written as 00:00-24:00.
    (opens < MIDNIGHT && closes > 0 && opens != closes || closes == 0 && opens > 0).then(|| {
        Window {
            days,
            opens,
            closes,
            text: text.to_owned(),
        }
    })
}

fn day(text: &str) -> Option<usize> {
    DAYS.iter().position(|day| *day == text)
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= MIDNIGHT).then_some(time)
}

/// A time zone by its name, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_setting = |name: &&str| {
            let place = text.split('/').next().unwrap_or_default();
            place.eq_ignore_ascii_case(name)
        };
        if SETTINGS.iter().any(is_setting) {
            let expected = "a time zone by its name, such as `Europe/Berlin` or `UTC`, and not what \
                            a machine happens to be set to; `timedatectl` shows that name";
            return Err(ValueError::new(expected, text));
        }
        // Small systems come without the database, and others with an old one.
        let found = jiff::tz::db()
            .get(text)
            .or_else(|_| TimeZoneDatabase::bundled().get(text));
        found
            .map(Self)
            .map_err(|_| ValueError::new("a time zone such as `Europe/Berlin` or `UTC`", text))
    }
}

impl TryFrom<String> for Zone {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// The windows of a project in their time zone. Without any, it is always open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    windows: Vec<Window>,
    zone: Zone,
}

impl Windows {
    pub(super) const fn new(windows: Vec<Window>, zone: Zone) -> Self {
        Self { windows, zone }
    }

    /// Returns the first moment from `at` on at which a window is open; `None` when there is none in
    /// the days to come.
    pub(crate) fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        if self.windows.is_empty() {
            return Some(at);
        }
        let now = at.as_seconds();
        let is_open = |(opens, closes): &(i64, i64)| *opens <= now && now < *closes;
        if self.spans(at).any(|span| is_open(&span)) {
            return Some(at);
        }
        let openings = self.spans(at).map(|(opens, _)| opens);
        let next = openings.filter(|opens| *opens > now).min()?;
        Timestamp::from_seconds(next).ok()
    }

    /// Says when something is, by the clocks of the time zone: `Mon 20:00 CEST`.
    pub(crate) fn in_words(&self, time: Timestamp, now: Timestamp) -> String {
        const FIVE_DAYS: i64 = 5 * 24 * 60 * 60;
        let is_near = time.as_seconds() - now.as_seconds() < FIVE_DAYS;
        let format = if is_near {
            "%a %H:%M %Z"
        } else {
            "%a %Y-%m-%d %H:%M %Z"
        };
        match jiff::Timestamp::from_second(time.as_seconds()) {
            Ok(time) => time
                .to_zoned(self.zone.0.clone())
                .strftime(format)
                .to_string(),
            Err(_) => time.to_string(),
        }
    }

    /// Returns when the windows around a moment open and close, in seconds since 1970. A time that
    /// the clocks skip is the first moment after it, and one that they show twice is the first.
    fn spans(&self, at: Timestamp) -> impl Iterator<Item = (i64, i64)> {
        let at = jiff::Timestamp::from_second(at.as_seconds()).ok();
        let today = at.map(|at| self.zone.0.to_datetime(at).date());
        let first = (0..BACK).fold(today, |day, _| day?.yesterday().ok());
        let days = std::iter::successors(first, |day| day.tomorrow().ok());
        days.take(BACK + AHEAD)
            .flat_map(|day| self.windows.iter().map(move |window| (day, window)))
            .filter_map(|(day, window)| self.span(day, window))
    }

    fn span(&self, day: Date, window: &Window) -> Option<(i64, i64)> {
        let number = usize::try_from(day.weekday().to_monday_zero_offset()).ok()?;
        if !window.days[number] {
            return None;
        }
        let end = if window.closes > window.opens {
            day
        } else {
            day.tomorrow().ok()?
        };
        let span = (
            self.moment(day, window.opens)?,
            self.moment(end, window.closes)?,
        );
        (span.0 < span.1).then_some(span)
    }

    fn moment(&self, day: Date, minutes: u16) -> Option<i64> {
        let day = if minutes == MIDNIGHT {
            day.tomorrow().ok()?
        } else {
            day
        };
        let part = |part: u16| i8::try_from(part).ok();
        let time = Time::new(part(minutes % MIDNIGHT / 60)?, part(minutes % 60)?, 0, 0).ok()?;
        let moment = self.zone.0.to_ambiguous_timestamp(day.to_datetime(time));
        let moment = if let AmbiguousOffset::Gap { .. } = moment.offset() {
            let before = moment.earlier().ok()?;
            self.zone.0.following(before).next()?.timestamp()
        } else {
            moment.compatible().ok()?
        };
        Some(moment.as_second())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows(texts: &[&str], zone: &str) -> Windows {
        let windows = texts.iter().map(|text| text.parse().unwrap()).collect();
        Windows::new(windows, zone.parse().unwrap())
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What `next_open` says, in UTC.
    #[track_caller]
    fn opens(windows: &Windows, at: &str, expected: &str) {
        assert_eq!(windows.next_open(time(at)), Some(time(expected)), "{at}");
    }

    #[test]
    fn is_open_in_its_hours_and_opens_next_after_them() {
        let nights = windows(&["Mon-Fri 20:00-06:00"], "Europe/Berlin");
        // Friday evening, and the Saturday morning that belongs to it.
        opens(&nights, "2026-11-27T18:59:59Z", "2026-11-27T19:00:00Z");
        opens(&nights, "2026-11-28T04:59:59Z", "2026-11-28T04:59:59Z");
        opens(&nights, "2026-11-28T05:00:00Z", "2026-11-30T19:00:00Z");
        let weekend = windows(&["Sat,Sun 00:00-24:00"], "UTC");
        opens(&weekend, "2026-11-27T23:59:59Z", "2026-11-28T00:00:00Z");
        opens(&weekend, "2026-11-29T23:59:59Z", "2026-11-29T23:59:59Z");
        opens(&weekend, "2026-11-30T00:00:00Z", "2026-12-05T00:00:00Z");
        let both = windows(&["Sun 00:00-24:00", "Wed 12:00-12:30"], "UTC");
        opens(&both, "2026-11-30T00:00:00Z", "2026-12-02T12:00:00Z");
        opens(&both, "2026-12-02T12:30:00Z", "2026-12-06T00:00:00Z");
    }

    #[test]
    fn without_windows_it_is_always_open() {
        let at = time("2026-11-28T12:00:00Z");
        assert_eq!(Windows::default().next_open(at), Some(at));
    }

    #[test]
    fn clocks_that_are_put_forward_or_back_move_the_hours_with_them() {
        let hours = windows(&["Sun 02:30-04:00"], "Europe/Berlin");
        // 02:30 is not there on 29 March 2026, where 03:00 follows 01:59, and twice on 25 October.
        opens(&hours, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
        opens(&hours, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
        opens(&hours, "2026-10-25T02:59:59Z", "2026-10-25T02:59:59Z");
        opens(&hours, "2026-10-25T03:00:00Z", "2026-11-01T01:30:00Z");
        // Hours of which nothing is left on that day.
        let skipped = windows(&["Sun 02:00-03:00"], "Europe/Berlin");
        opens(&skipped, "2026-03-28T12:00:00Z", "2026-04-05T00:00:00Z");
        let evening = windows(&["Mon-Sun 20:00-06:00"], "Europe/Berlin");
        opens(&evening, "2026-07-01T12:00:00Z", "2026-07-01T18:00:00Z");
        opens(&evening, "2026-12-01T12:00:00Z", "2026-12-01T19:00:00Z");
        // Samoa had no 30 December 2011, which would have been a Friday.
        let friday = windows(&["Fri 10:00-11:00"], "Pacific/Apia");
        let next = friday.next_open(time("2011-12-29T12:00:00Z")).unwrap();
        assert!(next <= time("2012-01-06T00:00:00Z"), "{next}");
    }

    #[test]
    fn says_when_it_opens_by_the_clocks_of_its_place() {
        let nights = windows(&["Mon-Fri 20:00-06:00"], "Europe/Berlin");
        let now = time("2026-07-04T12:00:00Z");
        let next = nights.next_open(now).unwrap();
        assert_eq!(nights.in_words(next, now), "Mon 20:00 CEST");
        let later = nights.in_words(time("2026-12-01T19:00:00Z"), now);
        assert_eq!(later, "Tue 2026-12-01 20:00 CET");
    }

    #[test]
    fn a_window_has_days_and_hours_and_nothing_else() {
        for right in [
            "Mon 00:00-24:00",
            "Fri-Mon 22:30-00:00",
            "Mon,Wed-Fri 20:00-06:00",
            "Sun 23:59-00:01",
        ] {
            let window: Window = right.parse().unwrap();
            assert_eq!(window.to_string(), right);
        }
        for wrong in [
            "",
            "Mon",
            "20:00-06:00",
            "mon 20:00-06:00",
            "Mon-  20:00-06:00",
            "Mon 20-06",
            "Mon 20:00",
            "Mon 20:00-20:00",
            "Mon 00:00-00:00",
            "Mon 24:00-06:00",
            "Mon 20:00-24:01",
            "Mon 20:60-21:00",
            "Mon 2:00-3:00",
            "Mon +1:00-03:00",
            "Mon 20:00-06:00 ",
            "Mon;Tue 20:00-06:00",
        ] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong:?}");
        }
        for wrong in ["", "Berlin", "Europe/Nowhere", "../etc/passwd"] {
            assert!(wrong.parse::<Zone>().is_err(), "{wrong:?}");
        }
        // They are in the database, and say nothing of a place.
        for wrong in [
            "localtime",
            "LocalTime",
            "Factory",
            "posixrules",
            "right/Europe/Berlin",
        ] {
            let error = wrong.parse::<Zone>().unwrap_err().to_string();
            assert!(error.contains("`timedatectl`"), "{error}");
        }
        assert!("America/Argentina/Buenos_Aires".parse::<Zone>().is_ok());
    }

    fn any_window() -> impl Strategy<Value = Window> {
        let days = proptest::sample::subsequence(DAYS.to_vec(), 1..=7);
        (days, 0..1440_u16, 1..=1440_u16).prop_filter_map("an empty window", |(days, from, to)| {
            let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            let text = format!("{} {}-{}", days.join(","), clock(from), clock(to));
            text.parse().ok()
        })
    }

    proptest! {
        #[test]
        fn the_next_opening_is_inside_a_window_and_nothing_before_it_is(
            window in any_window(),
            zone in proptest::sample::select(vec![
                "UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca",
            ]),
            at in 1_700_000_000..1_900_000_000_i64,
        ) {
            let windows = Windows::new(vec![window], zone.parse().unwrap());
            let at = Timestamp::from_seconds(at).unwrap();
            let next = windows.next_open(at).expect("each week has one");
            prop_assert!(next >= at);
            prop_assert_eq!(windows.next_open(next), Some(next));
            if next > at {
                let before = i64::midpoint(at.as_seconds(), next.as_seconds());
                for second in [before, next.as_seconds() - 1] {
                    let before = Timestamp::from_seconds(second.max(at.as_seconds())).unwrap();
                    prop_assert_eq!(windows.next_open(before), Some(next));
                }
            }
        }
    }
}
