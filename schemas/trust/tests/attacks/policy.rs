//! The policy itself: an old one, one by former keys, one with weak keys.

use bulla_schemas::Digest;
use bulla_schemas::media_type::POLICY;
use bulla_schemas::policy::Policy;
use bulla_trust::accept::{LogError, Pin, accept};
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::replay::{Reason, Verdict};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{Organisation, inert, key, names, policy, project, sign_as};
use bulla_trust::{LogState, SignatureType, VerifierKey};

/// A11: its version is not the next one.
#[test]
fn an_old_policy_is_appended_again() {
    let mut acme = Organisation::new();
    let mut without_carol = policy();
    without_carol.people.pop();
    without_carol.root.people.pop();
    for rule in &mut without_carol.channels {
        rule.people.retain(|person| person != "carol");
    }
    assert_eq!(
        acme.adopt(without_carol, &["alice", "bob"]),
        Verdict::Effective
    );
    let first = acme.entries[0].clone();
    assert_eq!(
        inert(acme.append(first)),
        Reason::PolicyVersion {
            expected: 3,
            found: 1
        }
    );
    // The old content under the right number, after the wrong policy.
    let mut again = policy_after(&acme.state, policy());
    again.prev = Digest::from_bytes([0; 32]);
    let entry = sign_as(&["alice", "bob"], POLICY, &to_payload(&again));
    assert_eq!(
        inert(acme.append(entry)),
        Reason::PolicyPrevious { version: 2 }
    );
    assert_eq!(acme.state.policy().unwrap().people.len(), 2);
}

/// A12: within one history they count for nothing.
#[test]
fn rotated_out_root_keys_are_nothing() {
    let mut acme = Organisation::new();
    let mut new_keys = policy();
    for (person, spare) in new_keys.people.iter_mut().zip(["alice2", "bob2", "carol2"]) {
        person.keys = vec![key(spare).public_key().to_openssh()];
    }
    // Signed by the old keys only, the new keys only, one of each, and by both thresholds.
    let by = |people: &[&str]| Organisation::new().adopt(new_keys.clone(), people);
    let needs = |version: u64, found: &[&str]| {
        Verdict::Inert(Reason::Threshold {
            what: format!("the root of policy version {version}"),
            needed: 2,
            found: names(found),
        })
    };
    assert_eq!(by(&["alice", "bob"]), needs(2, &[]));
    assert_eq!(by(&["alice2", "bob2"]), needs(1, &[]));
    assert_eq!(by(&["alice", "bob2"]), needs(1, &["alice"]));
    let both = ["alice", "bob", "alice2", "carol2"];
    assert_eq!(acme.adopt(new_keys, &both), Verdict::Effective);
    let needs = needs(2, &[]);
    assert_eq!(acme.adopt(policy(), &["alice", "bob", "carol"]), needs);
    let hash = acme.publish(&project(), "x");
    assert!(matches!(
        inert(acme.promote("prod", hash, &["alice"])),
        Reason::Threshold { .. }
    ));
    assert_eq!(acme.promote("prod", hash, &["alice2"]), Verdict::Effective);
}

/// A12: the witnesses of the policy before are asked for, too.
#[test]
fn witnesses_of_the_stored_and_of_the_new_policy_must_cosign() {
    let witness = |name: &str| {
        VerifierKey::new(name, SignatureType::Cosignature, key(name).public_key()).unwrap()
    };
    let with_witness = |policy: &mut Policy, name: &str| {
        policy.witnesses.keys = vec![witness(name).to_string()];
        policy.witnesses.quorum = 1;
    };
    let mut acme = Organisation::with_policy(|policy| with_witness(policy, "office"));
    let cosigned = |acme: &Organisation, witnesses: &[&str]| {
        let (_, mut note) = Checkpoint::parse(&acme.checkpoint()).unwrap();
        for name in witnesses {
            note.cosign(name, &key(name), 1_795_000_000).unwrap();
        }
        note.to_bytes()
    };
    let first = accept(
        &LogState::default(),
        Pin::FirstUse,
        &cosigned(&acme, &["office"]),
        &acme.entries,
    );
    let state = first.unwrap();
    let mut moved = policy();
    with_witness(&mut moved, "cloud");
    assert_eq!(acme.adopt(moved, &["alice", "bob"]), Verdict::Effective);
    let (expected, found) = (1, 0);
    for (witnesses, refused) in [
        (&[][..], LogError::Quorum { expected, found }),
        (&["office"], LogError::Quorum { expected, found }),
        (
            &["cloud"],
            LogError::OtherWitnesses {
                expected,
                found,
                known: vec!["office".to_owned()],
            },
        ),
    ] {
        let accepted = accept(
            &state,
            Pin::Remembered,
            &cosigned(&acme, witnesses),
            &acme.entries[1..],
        );
        assert_eq!(accepted, Err(refused), "{witnesses:?}");
    }
    let both = cosigned(&acme, &["office", "cloud"]);
    assert!(accept(&state, Pin::Remembered, &both, &acme.entries[1..]).is_ok());
}

/// A22: such a key never comes into a policy.
#[test]
fn a_policy_with_a_weak_key_is_inert() {
    use base64::Engine as _;
    let blob = [&b"\0\0\0\x0bssh-ed25519\0\0\0\x20\x01"[..], &[0; 31]].concat();
    let weak = format!(
        "ssh-ed25519 {}",
        base64::engine::general_purpose::STANDARD.encode(blob)
    );
    let mut acme = Organisation::new();
    let mut weakened = policy();
    weakened.people[0].keys.push(weak);
    assert!(matches!(
        inert(acme.adopt(weakened, &["alice", "bob"])),
        Reason::Policy(_)
    ));
}

/// A29: what only Ed25519 signed would prove nothing any more
#[test]
fn other_kinds_of_keys_do_not_count_and_a_later_policy_may_bring_them() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    // The length of a public key and of a signature of ML-DSA-44 (FIPS 204).
    let (key, signature) = ([7; 1312], [7; 4 + 8 + 2420]);
    let mut acme = Organisation::new();
    let mut later = policy();
    later.people[0]
        .keys
        .push(format!("ssh-mldsa44 {}", encode(&key)));
    assert!(matches!(
        inert(acme.adopt(later, &["alice", "bob"])),
        Reason::Policy(_)
    ));
    // Under a checkpoint it is passed over, so that old programs read what new ones cosigned.
    let line = format!("— later.example {}\n", encode(&signature));
    let note = [&acme.checkpoint()[..], line.as_bytes()].concat();
    let state = accept(&LogState::default(), Pin::FirstUse, &note, &acme.entries);
    assert_eq!(state.as_ref(), Ok(&acme.state));
    // A policy that old programs do not know stops them rather than being passed over.
    let type_of_later = "application/vnd.bulla.policy.v2+json";
    let entry = sign_as(&["alice", "bob"], type_of_later, b"{}");
    assert!(acme.state.judge(&entry).is_err());
}
