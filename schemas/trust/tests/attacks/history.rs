//! Another history than the one that was seen: older, edited, forked, cut.

use bulla_schemas::Digest;
use bulla_schemas::statement::Severity;
use bulla_trust::LogState;
use bulla_trust::accept::{LogError, Pin, accept};
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::replay::Reason;
use bulla_trust::testing::{ORIGIN, Organisation, inert, key, log_key, project};

#[test]
fn an_older_log_is_served_to_a_server_that_knows_more() {
    let (acme, _, _) = Organisation::live();
    let state = acme.enrolled();
    let refused = accept(
        &state,
        Pin::Remembered,
        &acme.checkpoint_at(3, &log_key()),
        &[[0; 0]; 0],
    );
    assert_eq!(
        refused,
        Err(LogError::Shrunk {
            remembered: 4,
            offered: 3
        })
    );
}

#[test]
fn an_older_log_is_served_to_a_new_server() {
    let (acme, _, _) = Organisation::live();
    let anchor = acme.anchor();
    let refused = accept(
        &LogState::default(),
        Pin::Anchor(&anchor),
        &acme.checkpoint_at(3, &log_key()),
        &acme.entries[..3],
    );
    assert_eq!(
        refused,
        Err(LogError::BehindAnchor {
            anchor: 4,
            offered: 3
        })
    );
}

/// A7: the entries do not lead to the root that is known.
#[test]
fn history_is_edited() {
    let (acme, _, _) = Organisation::live();
    let mut edited = Organisation::new();
    edited.publish(&project(), "old");
    edited.publish(&project(), "evil");
    edited.promote("prod", Digest::of(b"evil"), &["alice"]);
    // The true checkpoint over edited entries.
    let anchor = acme.anchor();
    let refused = accept(
        &LogState::default(),
        Pin::Anchor(&anchor),
        &acme.checkpoint(),
        &edited.entries,
    );
    assert!(matches!(
        refused,
        Err(LogError::RootMismatch { size: 4, .. })
    ));
    // The edited checkpoint, signed by the log key.
    let refused = accept(
        &LogState::default(),
        Pin::Anchor(&anchor),
        &edited.checkpoint(),
        &edited.entries,
    );
    assert!(matches!(
        refused,
        Err(LogError::AnchorMismatch { size: 4, .. })
    ));
    // The same to a server that knows the first four.
    let state = acme.enrolled();
    let refused = accept(&state, Pin::Remembered, &edited.checkpoint(), &[[0; 0]; 0]);
    assert!(matches!(refused, Err(LogError::Fork { size: 4, .. })));
    edited.publish(&project(), "more");
    let refused = accept(
        &state,
        Pin::Remembered,
        &edited.checkpoint(),
        &edited.entries[4..],
    );
    assert!(matches!(
        refused,
        Err(LogError::RootMismatch { size: 5, .. })
    ));
}

#[test]
fn a_note_that_the_log_did_not_sign_is_no_fork() {
    let (acme, _, _) = Organisation::live();
    let lie = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 4,
        root: Digest::of(b"other"),
    };
    let note = lie.sign(&key("mallory")).unwrap().to_bytes();
    let refused = accept(&acme.enrolled(), Pin::Remembered, &note, &[[0; 0]; 0]);
    assert_eq!(refused, Err(LogError::BadSignature { policy_version: 1 }));
}

/// A8: one root covers every entry.
#[test]
fn one_later_entry_is_hidden_or_moved() {
    let (mut acme, old, new) = Organisation::live();
    let state = acme.enrolled();
    acme.revoke(old, Severity::Block, "bob");
    acme.publish(&project(), "third");
    acme.promote("prod", new, &["alice"]);
    let (checkpoint, later) = (acme.checkpoint(), &acme.entries[4..]);
    let offer = |entries: &[Vec<u8>]| accept(&state, Pin::Remembered, &checkpoint, entries);
    assert_eq!(offer(later).as_ref(), Ok(&acme.state));
    let hidden = [later[1].clone(), later[2].clone()];
    assert_eq!(
        offer(&hidden),
        Err(LogError::EntryCount {
            expected: 3,
            found: 2
        })
    );
    let replaced = [acme.entries[0].clone(), later[1].clone(), later[2].clone()];
    assert!(matches!(
        offer(&replaced),
        Err(LogError::RootMismatch { .. })
    ));
    let moved = [later[1].clone(), later[0].clone(), later[2].clone()];
    assert!(matches!(offer(&moved), Err(LogError::RootMismatch { .. })));
}

/// A18: it names the root of its own history.
#[test]
fn what_one_side_of_a_fork_signs_is_inert_on_the_other() {
    let (mut acme, _, new) = Organisation::live();
    let mut fork = acme.clone();
    fork.publish(&project(), "only on the fork");
    acme.publish(&project(), "only here");
    let signed_there = fork.draft("prod", new);
    assert!(matches!(
        inert(acme.append_promotion(&signed_there, &["alice"])),
        Reason::OtherHistory { size: 5, .. }
    ));
    // A history that does not exist here yet.
    fork.publish(&project(), "longer");
    fork.publish(&project(), "and longer");
    let signed_there = fork.draft("prod", new);
    assert_eq!(
        inert(acme.append_promotion(&signed_there, &["alice"])),
        Reason::Future {
            signed: 7,
            entry: 6
        }
    );
}

/// A14: one root for everything.
#[test]
fn checkpoint_and_entries_of_different_logs_do_not_mix() {
    let (acme, _, _) = Organisation::live();
    let other = Organisation::with_policy(|policy| policy.root.threshold = 1);
    let refused = accept(
        &LogState::default(),
        Pin::FirstUse,
        &other.checkpoint(),
        &acme.entries[..1],
    );
    assert!(matches!(refused, Err(LogError::RootMismatch { .. })));
}

#[test]
fn a_dropped_revocation_is_missing_from_the_next_checkpoint() {
    let (mut acme, old, _) = Organisation::live();
    let censored = acme.clone();
    acme.revoke(old, Severity::Block, "bob");
    // The author's view covers the entry; a checkpoint that does not cannot follow it.
    let state = acme.enrolled();
    let refused = accept(
        &state,
        Pin::Remembered,
        &censored.checkpoint(),
        &[[0; 0]; 0],
    );
    assert!(matches!(refused, Err(LogError::Shrunk { .. })));
}
