//! Numbers and predecessors: what is replayed, overtaken or skipped.

use bulla_schemas::media_type::POLICY;
use bulla_trust::replay::{Reason, Verdict};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{Organisation, inert, name, policy, project, sign_as};

/// A4: its number is not the next one.
#[test]
fn an_old_promotion_is_replayed_as_new() {
    let (mut acme, _, new) = Organisation::live();
    let replayed = acme.entries[3].clone();
    assert_eq!(acme.promote("prod", new, &["alice"]), Verdict::Effective);
    assert_eq!(
        inert(acme.append(replayed)),
        Reason::Sequence {
            channel: name("prod"),
            expected: 3,
            found: 1
        }
    );
    assert_eq!(acme.prod(), new);
}

/// A4: it does not follow on what is there.
#[test]
fn a_lost_update_changes_nothing() {
    let (mut acme, _, new) = Organisation::live();
    let third = acme.publish(&project(), "third");
    let (bob, carol) = (acme.draft("prod", new), acme.draft("prod", third));
    assert_eq!(acme.append_promotion(&bob, &["bob"]), Verdict::Effective);
    assert!(matches!(
        inert(acme.append_promotion(&carol, &["carol"])),
        Reason::Sequence { .. }
    ));
    // The right number after the wrong promotion.
    let mut renumbered = carol;
    renumbered.predicate.seq = 3;
    assert_eq!(
        inert(acme.append_promotion(&renumbered, &["carol"])),
        Reason::Previous {
            channel: name("prod")
        }
    );
    assert_eq!(acme.prod(), new);
}

/// A13: exactly one more.
#[test]
fn numbers_are_not_skipped() {
    let (mut acme, _, new) = Organisation::live();
    let mut promotion = acme.draft("prod", new);
    promotion.predicate.seq = 9_007_199_254_740_991;
    assert!(matches!(
        inert(acme.append_promotion(&promotion, &["alice"])),
        Reason::Sequence { expected: 2, .. }
    ));
    let mut forward = policy_after(&acme.state, policy());
    forward.version = 9_007_199_254_740_991;
    let entry = sign_as(&["alice", "bob"], POLICY, &to_payload(&forward));
    assert!(matches!(
        inert(acme.append(entry)),
        Reason::PolicyVersion { expected: 2, .. }
    ));
}
