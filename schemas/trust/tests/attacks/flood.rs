//! Filling the log, or ending it, with what others signed or with what nobody signed.

use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, Name};
use bulla_trust::envelope::EnvelopeSignature;
use bulla_trust::replay::{Admitted, Reason, Submission, Verdict};
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{
    Organisation, inert, key, name, policy, project, raw_envelope, release, sign_as,
    sign_as_builder,
};
use bulla_trust::{LogState, SignedEnvelope, pae};

const LATER: &str = "application/vnd.bulla.policy.v2+json";

/// An organisation with two builders, `ci` and `deploy`.
fn two_builders() -> Organisation {
    Organisation::with_policy(|policy| {
        let mut deploy = policy.builders[0].clone();
        deploy.name = name("deploy");
        deploy.key = key("deploy").public_key().to_openssh();
        policy.builders.push(deploy);
    })
}

fn submitted(entry: &[u8]) -> Submission {
    Submission::from_bytes(entry).expect("a statement")
}

/// Adds a signature to an envelope, as whoever reads the log can.
fn with_signature_of(entry: &[u8], signer: &str) -> Vec<u8> {
    let envelope = SignedEnvelope::from_bytes(entry).expect("an envelope");
    let message = pae(envelope.payload_type(), envelope.payload());
    let added = EnvelopeSignature {
        key_id: key(signer).public_key().fingerprint(),
        signature: key(signer).sign_raw(&message).to_vec(),
    };
    let mut signatures: Vec<_> = envelope.signatures().iter().chain([&added]).collect();
    signatures.sort_by(|a, b| a.key_id.cmp(&b.key_id));
    let signatures: Vec<_> = signatures
        .into_iter()
        .map(|signature| (signature.key_id.clone(), signature.signature.clone()))
        .collect();
    raw_envelope(envelope.payload_type(), envelope.payload(), &signatures)
}

/// A24: a repeated release is not admitted.
#[test]
fn a_release_that_its_builder_has_stated_is_inert() {
    let mut acme = two_builders();
    let statement = to_payload(&release(&project(), Digest::of(b"x")));
    let by_ci = sign_as_builder("ci", &statement);
    assert_eq!(acme.append(by_ci.clone()), Verdict::Effective);
    let again = Reason::Repeated { entry: 1 };
    assert_eq!(inert(acme.append(by_ci.clone())), again);
    // The same statement in another envelope.
    assert_eq!(
        inert(acme.append(with_signature_of(&by_ci, "mallory"))),
        again
    );
    // Another builder says it for the first time, then both again.
    let both = with_signature_of(&by_ci, "deploy");
    assert_eq!(acme.append(both.clone()), Verdict::Effective);
    let by_deploy = sign_as_builder("deploy", &statement);
    assert_eq!(inert(acme.append(by_deploy)), Reason::Repeated { entry: 4 });
    assert!(matches!(inert(acme.append(both)), Reason::Repeated { .. }));
    // One more word is another statement.
    let mut other = release(&project(), Digest::of(b"x"));
    other.predicate.run_details.metadata.invocation_id.push('2');
    assert_eq!(acme.append_release(&other), Verdict::Effective);
}

#[test]
fn a_repeated_release_is_remembered_in_a_snapshot() {
    let mut acme = Organisation::new();
    acme.publish(&project(), "x");
    acme.state = LogState::from_bytes(&acme.state.to_bytes()).unwrap();
    let again = release(&project(), Digest::of(b"x"));
    assert_eq!(
        inert(acme.append_release(&again)),
        Reason::Repeated { entry: 1 }
    );
}

/// A31: every log was empty once.
#[test]
fn what_was_signed_for_an_empty_log_fits_no_later_entry() {
    let (mut acme, old, new) = Organisation::live();
    let empty = LogState::default().position();
    let unbound = |entry| Reason::Unbound { entry };
    let mut promotion = acme.draft("prod", new);
    promotion.predicate.log = empty;
    assert_eq!(
        inert(acme.append_promotion(&promotion, &["alice"])),
        unbound(4)
    );
    let mut revocation = acme.draft_revocation(old, Severity::Block);
    revocation.predicate.log = empty;
    let entry = sign_as(&["alice"], IN_TOTO, &to_payload(&revocation));
    assert_eq!(inert(acme.append(entry)), unbound(5));
    let mut next = policy_after(&acme.state, policy());
    next.log = empty;
    let entry = sign_as(&["alice", "bob"], POLICY, &to_payload(&next));
    assert_eq!(inert(acme.append(entry)), unbound(6));
}

/// A30: without the signatures of the root it is inert.
#[test]
fn a_later_policy_that_the_root_did_not_sign_ends_nothing() {
    let (mut acme, _, new) = Organisation::live();
    for signers in [&["mallory"][..], &["alice"], &["alice", "mallory"]] {
        let entry = sign_as(signers, LATER, b"{}");
        assert!(
            matches!(inert(acme.append(entry)), Reason::Threshold { .. }),
            "{signers:?}"
        );
    }
    // The root's signatures of something else.
    let elsewhere = sign_as(&["alice", "bob"], LATER, b"{} ");
    let moved = SignedEnvelope::from_bytes(&elsewhere).unwrap();
    let signatures: Vec<_> = moved
        .signatures()
        .iter()
        .map(|signature| (signature.key_id.clone(), signature.signature.clone()))
        .collect();
    assert!(matches!(
        inert(acme.append(raw_envelope(LATER, b"{}", &signatures))),
        Reason::Signature { .. }
    ));
    assert_eq!(acme.promote("prod", new, &["alice"]), Verdict::Effective);
    // Where there is no root, no one can have signed for it.
    let first = sign_as(&["alice", "bob"], LATER, b"{}");
    assert_eq!(
        LogState::default().judge(&first),
        Ok(Verdict::Inert(Reason::NoPolicy))
    );
}

#[test]
fn a_default_that_is_written_out_is_another_text_and_inert() {
    let mut acme = Organisation::new();
    let text = String::from_utf8(to_payload(&release(&project(), Digest::of(b"x")))).unwrap();
    for default in [r#""build":"none""#, r#""build":null"#] {
        let written = text.replace(r#""dirty":false"#, &format!(r#""dirty":false,{default}"#));
        assert_ne!(written, text);
        let entry = sign_as_builder("ci", written.as_bytes());
        assert!(
            matches!(inert(acme.append(entry)), Reason::Statement(_)),
            "{default}"
        );
    }
}

/// A24: nor are signatures of strangers.
#[test]
fn a_signature_by_an_unknown_key_is_not_admitted_and_counts_for_nothing_in_a_log() {
    let (mut acme, _, new) = Organisation::live();
    let promotion = sign_as(&["alice"], IN_TOTO, &to_payload(&acme.draft("prod", new)));
    let stuffed = with_signature_of(&promotion, "mallory");
    let before = acme.state.clone();
    assert_eq!(
        acme.state.admit(&submitted(&stuffed)),
        Err(Reason::UnknownKey {
            key_id: key("mallory").public_key().fingerprint()
        })
    );
    assert_eq!(acme.state, before);
    assert_eq!(acme.append(stuffed), Verdict::Effective);
    assert_eq!(acme.prod(), new);
}

#[test]
fn the_first_policy_is_admitted_with_the_keys_that_it_names() {
    let mut state = LogState::default();
    let payload = to_payload(&policy_after(&state, policy()));
    let genesis = sign_as(&["alice", "bob"], POLICY, &payload);
    let stuffed = with_signature_of(&genesis, "mallory");
    assert!(matches!(
        state.admit(&submitted(&stuffed)),
        Err(Reason::UnknownKey { .. })
    ));
    assert_eq!(
        state.admit(&submitted(&genesis)),
        Ok(Admitted::New { entry: 0 })
    );
}

/// A24: nor is what is in the log.
#[test]
fn what_is_in_the_log_is_not_admitted_again_in_any_envelope() {
    let mut acme = two_builders();
    let statement = to_payload(&release(&project(), Digest::of(b"x")));
    let admit = |acme: &mut Organisation, entry: Vec<u8>| {
        let admitted = acme.state.admit(&submitted(&entry)).unwrap();
        if let Admitted::New { .. } = admitted {
            acme.entries.push(entry);
        }
        admitted
    };
    let new = |entry| Admitted::New { entry };
    let known = |entry| Admitted::Known { entry };
    let by_ci = sign_as_builder("ci", &statement);
    assert_eq!(admit(&mut acme, by_ci.clone()), new(1));
    assert_eq!(admit(&mut acme, by_ci.clone()), known(1));
    let by_both = with_signature_of(&by_ci, "deploy");
    assert_eq!(admit(&mut acme, by_both.clone()), new(2));
    assert_eq!(admit(&mut acme, by_both), known(1));

    let promotion = to_payload(&acme.draft("dev", Digest::of(b"x")));
    let by = |people: &[&str], payload: &[u8]| sign_as(people, IN_TOTO, payload);
    assert_eq!(admit(&mut acme, by(&["alice"], &promotion)), new(3));
    assert_eq!(admit(&mut acme, by(&["alice"], &promotion)), known(3));
    assert_eq!(
        admit(&mut acme, by(&["bob", "carol"], &promotion)),
        known(3)
    );

    let revocation = acme.draft_revocation(Digest::of(b"x"), Severity::Warn);
    let revocation = to_payload(&revocation);
    assert_eq!(admit(&mut acme, by(&["alice"], &revocation)), new(4));
    assert_eq!(admit(&mut acme, by(&["bob"], &revocation)), known(4));

    let genesis = acme.entries[0].clone();
    assert_eq!(admit(&mut acme, genesis), known(0));
    assert_eq!(acme.state.size(), acme.entries.len() as u64);
}

#[test]
fn admission_refuses_what_replay_would_leave_without_effect() {
    let (acme, old, new) = Organisation::live();
    let mut state = acme.state.clone();
    let nobody: Vec<Name> = Vec::new();
    let promotion = to_payload(&acme.draft("vault", new));
    let refused = state.admit(&submitted(&sign_as(&["alice"], IN_TOTO, &promotion)));
    assert!(matches!(
        refused,
        Err(Reason::Via { .. } | Reason::Threshold { .. })
    ));
    let revocation = to_payload(&acme.draft_revocation(old, Severity::Block));
    assert_eq!(
        state.admit(&submitted(&sign_as_builder("ci", &revocation))),
        Err(Reason::Threshold {
            what: "a revocation in `acme/billing`".to_owned(),
            needed: 1,
            found: nobody,
        })
    );
    let later = sign_as(&["alice", "bob"], LATER, b"{}");
    assert!(matches!(
        Submission::from_bytes(&later),
        Err(Reason::Statement(_))
    ));
    assert_eq!(state, acme.state);
}
