//! Bytes that could be read in two ways, and signatures made for another purpose.

use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_trust::replay::{Reason, Verdict};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{Organisation, inert, name, policy, sign_as, sign_as_builder};

/// A19: the payload type is signed.
#[test]
fn a_signature_for_another_purpose_does_not_count() {
    let (mut acme, _, new) = Organisation::live();
    let payload = to_payload(&acme.draft("prod", new));
    // The same bytes signed as another payload type.
    let elsewhere = sign_as(&["alice"], POLICY, &payload);
    let moved = String::from_utf8(elsewhere)
        .unwrap()
        .replace(POLICY, IN_TOTO);
    assert_eq!(
        inert(acme.append(moved.into_bytes())),
        Reason::Signature {
            owner: name("alice")
        }
    );
    // A policy dressed as a statement, and the other way round.
    let genesis = to_payload(&policy_after(&acme.state, policy()));
    assert!(matches!(
        inert(acme.append(sign_as(&["alice", "bob"], IN_TOTO, &genesis))),
        Reason::Statement(_)
    ));
    assert!(matches!(
        inert(acme.append(sign_as(&["alice", "bob"], POLICY, &payload))),
        Reason::Statement(_)
    ));
}

/// A20: how a key signs stands in the policy.
#[test]
fn the_policy_chooses_the_scheme() {
    let (mut acme, _, new) = Organisation::live();
    let payload = to_payload(&acme.draft("prod", new));
    // A person's key used as builders sign.
    let raw = sign_as_builder("alice", &payload);
    assert_eq!(
        inert(acme.append(raw)),
        Reason::Signature {
            owner: name("alice")
        }
    );
    // The builder's key used as people sign.
    let to_dev = to_payload(&acme.draft("dev", new));
    let ssh = sign_as(&["ci"], IN_TOTO, &to_dev);
    assert_eq!(
        inert(acme.append(ssh)),
        Reason::Signature { owner: name("ci") }
    );
}

/// A21: such a text is no statement.
#[test]
fn texts_that_two_parsers_read_differently_are_inert() {
    let (mut acme, _, new) = Organisation::live();
    let text = String::from_utf8(to_payload(&acme.draft("prod", new))).unwrap();
    for (from, to) in [
        (r#""channel":"prod""#, r#""channel":"prod","channel":"dev""#),
        (r#""seq":2"#, r#""seq":2.0"#),
        (r#""seq":2"#, r#""seq":2e0"#),
        (r#""seq":2"#, r#""seq":"2""#),
        (r#""reason":"because""#, r#""reason":null"#),
        (r#""reason":"because""#, r#""reason":"because","extra":1"#),
        (r#""reason":"because","#, ""),
        (r#""subject":[{"#, r#""subject":[{"annotations":{},"#),
        (
            r#""log":{"size":4,"root":"#,
            r#""log":{"root":"00","size":4,"root":"#,
        ),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        let entry = sign_as(&["alice"], IN_TOTO, other.as_bytes());
        assert!(
            matches!(inert(acme.append(entry)), Reason::Statement(_)),
            "{to}"
        );
    }
    // Whitespace and the order of keys have one meaning: what is signed is what is read.
    let spaced = text.replacen(r#""seq":2"#, r#" "seq" : 2 "#, 1);
    let entry = sign_as(&["alice"], IN_TOTO, spaced.as_bytes());
    assert_eq!(acme.append(entry), Verdict::Effective);
}

/// A24: 32 KiB.
#[test]
fn an_entry_larger_than_32_kib_is_inert() {
    let (mut acme, _, _) = Organisation::live();
    let junk = vec![b'{'; 40_000];
    assert!(matches!(inert(acme.append(junk)), Reason::Envelope(_)));
    assert_eq!(acme.state.size(), 5);
}
