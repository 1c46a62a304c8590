//! What takes effect and what does not, rule by rule.

use bulla_schemas::Digest;
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::statement::{Action, Severity};
use bulla_trust::accept::{LogError, Pin, accept};
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::replay::{Reason, ReplayError, Verdict, replay};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{
    ORIGIN, Organisation, inert, key, log_key, log_verifier, name, policy, project, release,
    sign_as, sign_as_builder,
};
use bulla_trust::{LogState, SignatureType, VerifierKey};

#[test]
fn a_policy_of_a_later_version_stops_everybody() {
    let (mut acme, _, _) = Organisation::live();
    let later = "application/vnd.bulla.policy.v2+json";
    acme.entries.push(sign_as(&["alice", "bob"], later, b"{}"));
    let entries = acme.entries.iter().map(Vec::as_slice);
    let stopped = ReplayError::LaterPolicy {
        entry: 4,
        payload_type: later.to_owned(),
    };
    assert_eq!(replay(LogState::default(), entries).unwrap_err(), stopped);
    let refused = accept(
        &LogState::default(),
        Pin::FirstUse,
        &acme.checkpoint(),
        &acme.entries,
    );
    assert_eq!(refused, Err(LogError::Replay(stopped.clone())));
    assert_eq!(acme.state.judge(&acme.entries[4]), Err(stopped));
}

#[test]
fn statements_of_later_versions_change_nothing() {
    let (mut acme, old, new) = Organisation::live();
    let text = String::from_utf8(to_payload(&acme.draft("prod", new))).unwrap();
    let later = text.replace("urn:bulla:promotion:v1", "urn:bulla:promotion:v2");
    assert!(matches!(
        inert(acme.append(sign_as(&["alice"], IN_TOTO, later.as_bytes()))),
        Reason::Statement(_)
    ));
    assert!(matches!(
        inert(acme.append(sign_as(&["alice"], "text/plain", b"hello"))),
        Reason::Statement(_)
    ));
    assert_eq!(acme.prod(), old);
}

#[test]
fn a_log_key_is_replaced_by_an_entry_of_the_log() {
    let (mut acme, _, _) = Organisation::live();
    let state = acme.enrolled();
    let mut rotated = policy();
    rotated.log_keys = vec![log_verifier(&key("log2"))];
    assert_eq!(acme.adopt(rotated, &["alice", "bob"]), Verdict::Effective);
    let size = acme.entries.len();
    let offer = |key| {
        accept(
            &state,
            Pin::Remembered,
            &acme.checkpoint_at(size, &key),
            &acme.entries[4..],
        )
    };
    assert_eq!(
        offer(log_key()),
        Err(LogError::BadSignature { policy_version: 2 })
    );
    assert_eq!(offer(key("log2")).as_ref(), Ok(&acme.state));
}

#[test]
fn another_log_is_refused_by_its_name() {
    let (acme, _, _) = Organisation::live();
    let other = Checkpoint {
        origin: "other.example/log".to_owned(),
        size: 4,
        root: acme.state.root(),
    };
    let note = other.sign(&log_key()).unwrap().to_bytes();
    let wrong = Err(LogError::WrongOrigin {
        expected: ORIGIN.to_owned(),
        found: "other.example/log".to_owned(),
    });
    assert_eq!(
        accept(&acme.enrolled(), Pin::Remembered, &note, &[[0; 0]; 0]),
        wrong
    );
    let anchor = acme.anchor();
    let new = LogState::default();
    assert_eq!(
        accept(&new, Pin::Anchor(&anchor), &note, &acme.entries),
        wrong
    );
    // Trusted on first use, the policy still says another name.
    assert_eq!(accept(&new, Pin::FirstUse, &note, &acme.entries), wrong);
    assert_eq!(
        accept(&new, Pin::Remembered, &note, &acme.entries),
        Err(LogError::NoAnchor)
    );
}

#[test]
fn a_newer_anchor_is_checked_for_a_known_log_too() {
    let (mut acme, _, _) = Organisation::live();
    let state = acme.enrolled();
    acme.publish(&project(), "more");
    let mut anchor = acme.anchor();
    let later = &acme.entries[4..];
    assert!(accept(&state, Pin::Anchor(&anchor), &acme.checkpoint(), later).is_ok());
    anchor.position.root = Digest::of(b"fork");
    assert!(matches!(
        accept(&state, Pin::Anchor(&anchor), &acme.checkpoint(), later),
        Err(LogError::AnchorMismatch { size: 5, .. })
    ));
}

#[test]
fn the_first_policy_is_entry_0_or_nothing() {
    let empty = LogState::default();
    let genesis = sign_as(
        &["alice", "bob"],
        POLICY,
        &to_payload(&policy_after(&empty, policy())),
    );
    let junk: &[u8] = b"junk";
    let (state, verdicts) = replay(empty.clone(), [junk, genesis.as_slice()]).unwrap();
    assert_eq!(
        verdicts[1],
        Verdict::Inert(Reason::LateGenesis { entry: 1 })
    );
    assert!(state.policy().is_none());
    let one = sign_as(
        &["alice"],
        POLICY,
        &to_payload(&policy_after(&empty, policy())),
    );
    assert!(matches!(
        empty.judge(&one),
        Ok(Verdict::Inert(Reason::Threshold { .. }))
    ));
    let hash = Digest::of(b"x");
    let release = sign_as_builder("ci", &to_payload(&release(&project(), hash)));
    assert_eq!(empty.judge(&release), Ok(Verdict::Inert(Reason::NoPolicy)));
    let anchor = Anchor {
        origin: ORIGIN.to_owned(),
        position: LogPosition {
            size: 2,
            root: state.root(),
        },
    };
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 2,
        root: state.root(),
    };
    let note = checkpoint.sign(&log_key()).unwrap().to_bytes();
    let entries = [junk, &genesis];
    let refused = accept(&empty, Pin::Anchor(&anchor), &note, &entries);
    assert_eq!(refused, Err(LogError::NoPolicy));
}

#[test]
fn the_word_of_a_promotion_matches_the_fact() {
    let (mut acme, old, new) = Organisation::live();
    let say = |acme: &mut Organisation, hash, action| {
        let mut promotion = acme.draft("prod", hash);
        promotion.predicate.action = action;
        acme.append_promotion(&promotion, &["alice"])
    };
    assert_eq!(
        inert(say(&mut acme, new, Action::Rollback)),
        Reason::Action {
            expected: Action::Promote,
            found: Action::Rollback
        }
    );
    assert_eq!(
        inert(say(&mut acme, old, Action::Promote)),
        Reason::NoChange {
            channel: name("prod"),
            hash: old
        }
    );
    assert_eq!(
        inert(say(&mut acme, old, Action::Rollback)),
        Reason::NoChange {
            channel: name("prod"),
            hash: old
        }
    );
    assert_eq!(say(&mut acme, new, Action::Promote), Verdict::Effective);
    assert_eq!(
        inert(say(&mut acme, old, Action::Promote)),
        Reason::Action {
            expected: Action::Rollback,
            found: Action::Promote
        }
    );
    assert_eq!(say(&mut acme, old, Action::Rollback), Verdict::Effective);
    assert_eq!(
        inert(say(&mut acme, new, Action::Pause)),
        Reason::PauseElsewhere {
            channel: name("prod"),
            hash: new
        }
    );
    assert_eq!(say(&mut acme, old, Action::Pause), Verdict::Effective);
    assert_eq!(
        inert(say(&mut acme, old, Action::Pause)),
        Reason::NoChange {
            channel: name("prod"),
            hash: old
        }
    );
    // Going on with the same bundle points back to an earlier head.
    assert_eq!(say(&mut acme, old, Action::Rollback), Verdict::Effective);
    assert_eq!(acme.state.head(&project(), &name("prod")).unwrap().seq, 5);
}

#[test]
fn a_revoked_bundle_is_not_promoted_again_and_can_be_paused() {
    let (mut acme, old, new) = Organisation::live();
    assert_eq!(acme.promote("prod", new, &["alice"]), Verdict::Effective);
    assert!(matches!(
        inert(acme.revoke(old, Severity::Block, "mallory")),
        Reason::Threshold { .. }
    ));
    assert_eq!(acme.revoke(old, Severity::Warn, "bob"), Verdict::Effective);
    assert_eq!(
        acme.state.revocation(&project(), &old),
        Some(Severity::Warn)
    );
    assert_eq!(acme.promote("prod", old, &["alice"]), Verdict::Effective);
    assert_eq!(acme.promote("prod", new, &["alice"]), Verdict::Effective);
    assert_eq!(
        acme.revoke(old, Severity::Block, "carol"),
        Verdict::Effective
    );
    assert_eq!(
        acme.revoke(old, Severity::Warn, "carol"),
        Verdict::Effective
    );
    assert_eq!(
        acme.state.revocation(&project(), &old),
        Some(Severity::Block)
    );
    assert_eq!(
        inert(acme.promote("prod", old, &["alice"])),
        Reason::Revoked { hash: old }
    );
    assert_eq!(acme.revoke(new, Severity::Block, "bob"), Verdict::Effective);
    let mut pause = acme.draft("prod", new);
    pause.predicate.action = Action::Pause;
    assert_eq!(
        acme.append_promotion(&pause, &["alice"]),
        Verdict::Effective
    );
}

#[test]
fn a_builder_cannot_revoke_and_projects_do_not_mix() {
    let (mut acme, old, _) = Organisation::live();
    let payload = to_payload(&acme.draft_revocation(old, Severity::Block));
    assert!(matches!(
        inert(acme.append(sign_as_builder("ci", &payload))),
        Reason::Threshold { .. }
    ));
    let mut mixed = acme.draft_revocation(old, Severity::Block);
    let mut other = mixed.subject[0].clone();
    other.name = name("acme/shop");
    mixed.subject.push(other);
    let entry = sign_as(&["alice"], IN_TOTO, &to_payload(&mixed));
    assert!(matches!(
        inert(acme.append(entry)),
        Reason::SubjectProject { .. }
    ));
    let mut none = acme.draft_revocation(old, Severity::Block);
    none.subject.clear();
    let entry = sign_as(&["alice"], IN_TOTO, &to_payload(&none));
    assert!(matches!(inert(acme.append(entry)), Reason::Statement(_)));
}

#[test]
fn a_dirty_release_is_recorded_and_cannot_be_promoted() {
    let mut acme = Organisation::new();
    let hash = Digest::of(b"dirty");
    let mut dirty = release(&project(), hash);
    dirty.predicate.build_definition.external_parameters.dirty = true;
    assert_eq!(acme.append_release(&dirty), Verdict::Effective);
    assert!(acme.state.release(&project(), &hash).unwrap().is_dirty());
    assert_eq!(
        inert(acme.promote("prod", hash, &["alice"])),
        Reason::Dirty { hash }
    );
    // The same bytes packed from a clean checkout.
    acme.publish(&project(), "dirty");
    assert_eq!(acme.promote("prod", hash, &["alice"]), Verdict::Effective);
    assert_eq!(
        acme.state
            .release(&project(), &hash)
            .unwrap()
            .statements
            .len(),
        2
    );
}

#[test]
fn the_log_keeps_its_name() {
    let mut acme = Organisation::new();
    let mut renamed = policy();
    renamed.origin = "other.example/log".to_owned();
    let key =
        VerifierKey::new(&renamed.origin, SignatureType::Note, log_key().public_key()).unwrap();
    renamed.log_keys = vec![key.to_string()];
    assert!(matches!(
        inert(acme.adopt(renamed, &["alice", "bob"])),
        Reason::Origin { .. }
    ));
}

#[test]
fn channels_without_a_rule_are_nobodys() {
    let (mut acme, _, new) = Organisation::live();
    assert!(matches!(
        inert(acme.promote("nowhere", new, &["alice"])),
        Reason::NobodyMay { .. }
    ));
}
