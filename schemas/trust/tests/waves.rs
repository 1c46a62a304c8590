//! The rules for waves: which promotions go in steps, who lets further servers go, and what a
//! channel keeps of it.

use bulla_schemas::statement::{Action, PromotionStatement, Severity, Wave, Waves};
use bulla_schemas::{ChannelName, Digest};
use bulla_trust::replay::{Reason, Verdict};
use bulla_trust::statement::{pause, widen};
use bulla_trust::testing::{Organisation, inert, name, project, time};
use bulla_trust::{Head, LogState, Rollout};

fn prod() -> ChannelName {
    name("prod")
}

fn wave(number: u64) -> Wave {
    number.try_into().expect("a wave")
}

fn head(acme: &Organisation) -> Head {
    let head = acme.state.head(&project(), &prod());
    head.expect("`prod` has a head").clone()
}

fn say(acme: &mut Organisation, promotion: &PromotionStatement) -> Verdict {
    acme.append_promotion(promotion, &["alice"])
}

/// Promotes what is not on `prod` yet.
fn promote_in_waves(acme: &mut Organisation, hash: Digest, waves: &str) {
    let mut promotion = acme.draft("prod", hash);
    promotion.predicate.waves = Some(waves.parse().expect("waves"));
    assert_eq!(say(acme, &promotion), Verdict::Effective);
}

fn draft_widening(acme: &Organisation, up_to: u64) -> PromotionStatement {
    let reason = "looks good".to_owned();
    widen(
        &acme.state,
        &project(),
        &prod(),
        wave(up_to),
        reason,
        time(7),
    )
    .expect("a head")
}

fn try_to_widen(acme: &mut Organisation, up_to: u64) -> Verdict {
    let widening = draft_widening(acme, up_to);
    say(acme, &widening)
}

fn pause_prod(acme: &mut Organisation) {
    let pausing = pause(&acme.state, &project(), &prod(), "wait".to_owned(), time(8));
    assert_eq!(say(acme, &pausing.expect("a head")), Verdict::Effective);
}

#[test]
fn a_promotion_in_waves_is_open_to_the_first_until_people_widen_it() {
    let (mut acme, _, new) = Organisation::live();
    promote_in_waves(&mut acme, new, "manual");
    let promoted = head(&acme);
    let manual = Rollout {
        waves: Some(Waves::Manual),
        open: Wave::FIRST,
        urgent: false,
    };
    assert_eq!(promoted.rollout, manual);
    assert_eq!(try_to_widen(&mut acme, 2), Verdict::Effective);
    assert_eq!(try_to_widen(&mut acme, 99), Verdict::Effective);
    let widened = head(&acme);
    assert_eq!(widened.rollout.open, Wave::LAST);
    assert_eq!(widened.last_seq, promoted.seq + 2);
    assert_ne!(widened.payload, promoted.payload);
    // What holds and quarantines look at is the promotion, as it was.
    let as_before = Head {
        rollout: promoted.rollout,
        last_seq: promoted.last_seq,
        payload: promoted.payload,
        ..widened
    };
    assert_eq!(as_before, promoted);
    // The channel goes on after the widenings.
    let next = acme.publish(&project(), "next");
    assert_eq!(acme.promote("prod", next, &["alice"]), Verdict::Effective);
    assert_eq!(head(&acme).seq, promoted.seq + 3);
    assert_eq!(head(&acme).rollout.waves, None);
}

#[test]
fn a_widening_goes_forward_only() {
    let (mut acme, _, new) = Organisation::live();
    promote_in_waves(&mut acme, new, "10m");
    let not_wider = |verdict| matches!(inert(verdict), Reason::NotWider { .. });
    assert!(not_wider(try_to_widen(&mut acme, 1)));
    assert_eq!(try_to_widen(&mut acme, 3), Verdict::Effective);
    assert!(not_wider(try_to_widen(&mut acme, 3)));
    assert!(not_wider(try_to_widen(&mut acme, 2)));
    let mut without = draft_widening(&acme, 4);
    without.predicate.up_to = None;
    assert!(not_wider(say(&mut acme, &without)));
    assert_eq!(head(&acme).rollout.open, wave(3));
}

#[test]
fn only_the_head_of_a_promotion_in_waves_is_widened() {
    let (mut acme, old, new) = Organisation::live();
    assert!(matches!(
        inert(try_to_widen(&mut acme, 2)),
        Reason::NoWaves { .. }
    ));
    promote_in_waves(&mut acme, new, "manual");
    let mut elsewhere = draft_widening(&acme, 2);
    elsewhere.subject[0].digest.sha256 = old;
    assert!(matches!(
        inert(say(&mut acme, &elsewhere)),
        Reason::WidenElsewhere { .. }
    ));
    let revoked = acme.revoke(new, Severity::Block, "bob");
    assert_eq!(revoked, Verdict::Effective);
    assert_eq!(
        inert(try_to_widen(&mut acme, 2)),
        Reason::Revoked { hash: new }
    );
    // A channel that points nowhere has nothing to widen.
    let mut nowhere = draft_widening(&acme, 2);
    nowhere.predicate.channel = name("dev");
    nowhere.predicate.seq = 1;
    nowhere.predicate.prev = Digest::from_bytes([0; 32]);
    assert!(matches!(
        inert(say(&mut acme, &nowhere)),
        Reason::WidenElsewhere { .. }
    ));
}

#[test]
fn a_widening_takes_the_people_that_a_promotion_takes() {
    let (mut acme, old, _) = Organisation::live();
    acme.promote("staging", old, &["carol"]);
    let mut promotion = acme.draft("vault", old);
    promotion.predicate.waves = Some(Waves::Manual);
    let verdict = acme.append_promotion(&promotion, &["alice", "bob"]);
    assert_eq!(verdict, Verdict::Effective);
    let widening = |state: &LogState| {
        let why = "on".to_owned();
        widen(state, &project(), &name("vault"), wave(2), why, time(9)).unwrap()
    };
    let one = acme.append_promotion(&widening(&acme.state), &["alice"]);
    assert!(matches!(inert(one), Reason::Threshold { .. }));
    let two = acme.append_promotion(&widening(&acme.state), &["alice", "carol"]);
    assert_eq!(two, Verdict::Effective);
}

#[test]
fn a_widening_that_was_signed_twice_counts_once() {
    let (mut acme, _, new) = Organisation::live();
    promote_in_waves(&mut acme, new, "manual");
    let (mine, theirs) = (draft_widening(&acme, 2), draft_widening(&acme, 3));
    assert_eq!(say(&mut acme, &mine), Verdict::Effective);
    assert!(matches!(
        inert(say(&mut acme, &theirs)),
        Reason::Sequence { .. }
    ));
    assert!(matches!(
        inert(say(&mut acme, &mine)),
        Reason::Sequence { .. }
    ));
}

#[test]
fn each_action_has_its_own_fields() {
    let (mut acme, old, new) = Organisation::live();
    acme.promote("prod", new, &["alice"]);
    let mut try_fields = |action, waves: Option<&str>, urgent, up_to| {
        let third = Digest::of(b"third");
        let hash = match action {
            Action::Promote => third,
            Action::Rollback => old,
            Action::Pause | Action::Widen => new,
        };
        if acme.state.release(&project(), &third).is_none() {
            acme.publish(&project(), "third");
        }
        let mut promotion = acme.draft("prod", hash);
        let predicate = &mut promotion.predicate;
        predicate.action = action;
        predicate.waves = waves.map(|waves| waves.parse().unwrap());
        predicate.urgent = urgent;
        predicate.up_to = up_to;
        inert(say(&mut acme, &promotion))
    };
    let misplaced = |action, field| Reason::Misplaced { action, field };
    for action in [Action::Rollback, Action::Pause, Action::Widen] {
        let up_to = (action == Action::Widen).then_some(Wave::LAST);
        let waves = try_fields(action, Some("manual"), None, up_to);
        assert_eq!(waves, misplaced(action, "waves"));
    }
    for action in [Action::Promote, Action::Rollback, Action::Pause] {
        let up_to = try_fields(action, None, None, Some(Wave::LAST));
        assert_eq!(up_to, misplaced(action, "upTo"));
    }
    for urgent in [true, false] {
        let pause = try_fields(Action::Pause, None, Some(urgent), None);
        assert_eq!(pause, misplaced(Action::Pause, "urgent"));
        let widen = try_fields(Action::Widen, None, Some(urgent), Some(Wave::LAST));
        assert_eq!(widen, misplaced(Action::Widen, "urgent"));
    }
    for (action, urgent) in [(Action::Promote, false), (Action::Rollback, true)] {
        let written = try_fields(action, None, Some(urgent), None);
        assert_eq!(written, Reason::Default { action, urgent });
    }
}

#[test]
fn a_rollback_is_urgent_and_a_promotion_is_not_unless_they_say_so() {
    let (mut acme, old, new) = Organisation::live();
    let mut urgency = Vec::new();
    for (hash, urgent) in [
        (new, Some(true)),
        (old, None),
        (new, Some(false)),
        (Digest::of(b"third"), None),
    ] {
        if acme.state.release(&project(), &hash).is_none() {
            acme.publish(&project(), "third");
        }
        let mut promotion = acme.draft("prod", hash);
        promotion.predicate.urgent = urgent;
        assert_eq!(say(&mut acme, &promotion), Verdict::Effective);
        urgency.push((head(&acme).action, head(&acme).rollout.urgent));
    }
    assert_eq!(
        urgency,
        [
            (Action::Promote, true),
            (Action::Rollback, true),
            (Action::Rollback, false),
            (Action::Promote, false)
        ]
    );
}

#[test]
fn going_on_after_a_pause_keeps_the_waves_and_going_back_does_not() {
    let (mut acme, old, new) = Organisation::live();
    promote_in_waves(&mut acme, new, "manual");
    assert_eq!(try_to_widen(&mut acme, 2), Verdict::Effective);
    let before = head(&acme).rollout;
    pause_prod(&mut acme);
    assert!(matches!(
        inert(try_to_widen(&mut acme, 3)),
        Reason::WidenPaused { .. }
    ));
    let mut goes_on = acme.draft("prod", new);
    goes_on.predicate.urgent = Some(false);
    assert!(matches!(
        inert(say(&mut acme, &goes_on)),
        Reason::Misplaced { .. }
    ));
    assert_eq!(acme.promote("prod", new, &["alice"]), Verdict::Effective);
    assert_eq!(head(&acme).rollout, before);
    assert_eq!(try_to_widen(&mut acme, 3), Verdict::Effective);
    pause_prod(&mut acme);
    assert_eq!(acme.promote("prod", old, &["alice"]), Verdict::Effective);
    let everywhere = Rollout {
        waves: None,
        open: Wave::FIRST,
        urgent: true,
    };
    assert_eq!(head(&acme).rollout, everywhere);
}

#[test]
fn a_snapshot_keeps_the_waves() {
    let (mut acme, _, new) = Organisation::live();
    promote_in_waves(&mut acme, new, "90s");
    assert_eq!(try_to_widen(&mut acme, 4), Verdict::Effective);
    let read = LogState::from_bytes(&acme.state.to_bytes()).unwrap();
    assert_eq!(read, acme.state);
    assert_eq!(read.head(&project(), &prod()), Some(&head(&acme)));
}
