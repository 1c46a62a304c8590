//! When a server goes, waits, or is stopped.

use bulla_schemas::Digest;
use bulla_schemas::statement::Action;
use bulla_trust::Rollout;
use proptest::prelude::*;

use super::*;

/// Noon on a Saturday.
const NOON: i64 = 1_795_867_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOON + seconds).unwrap()
}

fn wave(number: u64) -> Wave {
    number.try_into().unwrap()
}

/// A head that was promoted at noon.
fn head(waves: Option<&str>, open: u64, urgent: bool) -> Head {
    Head {
        project: "acme/billing".parse().unwrap(),
        channel: "prod".parse().unwrap(),
        hash: Digest::of(b"new"),
        size: 1,
        seq: 2,
        entry: 7,
        action: Action::Promote,
        people: Vec::new(),
        reason: String::new(),
        issued_at: at(0),
        rollout: Rollout {
            waves: waves.map(|waves| waves.parse().unwrap()),
            open: wave(open),
            urgent,
        },
        last_seq: 2,
        payload: Digest::of(b"payload"),
    }
}

fn windows(texts: &[&str]) -> Windows {
    let list = texts.iter().map(|text| format!("{text:?}"));
    let list = list.collect::<Vec<_>>().join(",");
    let config: crate::config::ProjectConfig =
        toml::from_str(&format!("windows = [{list}]")).unwrap();
    config.windows()
}

/// People said something last ten minutes after noon.
fn course(head: &Head) -> Course {
    Course {
        rollout: head.rollout,
        last_word: at(600),
        can_widen: true,
    }
}

fn decide_at(
    head: &Head,
    number: u64,
    now: i64,
    windows: &Windows,
    failed: Option<FailedHost>,
) -> When {
    let remembered = Remembered {
        failures: failed.into_iter().collect(),
        ..Remembered::new(head.entry, at(now))
    };
    when(&Circumstances {
        head,
        course: course(head),
        wave: wave(number),
        windows,
        now: at(now),
        remembered: &remembered,
    })
}

fn failed() -> FailedHost {
    FailedHost {
        host: "web1".parse().unwrap(),
        wave: Wave::FIRST,
        why: "sick".to_owned(),
        at: Some(at(300)),
    }
}

#[test]
fn without_waves_every_server_goes_whatever_others_report() {
    let head = head(None, 1, false);
    for number in [1, 2, 99] {
        let decided = decide_at(&head, number, 0, &Windows::default(), Some(failed()));
        assert_eq!(decided, When::Now);
    }
}

#[test]
fn each_wave_goes_so_much_later_than_the_one_before() {
    let head = head(Some("10m"), 1, false);
    let decided = |number, now| decide_at(&head, number, now, &Windows::default(), None);
    assert_eq!(decided(1, 0), When::Now);
    let wait = |number, due| {
        let (wave, due) = (wave(number), at(due));
        When::At(due, Why::Interval { wave, due })
    };
    assert_eq!(decided(2, 0), wait(2, 600));
    assert_eq!(decided(2, 599), wait(2, 600));
    assert_eq!(decided(2, 600), When::Now);
    assert_eq!(decided(3, 600), wait(3, 1200));
    assert_eq!(decided(3, 1200), When::Now);
}

#[test]
fn manual_waves_wait_for_people_alone() {
    let head = head(Some("manual"), 2, false);
    let decided = |number| decide_at(&head, number, 9_999_999, &Windows::default(), None);
    assert_eq!(decided(1), When::Now);
    assert_eq!(decided(2), When::Now);
    let waits = decided(3);
    let (wave, open) = (wave(3), wave(2));
    assert_eq!(
        waits,
        When::Waits(Why::Widening {
            wave,
            open,
            can_widen: true
        })
    );
    assert_eq!(
        waits.waiting().unwrap().reason,
        "waits as wave 3 until people let it go; waves up to 2 may"
    );
}

#[test]
fn an_earlier_wave_that_failed_stops_the_clock_and_not_the_people() {
    let free = Windows::default();
    let by_clock = head(Some("10m"), 1, false);
    let stopped = decide_at(&by_clock, 2, 600, &free, Some(failed()));
    let words = stopped.waiting().unwrap().reason;
    assert!(words.contains("failed on web1 of wave 1"), "{words}");
    assert_eq!(
        decide_at(&by_clock, 1, 600, &free, Some(failed())),
        When::Now
    );
    let widened = head(Some("10m"), 2, false);
    assert_eq!(decide_at(&widened, 2, 0, &free, Some(failed())), When::Now);
    let manual = head(Some("manual"), 2, false);
    assert_eq!(decide_at(&manual, 2, 0, &free, Some(failed())), When::Now);
}

#[test]
fn people_let_a_wave_go_in_spite_of_what_they_could_know_and_no_more() {
    let free = Windows::default();
    let since = |seconds: Option<i64>| FailedHost {
        at: seconds.map(at),
        ..failed()
    };
    for waves in ["10m", "manual"] {
        let decided = |open, failed| {
            let head = head(Some(waves), open, false);
            decide_at(&head, 2, 9000, &free, Some(failed))
        };
        assert_eq!(decided(2, since(Some(600))), When::Now);
        for later in [Some(601), None] {
            let waiting = decided(2, since(later)).waiting().unwrap();
            assert_eq!(
                waiting.reason,
                "waits as wave 2, because it failed on web1 of wave 1 after people had let it \
                 go, until people let it go again: sick"
            );
            // Who lets all waves go wants them to go.
            assert_eq!(decided(99, since(later)), When::Now);
        }
    }
}

#[test]
fn a_paused_head_waits_for_people_whatever_else_counts() {
    let mut paused = head(Some("10m"), 99, true);
    paused.action = Action::Pause;
    paused.people = vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
    paused.reason = "an audit".to_owned();
    let waiting = decide_at(&paused, 1, 0, &Windows::default(), None).waiting();
    let waiting = waiting.unwrap();
    assert_eq!(waiting.reason, "paused by alice, bob: an audit");
    assert!(waiting.is_paused && waiting.until.is_none());
}

#[test]
fn windows_hold_back_what_is_not_urgent_and_urgency_no_wave() {
    let nights = windows(&["Mon-Sun 20:00-06:00"]);
    let opening = at(8 * 3600);
    let patient = head(None, 1, false);
    let waits = decide_at(&patient, 1, 0, &nights, None);
    let When::At(until, why) = &waits else {
        panic!("{waits:?}");
    };
    assert_eq!(*until, opening);
    assert_eq!(
        why.to_string(),
        "waits for the window that opens Sat 20:00 UTC"
    );
    assert_eq!(decide_at(&patient, 1, 9 * 3600, &nights, None), When::Now);
    assert_eq!(
        decide_at(&head(None, 1, true), 1, 0, &nights, None),
        When::Now
    );
    let urgent = head(Some("10m"), 1, true);
    assert!(matches!(
        decide_at(&urgent, 2, 0, &nights, None),
        When::At(due, Why::Interval { .. }) if due == at(600)
    ));
    assert_eq!(decide_at(&urgent, 2, 600, &nights, None), When::Now);
    // A wave whose time comes outside of the windows goes when they open.
    let waves = head(Some("10m"), 1, false);
    assert!(matches!(
        decide_at(&waves, 2, 0, &nights, None),
        When::At(until, Why::Interval { .. }) if until == opening
    ));
}

#[test]
fn a_clock_that_is_behind_counts_from_when_the_promotion_was_seen() {
    let head = head(Some("10m"), 1, false);
    let ten_years = 10 * 366 * 24 * 3600;
    let decided = |now: i64, seen: i64| {
        when(&Circumstances {
            head: &head,
            course: course(&head),
            wave: wave(2),
            windows: &Windows::default(),
            now: at(now),
            remembered: &Remembered::new(head.entry, at(seen)),
        })
    };
    assert!(matches!(decided(-ten_years, -ten_years), When::At(..)));
    assert_eq!(decided(600 - ten_years, -ten_years), When::Now);
    // Once the clock is right, the time that was signed counts.
    assert!(matches!(decided(10, -ten_years), When::At(due, _) if due == at(600)));
}

proptest! {
    #[test]
    fn a_server_that_may_go_may_still_go_later_and_never_before_its_wave(
        number in 1..99_u64,
        open in 1..99_u64,
        now in 0..20_000_i64,
        step in 0..20_000_i64,
        manual: bool,
        urgent: bool,
    ) {
        let head = head(Some(if manual { "manual" } else { "90s" }), open, urgent);
        let free = Windows::default();
        let first = decide_at(&head, number, now, &free, None);
        let let_go = number <= open;
        let is_due = !manual && now >= (i64::try_from(number).unwrap() - 1) * 90;
        prop_assert_eq!(first == When::Now, let_go || is_due);
        if first == When::Now {
            prop_assert_eq!(decide_at(&head, number, now + step, &free, None), When::Now);
        }
        if let When::At(time, _) = first {
            let then = time.as_seconds() - NOON;
            prop_assert_eq!(decide_at(&head, number, then, &free, None), When::Now);
        }
    }
}
