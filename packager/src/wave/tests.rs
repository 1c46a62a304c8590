//! Who goes next, and what stops whom.

use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_trust::testing::{Organisation, name, project, time};

use super::*;

fn in_waves(waves: &str) -> (Organisation, Digest) {
    let (mut organisation, _, new) = Organisation::live();
    let mut promotion = organisation.draft("prod", new);
    promotion.predicate.waves = Some(waves.parse().unwrap());
    promotion.predicate.issued_at = time(0);
    let verdict = organisation.append_promotion(&promotion, &["alice"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    (organisation, new)
}

fn wave(number: u64) -> Wave {
    number.try_into().unwrap()
}

fn deployment(host: &str, wave: u64, more: &str) -> Deployment {
    let text = format!(
        r#"{{"host":"{host}","state":"behind","receivedAt":"2026-11-28T12:00:00Z",
            "report":{{"project":"acme/billing","channel":"prod","standing":"behind",
            "wave":{wave}{more}}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_next_wave_is_the_one_after_those_that_people_or_the_clock_let_go() {
    let (organisation, _) = in_waves("10m");
    let found = find(&organisation.state, &project(), None).unwrap();
    for (second, expected) in [(0, 2), (599, 2), (600, 3), (1200, 4)] {
        let next = found.next(&[], time(second));
        assert_eq!(next, Ok(wave(expected)), "{second}");
    }
    let late = found.next(&[], time(99 * 600));
    assert!(matches!(late, Err(WaveError::AllGo { .. })), "{late:?}");
    let (organisation, _) = in_waves("manual");
    let found = find(&organisation.state, &project(), Some(&name("prod"))).unwrap();
    assert_eq!(found.next(&[], time(1_000_000)), Ok(wave(2)));
}

#[test]
fn a_release_that_no_server_has_is_unproved() {
    let (organisation, new) = in_waves("manual");
    let found = find(&organisation.state, &project(), None).unwrap();
    let live = format!(r#","live":"{new}""#);
    for (servers, expected) in [
        (vec![], false),
        (vec![deployment("web2", 2, &live)], false),
        (vec![deployment("web1", 1, "")], true),
        (
            vec![deployment("web1", 1, ""), deployment("web2", 2, &live)],
            true,
        ),
        (
            vec![deployment("web1", 1, &live), deployment("web2", 2, "")],
            false,
        ),
    ] {
        let report = found.report(&servers, time(1));
        assert_eq!(is_unproved(&report), expected, "{servers:?}");
    }
}

#[test]
fn a_server_that_may_go_and_has_not_for_no_reason_is_named() {
    let (organisation, new) = in_waves("manual");
    let found = find(&organisation.state, &project(), None).unwrap();
    let live = format!(r#","live":"{new}""#);
    let servers = [
        deployment("web1", 1, &live),
        deployment("web2", 1, ""),
        deployment("web3", 2, ""),
    ];
    let report = found.report(&servers, time(1));
    let behind: Vec<_> = report.steps.iter().map(|step| &step.behind[..]).collect();
    assert_eq!(behind, [&["web2".parse().unwrap()][..], &[]]);
}

#[test]
fn a_channel_must_have_waves_and_be_the_only_one_or_named() {
    let (mut organisation, new) = in_waves("manual");
    let none = find(&Organisation::live().0.state, &project(), None);
    assert!(matches!(none, Err(WaveError::None { .. })), "{none:?}");
    organisation.promote("dev", new, &["alice"]);
    let dev = find(&organisation.state, &project(), Some(&name("dev")));
    assert!(matches!(dev, Err(WaveError::AtOnce { .. })), "{dev:?}");
    let mut promotion = organisation.draft("staging", new);
    promotion.predicate.waves = Some(Waves::Manual);
    organisation.append_promotion(&promotion, &["alice"]);
    let several = find(&organisation.state, &project(), None);
    assert!(
        matches!(several, Err(WaveError::Several { .. })),
        "{several:?}"
    );
}

#[test]
fn a_channel_that_was_rolled_back_says_who_waits_and_what_reaches_them() {
    for (waves, words) in [
        ("manual", "wave 1 may go, and no further wave does"),
        (
            "10m",
            "wave 1 may go, and each further wave 10m later than the one before",
        ),
    ] {
        let (mut organisation, new) = in_waves(waves);
        let next = organisation.publish(&project(), "next");
        organisation.promote("prod", next, &["alice"]);
        organisation.promote("prod", new, &["alice"]);
        for named in [None, Some(name("prod"))] {
            let found = find(&organisation.state, &project(), named.as_ref()).unwrap();
            assert!(found.report(&[], time(2)).rolled_back);
            let refused = found.next(&[], time(2)).unwrap_err();
            assert_eq!(refused.kind(), FailureKind::Refused);
            let text = refused.to_string();
            assert!(text.contains("was rolled back to"), "{text}");
            assert!(text.ends_with(words), "{text}");
            let hint = refused.hint().unwrap();
            assert!(
                hint.contains("install acme/billing --now -m TEXT"),
                "{hint}"
            );
        }
    }
}

#[test]
fn a_failure_counts_where_servers_may_go() {
    let (organisation, new) = in_waves("10m");
    let found = find(&organisation.state, &project(), None).unwrap();
    let failed = format!(r#","head":"{new}","headFailed":true"#);
    let live = format!(r#","head":"{new}","live":"{new}""#);
    let deployments = [
        deployment("web1", 1, &live),
        deployment("web2", 2, &failed),
        deployment("web3", 2, ""),
    ];
    let report = found.report(&deployments, time(0));
    assert_eq!(require_healthy(&report), Ok(()));
    let counts: Vec<_> = report
        .steps
        .iter()
        .map(|step| (step.wave, step.servers, step.current, step.may_go))
        .collect();
    assert_eq!(
        counts,
        [(wave(1), 1, 1, true), (wave(2), 2, 0, false)],
        "{report:?}"
    );
    assert_eq!(report.steps[1].due, Some(time(600)));
    let report = found.report(&deployments, time(600));
    let refused = require_healthy(&report).unwrap_err();
    assert!(refused.to_string().contains("web2 of wave 2"), "{refused}");
    // The third wave would wait for the second, so it is the one that comes next.
    assert_eq!(found.next(&deployments, time(6000)), Ok(wave(3)));
}

#[test]
fn a_wave_that_people_let_go_before_a_failure_waits_until_they_let_more_go() {
    let (mut organisation, new) = in_waves("manual");
    let up_to = |organisation: &mut Organisation, up_to: u64, at: u32| {
        let (state, up_to) = (&organisation.state, wave(up_to));
        let widening = statement::widen(
            state,
            &project(),
            &name("prod"),
            up_to,
            "on".to_owned(),
            time(at),
        );
        let verdict = organisation.append_promotion(&widening.unwrap(), &["bob"]);
        assert!(verdict.is_effective(), "{verdict:?}");
        find(&organisation.state, &project(), None).unwrap()
    };
    let found = up_to(&mut organisation, 2, 50);
    let failed_at = |at: u32| {
        let failed = format!(
            r#","head":"{new}","headFailed":true,"lastError":{{"kind":"rolled-back",
            "message":"sick","at":"{}"}}"#,
            time(at)
        );
        [deployment("web1", 1, &failed), deployment("web2", 2, "")]
    };
    let seen = |found: &InWaves, deployments: &[Deployment]| {
        let report = found.report(deployments, time(200));
        (report.steps[1].may_go, report.steps[1].stopped_by)
    };
    assert_eq!(seen(&found, &failed_at(50)), (true, None));
    let late = failed_at(51);
    assert_eq!(seen(&found, &late), (false, Some(Wave::FIRST)));
    let next = found.next(&late, time(200)).unwrap();
    assert_eq!(next, wave(3));
    assert_eq!(found.require_server(next, &late), Ok(()));
    let again = up_to(&mut organisation, 3, 60);
    assert_eq!(seen(&again, &late), (true, None));
    // After that there is nothing that people could say but to take it back.
    let all = up_to(&mut organisation, 99, 70);
    assert_eq!(seen(&all, &failed_at(80)), (true, None));
}

#[test]
fn a_time_that_will_not_hold_after_a_failure_is_not_announced() {
    let (organisation, new) = in_waves("10m");
    let found = find(&organisation.state, &project(), None).unwrap();
    let failed = format!(r#","head":"{new}","headFailed":true"#);
    let deployments = [
        deployment("web1", 1, &failed),
        deployment("web2", 2, ""),
        deployment("web3", 3, ""),
    ];
    let steps = found.report(&deployments, time(0)).steps;
    let seen: Vec<_> = steps
        .iter()
        .map(|step| (step.may_go, step.due, step.stopped_by))
        .collect();
    let stopped = (false, None, Some(Wave::FIRST));
    assert_eq!(seen, [(true, None, None), stopped, stopped]);
    let later = found.report(&deployments, time(6000));
    assert_eq!((later.open, later.due_up_to), (Wave::FIRST, None));
}

#[test]
fn a_rollout_is_finished_when_the_servers_that_are_known_have_it() {
    let (organisation, new) = in_waves("10m");
    let found = find(&organisation.state, &project(), None).unwrap();
    let live = format!(r#","head":"{new}","live":"{new}""#);
    let deployments = [
        deployment("web1", 1, &live),
        deployment("web2", 2, &live),
        deployment("web3", 3, ""),
    ];
    let report = found.report(&deployments, time(600));
    assert_eq!((report.open, report.due_up_to), (wave(1), Some(wave(2))));
    assert!(!report.finished);
    assert!(!found.report(&deployments, time(1200)).finished);
    let done = deployments.clone().map(|one| Deployment {
        report: deployment("web", one.report.wave.number().into(), &live).report,
        ..one
    });
    assert!(found.report(&done, time(1200)).finished);
    let next = found.next(&deployments, time(1200)).unwrap();
    let refused = found.require_server(next, &deployments).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("nothing of {new} is left to let go on `prod`: no server is in a wave after 3")
    );
    assert_eq!(refused.kind(), FailureKind::Refused);
    // Where no server is known, nothing can be said to be finished.
    assert_eq!(found.require_server(next, &[]), Ok(()));
    assert!(!found.report(&[], time(1200)).finished);
    assert!(found.report(&[], time(99 * 600)).finished);
}

#[test]
fn servers_that_are_held_or_silent_or_wait_for_a_window_are_named() {
    let (organisation, new) = in_waves("manual");
    let found = find(&organisation.state, &project(), None).unwrap();
    let window =
        format!(r#","head":"{new}","waiting":{{"reason":"waits for the window that opens Sun"}}"#);
    let hold =
        format!(r#","head":"{new}","hold":{{"hash":"{new}","since":"2026-11-28T12:00:00Z"}}"#);
    let mut silent = deployment("web3", 1, "");
    silent.silent_since = Some(time(0));
    let deployments = [
        deployment("web1", 1, &window),
        deployment("web2", 1, &hold),
        silent,
        // It waits for its wave, which is no news.
        deployment("web4", 2, &window),
    ];
    let steps = found.report(&deployments, time(0)).steps;
    let host = |name: &str| vec![name.parse().unwrap()];
    assert_eq!(steps[0].waiting[0].host, host("web1")[0]);
    assert_eq!(
        steps[0].waiting[0].reason,
        "waits for the window that opens Sun"
    );
    assert_eq!(steps[0].held, host("web2"));
    assert_eq!(steps[0].silent, host("web3"));
    assert_eq!(steps[1].waiting, []);
}

#[test]
fn what_is_not_there_and_what_is_done_end_alike() {
    let (mut organisation, new) = in_waves("manual");
    organisation.promote("dev", new, &["alice"]);
    let kind = |state: &LogState, channel: Option<&str>| {
        let channel = channel.map(name::<ChannelName>);
        find(state, &project(), channel.as_ref())
            .unwrap_err()
            .kind()
    };
    assert_eq!(
        kind(&organisation.state, Some("dev")),
        kind(&Organisation::live().0.state, None)
    );
}

#[test]
fn nobody_goes_while_the_channel_is_paused() {
    let (mut organisation, new) = in_waves("manual");
    let pausing = statement::pause(
        &organisation.state,
        &project(),
        &name("prod"),
        "an audit".to_owned(),
        time(1),
    );
    let verdict = organisation.append_promotion(&pausing.unwrap(), &["bob"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    let found = find(&organisation.state, &project(), None).unwrap();
    let report = found.report(&[deployment("web1", 1, "")], time(2));
    assert!(report.paused && !report.steps[0].may_go, "{report:?}");
    let refused = found.next(&[], time(2)).unwrap_err();
    let words = format!("`prod`, which points to {new}, is paused by bob: an audit");
    assert_eq!(refused.to_string(), words);
}

#[test]
fn a_server_that_cannot_take_the_release_holds_later_waves_like_one_on_which_it_failed() {
    let (organisation, new) = in_waves("10m");
    let found = find(&organisation.state, &project(), None).unwrap();
    let with = |kind: &str| {
        let refused = format!(
            r#","head":"{new}","lastError":{{"kind":"{kind}",
            "message":"the host file names no user for hooks","at":"{}"}}"#,
            time(1)
        );
        [
            deployment("web1", 1, &refused),
            deployment("web2", 2, ""),
            deployment("web3", 3, ""),
        ]
    };
    let deployments = with("refused");
    let report = found.report(&deployments, time(6000));
    assert_eq!(report.due_up_to, None);
    for step in &report.steps[1..] {
        assert_eq!((step.may_go, step.stopped_by), (false, Some(Wave::FIRST)));
    }
    assert_eq!(found.next(&deployments, time(6000)), Ok(wave(2)));
    let refused = require_healthy(&report).unwrap_err().to_string();
    assert!(
        refused.ends_with("web1 of wave 1: the host file names no user for hooks"),
        "{refused}"
    );
    // What may work the next time stops nobody.
    let report = found.report(&with("temporary"), time(6000));
    assert_eq!(require_healthy(&report), Ok(()));
    assert_eq!(report.steps[0].behind, ["web1".parse().unwrap()]);
    assert!(report.steps[2].may_go, "{report:?}");
}

#[test]
fn a_channel_that_was_rolled_back_to_a_head_without_waves_is_refused_in_the_same_way() {
    let (mut organisation, _) = in_waves("manual");
    let first = organisation.prod();
    let earlier = organisation.state.moves(&project(), &name("prod"));
    let earlier = earlier.iter().next().unwrap().hash;
    assert_ne!(earlier, first);
    organisation.promote("prod", earlier, &["alice"]);
    let prod = name::<ChannelName>("prod");
    let refused = find(&organisation.state, &project(), Some(&prod)).unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Refused);
    let text = refused.to_string();
    assert!(text.contains("was rolled back to"), "{text}");
    assert!(text.ends_with("no server waits for one"), "{text}");
    // Going on after a pause takes nothing back.
    let (mut paused, _, _) = Organisation::live();
    let head = paused.prod();
    let pause = statement::pause(&paused.state, &project(), &prod, "wait".to_owned(), time(9));
    paused.append_promotion(&pause.unwrap(), &["alice"]);
    paused.promote("prod", head, &["alice"]);
    let at_once = find(&paused.state, &project(), Some(&prod)).unwrap_err();
    assert!(matches!(at_once, WaveError::AtOnce { .. }), "{at_once}");
}
