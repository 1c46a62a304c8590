//! Statements that several people sign: what lacks nothing but signatures, and what never takes effect.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bulla_schemas::Digest;
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::statement::Severity;
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{Organisation, inert, name, names, project, sign_as};
use bulla_trust::{Approval, LogState, Reason, Submission, Tally, envelope::EnvelopeError};

/// An organisation whose `vault` takes two people, with a release that may go there.
fn vault() -> (Organisation, Digest) {
    let mut acme = Organisation::new();
    let hash = acme.publish(&project(), "one");
    assert!(acme.promote("staging", hash, &["alice"]).is_effective());
    (acme, hash)
}

fn submitted(people: &[&str], payload_type: &str, payload: &[u8]) -> Submission {
    Submission::from_bytes(&sign_as(people, payload_type, payload)).unwrap()
}

fn promotion(acme: &Organisation, hash: Digest, people: &[&str]) -> Submission {
    submitted(people, IN_TOTO, &to_payload(&acme.draft("vault", hash)))
}

fn approval(state: &LogState, submission: &Submission) -> Result<Approval, Reason> {
    let approval = state.approval(submission);
    // Replay is the judge: it agrees about what is complete.
    let verdict = state.judge(submission.bytes()).unwrap();
    let is_complete = matches!(approval, Ok(Approval::Complete(_)));
    assert_eq!(
        is_complete,
        verdict.is_effective(),
        "{approval:?} {verdict:?}"
    );
    approval
}

#[track_caller]
fn lacking(approval: Result<Approval, Reason>) -> Vec<Tally> {
    match approval {
        Ok(Approval::Lacking(tallies)) => tallies,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_promotion_waits_for_as_many_people_as_its_channel_asks_for() {
    let (mut acme, hash) = vault();
    let one = promotion(&acme, hash, &["alice"]);
    let tallies = lacking(approval(&acme.state, &one));
    let [tally] = &tallies[..] else {
        panic!("one rule decides");
    };
    assert_eq!((tally.needed, &tally.signed), (2, &names(&["alice"])));
    let asked: Vec<_> = tally.asked().cloned().collect();
    assert_eq!(asked, names(&["bob", "carol"]));
    let other = promotion(&acme, hash, &["bob"]);
    let both = Submission::of(one.envelope().merge(other.envelope()).unwrap()).unwrap();
    assert!(matches!(
        approval(&acme.state, &both),
        Ok(Approval::Complete(tallies)) if tallies[0].asked().next().is_none()
    ));
    assert!(acme.append(both.bytes().to_vec()).is_effective());
    let entry = acme.state.size() - 1;
    assert_eq!(acme.state.approval(&one), Ok(Approval::Known { entry }));
}

#[test]
fn a_person_with_two_keys_is_one() {
    let mut acme = Organisation::with_policy(|policy| {
        let second = bulla_trust::testing::key("alice's token").public_key();
        policy.people[0].keys.push(second.to_openssh());
    });
    let hash = acme.publish(&project(), "one");
    acme.promote("staging", hash, &["alice"]);
    let twice = promotion(&acme, hash, &["alice", "alice's token"]);
    let tallies = lacking(approval(&acme.state, &twice));
    assert_eq!(tallies[0].signed, names(&["alice"]));
}

#[test]
fn what_would_have_no_effect_with_all_signatures_is_no_proposal() {
    let (mut acme, hash) = vault();
    let never_released = promotion(&acme, Digest::of(b"nothing"), &["alice"]);
    assert!(matches!(
        approval(&acme.state, &never_released),
        Err(Reason::NotReleased { .. })
    ));
    let other = acme.publish(&project(), "two");
    let not_on_staging = promotion(&acme, other, &["alice"]);
    assert!(matches!(
        approval(&acme.state, &not_on_staging),
        Err(Reason::Via { .. })
    ));
    let mut late = acme.draft("vault", hash);
    late.predicate.reason = "late".to_owned();
    let overtaken = submitted(&["alice"], IN_TOTO, &to_payload(&late));
    assert!(
        acme.promote("vault", hash, &["bob", "carol"])
            .is_effective()
    );
    assert!(matches!(
        approval(&acme.state, &overtaken),
        Err(Reason::Sequence { .. })
    ));
    acme.promote("staging", other, &["alice"]);
    let revoked = promotion(&acme, other, &["alice"]);
    acme.revoke(other, Severity::Block, "bob");
    assert!(matches!(
        approval(&acme.state, &revoked),
        Err(Reason::Revoked { .. })
    ));
}

#[test]
fn a_proposal_stays_valid_while_the_log_grows() {
    let (mut acme, hash) = vault();
    let one = promotion(&acme, hash, &["alice"]);
    acme.publish(&project(), "later");
    acme.promote("dev", hash, &["carol"]);
    lacking(approval(&acme.state, &one));
}

#[test]
fn a_signature_that_counts_for_nothing_is_refused_with_its_reason() {
    let (acme, hash) = vault();
    for people in [&["alice", "mallory"][..], &["mallory"]] {
        let reason = approval(&acme.state, &promotion(&acme, hash, people)).unwrap_err();
        assert!(matches!(reason, Reason::UnknownKey { .. }), "{reason}");
    }
    // Known to the policy, and not asked about this channel.
    let mut acme = Organisation::with_policy(|policy| {
        let vault = policy
            .channels
            .iter_mut()
            .find(|rule| rule.channel == "vault");
        vault.unwrap().people = vec!["alice".to_owned(), "bob".to_owned()];
    });
    let hash = acme.publish(&project(), "one");
    acme.promote("staging", hash, &["alice"]);
    let carol = promotion(&acme, hash, &["alice", "carol"]);
    let reason = acme.state.approval(&carol).unwrap_err();
    assert!(matches!(&reason, Reason::NotAsked { owner, .. } if *owner == name("carol")));
    let counted = acme.state.counted(&carol).unwrap();
    assert_eq!(counted.envelope().signatures().len(), 1);
    lacking(approval(&acme.state, &counted));
    let nobody = promotion(&acme, hash, &["carol"]);
    assert!(matches!(
        acme.state.counted(&nobody),
        Err(Reason::NotAsked { .. })
    ));
}

#[test]
fn a_signature_of_another_statement_is_refused() {
    let (acme, hash) = vault();
    let mut other = acme.draft("vault", hash);
    other.predicate.reason = "something else".to_owned();
    let other = submitted(&["bob"], IN_TOTO, &to_payload(&other));
    let one = promotion(&acme, hash, &["alice"]);
    assert_eq!(
        one.envelope().merge(other.envelope()),
        Err(EnvelopeError::OtherPayload)
    );
    // Moved there by hand.
    let moved = format!(
        "{},{}",
        String::from_utf8_lossy(one.bytes()).trim_end_matches("]}"),
        String::from_utf8_lossy(other.bytes())
            .split_once("\"signatures\":[")
            .unwrap()
            .1
    );
    let mut signatures: serde_json::Value = serde_json::from_str(&moved).unwrap();
    signatures["signatures"]
        .as_array_mut()
        .unwrap()
        .sort_by_key(|one| one["keyid"].as_str().unwrap().to_owned());
    let envelope: bulla_schemas::envelope::Envelope = serde_json::from_value(signatures).unwrap();
    let forged = Submission::from_bytes(&serde_json::to_vec(&envelope).unwrap()).unwrap();
    assert!(matches!(
        acme.state.approval(&forged),
        Err(Reason::Signature { owner }) if owner == name("bob")
    ));
    assert!(matches!(
        acme.state.counted(&forged),
        Err(Reason::Signature { .. })
    ));
}

#[test]
fn a_policy_waits_for_the_root_in_effect_and_for_the_new_one() {
    let mut acme = Organisation::new();
    let mut policy = acme.state.policy().unwrap().clone();
    policy.root.threshold = 3;
    let payload = to_payload(&policy_after(&acme.state, policy));
    let one = submitted(&["alice"], POLICY, &payload);
    let tallies = lacking(approval(&acme.state, &one));
    let [current, new] = &tallies[..] else {
        panic!("two roots decide");
    };
    assert_eq!((current.needed, new.needed), (2, 3));
    let two = submitted(&["alice", "bob"], POLICY, &payload);
    let tallies = lacking(approval(&acme.state, &two));
    let [current, new] = &tallies[..] else {
        panic!("two roots decide");
    };
    assert!(current.is_met() && !new.is_met());
    assert_eq!(new.asked().collect::<Vec<_>>(), [&name("carol")]);
    let three = submitted(&["alice", "bob", "carol"], POLICY, &payload);
    assert!(matches!(
        approval(&acme.state, &three),
        Ok(Approval::Complete(_))
    ));
    assert!(acme.append(three.bytes().to_vec()).is_effective());
    // The one that it was made after is not in effect any more.
    let mut other = acme.state.policy().unwrap().clone();
    other.root.threshold = 1;
    other.version = 2;
    let late = submitted(&["alice"], POLICY, &to_payload(&other));
    assert!(matches!(
        acme.state.approval(&late),
        Err(Reason::PolicyVersion { .. })
    ));
}

#[test]
fn who_was_taken_out_of_the_policy_counts_no_more() {
    let (mut acme, hash) = vault();
    let one = promotion(&acme, hash, &["alice", "carol"]);
    let mut policy = acme.state.policy().unwrap().clone();
    policy.people.retain(|person| person.name != name("carol"));
    policy.root.people.retain(|person| *person != name("carol"));
    for rule in &mut policy.channels {
        rule.people.retain(|person| person != "carol");
    }
    assert!(acme.adopt(policy, &["alice", "bob"]).is_effective());
    assert!(matches!(
        acme.state.approval(&one),
        Err(Reason::UnknownKey { .. })
    ));
    let counted = acme.state.counted(&one).unwrap();
    let tallies = lacking(approval(&acme.state, &counted));
    assert_eq!(tallies[0].signed, names(&["alice"]));
    // In the log it is inert, as it always was.
    assert!(matches!(
        inert(acme.append(one.bytes().to_vec())),
        Reason::Threshold { .. }
    ));
}

#[test]
fn before_the_first_policy_nobody_proposes() {
    let organisation = Organisation::new();
    let genesis = Submission::from_bytes(&organisation.entries[0]).unwrap();
    assert_eq!(
        LogState::default().approval(&genesis),
        Err(Reason::NoPolicy)
    );
}

#[test]
fn what_a_policy_would_void_is_known_before_anybody_signs_it() {
    let (acme, hash) = vault();
    let waiting = promotion(&acme, hash, &["alice"]);
    let current = acme.state.policy().unwrap();
    let voided = |edit: &dyn Fn(&mut bulla_schemas::policy::Policy)| {
        let mut next = current.clone();
        edit(&mut next);
        let next = policy_after(&acme.state, next);
        acme.state.voided_by(&next, &waiting).unwrap()
    };
    let vault = |policy: &bulla_schemas::policy::Policy| {
        let mut rules = policy.channels.iter();
        rules.position(|rule| rule.channel == "vault").unwrap()
    };
    assert_eq!(voided(&|policy| policy.root.threshold = 1), None);
    let without_her = voided(&|policy| {
        let at = vault(policy);
        policy.channels[at].people = vec!["bob".to_owned(), "carol".to_owned()];
    });
    assert!(
        matches!(without_her, Some(Reason::NotAsked { .. })),
        "{without_her:?}"
    );
    let without_rule = voided(&|policy| {
        policy.channels.truncate(vault(policy));
    });
    assert!(without_rule.is_some());
    // Of two changes of the policy only one comes next.
    let other = policy_after(&acme.state, current.clone());
    let other = submitted(&["alice"], POLICY, &to_payload(&other));
    let mut next = current.clone();
    next.root.threshold = 1;
    let next = policy_after(&acme.state, next);
    let overtaken = acme.state.voided_by(&next, &other).unwrap();
    assert!(
        matches!(overtaken, Some(Reason::PolicyVersion { .. })),
        "{overtaken:?}"
    );
    // Nothing has happened.
    assert!(matches!(
        acme.state.approval(&waiting),
        Ok(Approval::Lacking(_))
    ));
}
