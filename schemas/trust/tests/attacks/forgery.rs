//! Statements that nobody with the right to make them signed, or signed for something else.

use bulla_schemas::media_type::IN_TOTO;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::pae;
use bulla_trust::replay::{Reason, ScopePart, Verdict};
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{
    Organisation, inert, key, name, names, project, raw_envelope, release, sign_as, sign_as_builder,
};

/// A2: nobody with a key of the policy signed it.
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

/// A3: nobody with a key of the policy signed it.
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

/// A23: a release is of one project, and `via` names where it has to have been.
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

/// A16: what it signs within them can be promoted: look at where a release comes from
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

/// A17: a channel with threshold 1 is the thief's, too, until the key is out of the policy
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

/// A15: people are counted.
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

/// A15: an envelope has each key once.
#[test]
fn one_signature_twice_is_no_envelope() {
    let (mut acme, _, new) = Organisation::live();
    let payload = to_payload(&acme.draft("vault", new));
    let signature = acme.envelope(3).signatures()[0].clone();
    let twice = vec![(signature.key_id, signature.signature); 2];
    let entry = raw_envelope(IN_TOTO, &payload, &twice);
    assert!(matches!(inert(acme.append(entry)), Reason::Envelope(_)));
}
