//! The attacks that replay and `accept` have to stop, by the registry, by mirrors and with stolen
//! keys. `docs/trust.md` lists them with what stops each.

use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::policy::Policy;
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::accept::{LogError, Pin, accept};
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::replay::{Reason, ScopePart, Verdict};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{
    ORIGIN, Organisation, inert, key, log_key, name, names, policy, project, raw_envelope, release,
    sign_as, sign_as_builder,
};
use bulla_trust::{LogState, SignatureType, VerifierKey, pae};

#[test]
fn the_registry_forges_a_release() {
    let mut acme = Organisation::new();
    let statement = to_payload(&release(&project(), Digest::of(b"evil")));
    assert_eq!(
        inert(acme.append(sign_as_builder("mallory", &statement))),
        Reason::NoBuilder
    );
    // Under the builder's name, with another key.
    let signature = key("mallory").sign_raw(&pae(IN_TOTO, &statement)).to_vec();
    let fingerprint = key("ci").public_key().fingerprint();
    let forged = raw_envelope(IN_TOTO, &statement, &[(fingerprint, signature)]);
    assert_eq!(
        inert(acme.append(forged)),
        Reason::Signature { owner: name("ci") }
    );
    // A person is not a builder.
    assert_eq!(
        inert(acme.append(sign_as(&["alice"], IN_TOTO, &statement))),
        Reason::NoBuilder
    );
    assert_eq!(acme.state.releases(&project()).count(), 0);
}

#[test]
fn the_registry_forges_a_promotion() {
    let (mut acme, old, new) = Organisation::live();
    let promotion = acme.draft("prod", new);
    let nobody = Reason::Threshold {
        what: "`prod` of `acme/billing`".to_owned(),
        needed: 1,
        found: vec![],
    };
    assert_eq!(
        inert(acme.append_promotion(&promotion, &["mallory"])),
        nobody
    );
    let payload = to_payload(&promotion);
    assert_eq!(inert(acme.append(sign_as_builder("ci", &payload))), nobody);
    let mut lie = acme.envelope(3).signatures()[0].clone();
    lie.key_id = key("alice").public_key().fingerprint();
    let forged = raw_envelope(IN_TOTO, &payload, &[(lie.key_id, lie.signature)]);
    assert_eq!(
        inert(acme.append(forged)),
        Reason::Signature {
            owner: name("alice")
        }
    );
    assert_eq!(acme.prod(), old);
}

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
    for witnesses in [&[][..], &["office"], &["cloud"]] {
        assert_eq!(
            accept(
                &state,
                Pin::Remembered,
                &cosigned(&acme, witnesses),
                &acme.entries[1..]
            ),
            Err(LogError::Quorum {
                expected: 1,
                found: 0
            }),
            "{witnesses:?}"
        );
    }
    let both = cosigned(&acme, &["office", "cloud"]);
    assert!(accept(&state, Pin::Remembered, &both, &acme.entries[1..]).is_ok());
}

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
fn a_person_with_two_keys_has_one_vote() {
    let mut acme = Organisation::with_policy(|policy| {
        policy.people[0]
            .keys
            .push(key("alice2").public_key().to_openssh());
    });
    let hash = acme.publish(&project(), "x");
    assert_eq!(
        acme.promote("staging", hash, &["alice"]),
        Verdict::Effective
    );
    assert_eq!(
        inert(acme.promote("vault", hash, &["alice", "alice2"])),
        Reason::Threshold {
            what: "`vault` of `acme/billing`".to_owned(),
            needed: 2,
            found: names(&["alice"]),
        }
    );
    assert_eq!(
        acme.promote("vault", hash, &["alice2", "bob"]),
        Verdict::Effective
    );
}

#[test]
fn one_signature_twice_is_no_envelope() {
    let (mut acme, _, new) = Organisation::live();
    let payload = to_payload(&acme.draft("vault", new));
    let signature = acme.envelope(3).signatures()[0].clone();
    let twice = vec![(signature.key_id, signature.signature); 2];
    let entry = raw_envelope(IN_TOTO, &payload, &twice);
    assert!(matches!(inert(acme.append(entry)), Reason::Envelope(_)));
}

#[test]
fn a_stolen_builder_key_stays_inside_its_limits() {
    let (mut acme, _, _) = Organisation::live();
    let hash = Digest::of(b"evil");
    let outside =
        |acme: &mut Organisation,
         edit: &dyn Fn(&mut bulla_schemas::statement::ReleaseStatement)| {
            let mut statement = release(&project(), hash);
            edit(&mut statement);
            match inert(acme.append_release(&statement)) {
                Reason::BuilderScope { part, .. } => part,
                other => panic!("{other}"),
            }
        };
    assert_eq!(
        outside(&mut acme, &|s| s.predicate.run_details.builder.id.push('x')),
        ScopePart::BuilderId
    );
    assert_eq!(
        outside(&mut acme, &|s| {
            s.predicate.build_definition.external_parameters.source =
                "git+https://evil.example/x".to_owned();
        }),
        ScopePart::Source
    );
    assert_eq!(
        outside(&mut acme, &|s| {
            s.predicate.build_definition.external_parameters.reference =
                "refs/heads/mainx".to_owned();
        }),
        ScopePart::Reference
    );
    let elsewhere: ProjectName = name("other/project");
    assert_eq!(
        outside(&mut acme, &|s| *s = release(&elsewhere, hash)),
        ScopePart::Project
    );
    // Inside its limits it makes a bundle promotable and moves `dev`, no more.
    acme.publish(&project(), "evil");
    let to_dev = to_payload(&acme.draft("dev", hash));
    assert_eq!(
        acme.append(sign_as_builder("ci", &to_dev)),
        Verdict::Effective
    );
    let to_prod = to_payload(&acme.draft("prod", hash));
    assert!(matches!(
        inert(acme.append(sign_as_builder("ci", &to_prod))),
        Reason::Threshold { .. }
    ));
}

#[test]
fn one_stolen_laptop_is_not_two_people() {
    let (mut acme, _, new) = Organisation::live();
    acme.promote("staging", new, &["carol"]);
    assert!(matches!(
        inert(acme.promote("vault", new, &["alice"])),
        Reason::Threshold { .. }
    ));
    assert_eq!(
        acme.promote("vault", new, &["alice", "carol"]),
        Verdict::Effective
    );
    let head = acme.state.head(&project(), &name("vault")).unwrap();
    assert_eq!(head.people, names(&["alice", "carol"]));
}

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

#[test]
fn a_bundle_of_another_project_or_channel_is_refused() {
    let (mut acme, _, new) = Organisation::live();
    let shop: ProjectName = name("acme/shop");
    let foreign = acme.publish(&shop, "shop");
    assert_eq!(
        inert(acme.promote("prod", foreign, &["alice"])),
        Reason::NotReleased {
            project: project(),
            hash: foreign
        }
    );
    let mut mixed = acme.draft("prod", new);
    mixed.subject[0].name = shop.clone();
    assert!(matches!(
        inert(acme.append_promotion(&mixed, &["alice"])),
        Reason::SubjectProject { .. }
    ));
    let mut mixed = release(&project(), foreign);
    mixed.subject[0].name = shop;
    assert!(matches!(
        inert(acme.append_release(&mixed)),
        Reason::SubjectProject { .. }
    ));
    assert_eq!(
        inert(acme.promote("vault", new, &["alice", "bob"])),
        Reason::Via {
            hash: new,
            channel: name("vault"),
            via: name("staging")
        }
    );
}

#[test]
fn an_entry_larger_than_32_kib_is_inert() {
    let (mut acme, _, _) = Organisation::live();
    let junk = vec![b'{'; 40_000];
    assert!(matches!(inert(acme.append(junk)), Reason::Envelope(_)));
    assert_eq!(acme.state.size(), 5);
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
