//! Statements that several people sign: passed around by the registry, and nothing to anybody before
//! they are in the log.

use bulla_registry::{ProposalLimits, Scope, Settings};
use bulla_schemas::api::{Appended, ErrorCode, LogInfo, Page, Proposal};
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::SignedEnvelope;
use bulla_trust::statement::{policy_after, to_payload};
use bulla_trust::testing::{Organisation, key, name, sign_as};
use reqwest::{Method, Response, StatusCode};

use crate::support::{BILLING, Registry, bundle, error};

const PROPOSALS: &str = "/api/v1/proposals";

/// A registry with a release that `vault` may point to, for which two people sign.
async fn vault(settings: Settings) -> (Registry, Organisation, Digest) {
    let registry = Registry::start_with(settings).await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let bundle = bundle("one");
    registry.publish(&mut organisation, &bundle).await;
    let before = organisation.entries.len();
    let staged = organisation.promote("staging", bundle.hash(), &["carol"]);
    assert!(staged.is_effective());
    registry.append_all(&organisation.entries[before..]).await;
    (registry, organisation, bundle.hash())
}

async fn default_vault() -> (Registry, Organisation, Digest) {
    vault(Settings::default()).await
}

/// The payload of a promotion to `vault`.
fn promotion(organisation: &Organisation, hash: Digest, reason: &str) -> Vec<u8> {
    let mut draft = organisation.draft("vault", hash);
    reason.clone_into(&mut draft.predicate.reason);
    to_payload(&draft)
}

async fn send(registry: &Registry, envelope: Vec<u8>) -> Response {
    let request = registry.request(Method::POST, PROPOSALS);
    request.body(envelope).send().await.unwrap()
}

async fn propose(registry: &Registry, envelope: Vec<u8>) -> Proposal {
    let response = send(registry, envelope).await;
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn list(registry: &Registry) -> Vec<Proposal> {
    let page: Page<Proposal> = registry.json(PROPOSALS).await;
    page.items
}

async fn size(registry: &Registry) -> u64 {
    let info: LogInfo = registry.json("/api/v1/log").await;
    info.size
}

#[tokio::test]
async fn a_promotion_waits_for_its_second_signature_and_is_in_the_log_then() {
    let (registry, mut organisation, hash) = default_vault().await;
    let payload = promotion(&organisation, hash, "go");
    let before = size(&registry).await;
    let first = propose(&registry, sign_as(&["alice"], IN_TOTO, &payload)).await;
    assert_eq!(first.id, Digest::of(&payload));
    assert_eq!(first.proposed_by, key("alice").public_key().fingerprint());
    assert_eq!(first.entry, None);
    let seconds = |time: Timestamp| time.as_seconds();
    let week = seconds(first.expires_at) - seconds(first.proposed_at);
    assert_eq!(week, 7 * 24 * 60 * 60);
    assert_eq!(list(&registry).await, std::slice::from_ref(&first));
    let shown: Proposal = registry.json(&format!("{PROPOSALS}/{}", first.id)).await;
    assert_eq!(shown, first);
    assert_eq!(size(&registry).await, before, "it is no entry of the log");

    // Only what bob signed comes: it is joined to what is here.
    let second = propose(&registry, sign_as(&["bob"], IN_TOTO, &payload)).await;
    assert_eq!(second.entry, Some(before));
    assert_eq!(second.envelope.signatures.len(), 2);
    assert_eq!(list(&registry).await, []);
    let both = serde_json::to_vec(&second.envelope).unwrap();
    assert!(organisation.append(both).is_effective());
    // A lost answer: whoever sends it again is told where it is.
    let again = propose(&registry, sign_as(&["bob"], IN_TOTO, &payload)).await;
    assert_eq!(again.entry, Some(before));
    assert_eq!(
        (size(&registry).await, list(&registry).await),
        (before + 1, vec![])
    );
    registry.stop().await;
}

#[tokio::test]
async fn two_who_approve_at_once_both_count() {
    let settings = Settings::default();
    let registry = Registry::start_with(settings).await;
    let mut organisation = Organisation::with_policy(|policy| {
        let vault = policy
            .channels
            .iter_mut()
            .find(|rule| rule.channel == "vault");
        vault.unwrap().threshold = 3;
    });
    registry.append_all(&organisation.entries).await;
    let bundle = bundle("one");
    registry.publish(&mut organisation, &bundle).await;
    let before = organisation.entries.len();
    organisation.promote("staging", bundle.hash(), &["carol"]);
    registry.append_all(&organisation.entries[before..]).await;
    let payload = promotion(&organisation, bundle.hash(), "go");
    propose(&registry, sign_as(&["alice"], IN_TOTO, &payload)).await;
    // Each has only seen what alice signed.
    let (bob, carol) = tokio::join!(
        propose(&registry, sign_as(&["alice", "bob"], IN_TOTO, &payload)),
        propose(&registry, sign_as(&["alice", "carol"], IN_TOTO, &payload)),
    );
    let entries = [bob.entry, carol.entry];
    assert!(entries.contains(&Some(before as u64 + 1)), "{entries:?}");
    assert_eq!(size(&registry).await, before as u64 + 2);
    registry.stop().await;
}

#[tokio::test]
async fn only_what_lacks_nothing_but_signatures_is_kept() {
    let (registry, mut organisation, hash) = default_vault().await;
    let payload = promotion(&organisation, hash, "go");
    let refused = async |envelope: Vec<u8>, words: &str| {
        let response = send(&registry, envelope).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let body = error(response).await;
        assert_eq!(body.error, ErrorCode::Ineffective);
        assert!(body.message.contains(words), "{}", body.message);
    };
    refused(
        sign_as(&["mallory"], IN_TOTO, &payload),
        "does not know the key",
    )
    .await;
    let stuffed = sign_as(&["alice", "mallory"], IN_TOTO, &payload);
    refused(stuffed, "does not know the key").await;
    let builder = bulla_trust::testing::sign_as_builder("ci", &payload);
    refused(builder, "does not decide").await;
    let nothing = promotion(&organisation, Digest::of(b"nothing"), "go");
    let response = send(&registry, sign_as(&["alice"], IN_TOTO, &nothing)).await;
    assert!(error(response).await.message.contains("push it first"));
    // Of somebody's signature, the payload of another statement.
    let other = SignedEnvelope::from_bytes(&sign_as(&["bob"], IN_TOTO, b"{}")).unwrap();
    let forged = bulla_trust::testing::raw_envelope(
        IN_TOTO,
        &payload,
        &[(
            other.signatures()[0].key_id.clone(),
            other.signatures()[0].signature.clone(),
        )],
    );
    refused(forged, "signature of `bob` does not belong").await;
    let response = send(&registry, b"{}".to_vec()).await;
    assert_eq!(error(response).await.error, ErrorCode::Malformed);
    let response = send(&registry, vec![b'x'; 70_000]).await;
    assert_eq!(error(response).await.error, ErrorCode::TooLarge);
    // What was overtaken.
    assert!(
        organisation
            .promote("vault", hash, &["bob", "carol"])
            .is_effective()
    );
    registry.append_all(&organisation.entries[3..]).await;
    refused(
        sign_as(&["alice"], IN_TOTO, &payload),
        "expected promotion 2",
    )
    .await;
    assert_eq!(list(&registry).await, []);
    registry.stop().await;
}

#[tokio::test]
async fn a_policy_waits_for_as_many_of_the_root_as_it_asks_for() {
    let (registry, organisation, _) = default_vault().await;
    let mut policy = organisation.state.policy().unwrap().clone();
    policy.root.threshold = 3;
    let payload = to_payload(&policy_after(&organisation.state, policy));
    for (person, is_last) in [("alice", false), ("bob", false), ("carol", true)] {
        let proposal = propose(&registry, sign_as(&[person], POLICY, &payload)).await;
        assert_eq!(proposal.entry.is_some(), is_last, "{person}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_one_signature_is_enough_for_is_appended() {
    let (registry, organisation, hash) = default_vault().await;
    let revocation = organisation.draft_revocation(hash, Severity::Block);
    let envelope = sign_as(&["alice"], IN_TOTO, &to_payload(&revocation));
    let proposal = propose(&registry, envelope).await;
    assert_eq!(proposal.entry, Some(3));
    assert_eq!(list(&registry).await, []);
    registry.stop().await;
}

#[tokio::test]
async fn what_is_appended_otherwise_waits_no_more() {
    let (registry, organisation, hash) = default_vault().await;
    let payload = promotion(&organisation, hash, "go");
    propose(&registry, sign_as(&["alice"], IN_TOTO, &payload)).await;
    let both = sign_as(&["alice", "bob"], IN_TOTO, &payload);
    let _: Appended = registry.append_all(&[both]).await;
    assert_eq!(list(&registry).await, []);
    registry.stop().await;
}

#[tokio::test]
async fn a_proposal_is_forgotten_in_time_and_survives_a_restart_until_then() {
    let (registry, organisation, hash) = default_vault().await;
    let request = |expires: &str| {
        let payload = promotion(&organisation, hash, expires);
        let path = format!("{PROPOSALS}?expires={expires}");
        let request = registry.request(Method::POST, &path);
        request.body(sign_as(&["alice"], IN_TOTO, &payload)).send()
    };
    for wrong in ["59", "2592001", "soon"] {
        let response = request(wrong).await.unwrap();
        assert_eq!(error(response).await.error, ErrorCode::Malformed, "{wrong}");
    }
    for expires in ["60", "3600"] {
        let response = request(expires).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    registry.hands.move_by(60);
    let left = list(&registry).await;
    assert_eq!(left.len(), 1);
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    // The clock of the test begins anew.
    registry.hands.move_by(60);
    assert_eq!(list(&registry).await, left);
    registry.hands.move_by(3600);
    assert_eq!(list(&registry).await, []);
    let gone = registry.get(&format!("{PROPOSALS}/{}", left[0].id)).await;
    assert_eq!(error(gone).await.error, ErrorCode::NotFound);
    registry.stop().await;
}

fn ids(proposals: &[Proposal]) -> Vec<Digest> {
    let mut ids: Vec<_> = proposals.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    ids
}

fn sorted(mut ids: Vec<Digest>) -> Vec<Digest> {
    ids.sort_unstable();
    ids
}

/// Three people, each with two places of a project and three in all.
fn few() -> Settings {
    Settings {
        proposals: ProposalLimits {
            most: 9,
            most_of_project: 6,
        },
        ..Settings::default()
    }
}

#[tokio::test]
async fn who_proposes_more_than_their_share_loses_their_own_oldest_and_what_was_overtaken_goes() {
    let (registry, mut organisation, hash) = vault(few()).await;
    let one = |organisation: &Organisation, person: &str, reason: &str| {
        sign_as(&[person], IN_TOTO, &promotion(organisation, hash, reason))
    };
    let of_bob = propose(&registry, one(&organisation, "bob", "of bob")).await;
    let mut of_alice = Vec::new();
    for reason in ["first", "second", "third", "fourth"] {
        registry.hands.move_by(1);
        let proposed = propose(&registry, one(&organisation, "alice", reason)).await;
        let displaced = of_alice.len().checked_sub(2).map(|oldest| of_alice[oldest]);
        assert_eq!(proposed.displaced, Vec::from_iter(displaced), "{reason}");
        of_alice.push(proposed.id);
    }
    let left = sorted(vec![of_bob.id, of_alice[2], of_alice[3]]);
    assert_eq!(ids(&list(&registry).await), left);
    // Those that are here can be signed all the same.
    propose(&registry, one(&organisation, "alice", "third")).await;
    assert_eq!(ids(&list(&registry).await), left);
    // And of all projects together.
    let mut policies = Vec::new();
    for number in 0..2 {
        registry.hands.move_by(1);
        let payload = another_policy(&organisation, number);
        policies.push(
            propose(&registry, sign_as(&["alice"], POLICY, &payload))
                .await
                .id,
        );
    }
    let left = sorted(vec![of_bob.id, of_alice[3], policies[0], policies[1]]);
    assert_eq!(ids(&list(&registry).await), left);

    // The channel moves: what was to move it can never take effect.
    assert!(
        organisation
            .promote("vault", hash, &["bob", "carol"])
            .is_effective()
    );
    registry.append_all(&organisation.entries[3..]).await;
    let mut pause = bulla_trust::statement::pause(
        &organisation.state,
        &name(BILLING),
        &name("vault"),
        "stop".to_owned(),
        bulla_trust::testing::time(9),
    )
    .unwrap();
    pause.predicate.reason = "stop it".to_owned();
    let pausing = propose(&registry, sign_as(&["bob"], IN_TOTO, &to_payload(&pause))).await;
    let left = sorted(vec![pausing.id, policies[0], policies[1]]);
    assert_eq!(ids(&list(&registry).await), left);
    registry.stop().await;
}

/// A policy with one more rule for a channel.
fn another_policy(organisation: &Organisation, number: u32) -> Vec<u8> {
    let mut policy = organisation.state.policy().unwrap().clone();
    let mut rule = policy.channels.last().unwrap().clone();
    rule.channel = format!("channel-{number}");
    policy.channels.push(rule);
    to_payload(&policy_after(&organisation.state, policy))
}

#[tokio::test]
async fn one_of_the_root_leaves_room_for_their_own_removal() {
    let (registry, organisation, _) = default_vault().await;
    let flood = async |from: u32| {
        for number in from..from + 60 {
            let payload = another_policy(&organisation, number);
            propose(&registry, sign_as(&["alice"], POLICY, &payload)).await;
        }
    };
    flood(0).await;
    let mut policy = organisation.state.policy().unwrap().clone();
    policy.people.retain(|person| person.name != name("alice"));
    policy.root.people.retain(|person| *person != name("alice"));
    for rule in &mut policy.channels {
        rule.people.retain(|person| person != "alice");
    }
    let removal = to_payload(&policy_after(&organisation.state, policy));
    let waiting = propose(&registry, sign_as(&["bob"], POLICY, &removal)).await;
    assert_eq!(waiting.entry, None);
    flood(60).await;
    let left = ids(&list(&registry).await);
    assert_eq!(left.len(), 17, "a third of fifty, and this one");
    assert!(left.contains(&waiting.id));
    let done = propose(&registry, sign_as(&["carol"], POLICY, &removal)).await;
    assert!(done.entry.is_some());
    registry.stop().await;
}

#[tokio::test]
async fn a_policy_in_which_its_proposer_decides_is_not_kept_for_that() {
    let (registry, organisation, _) = default_vault().await;
    let mut policy = organisation.state.policy().unwrap().clone();
    let mut mallory = policy.people[0].clone();
    mallory.name = name("mallory");
    mallory.keys = vec![key("mallory").public_key().to_openssh()];
    policy.people.push(mallory);
    policy.root.people.push(name("mallory"));
    let payload = to_payload(&policy_after(&organisation.state, policy));
    let response = send(&registry, sign_as(&["mallory"], POLICY, &payload)).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body = error(response).await;
    assert!(body.message.contains("does not know the key"), "{body:?}");
    assert_eq!(list(&registry).await, []);
    // With one of the root it waits, whoever has signed it besides.
    propose(&registry, sign_as(&["alice", "mallory"], POLICY, &payload)).await;
    registry.stop().await;
}

#[tokio::test]
async fn what_was_withdrawn_or_has_expired_comes_back_with_its_token_or_a_new_signature_only() {
    let (registry, organisation, hash) = default_vault().await;
    let other = registry.token(&[Scope::Push, Scope::Pull], &["*"]).await;
    let send = async |token: &str, people: &[&str], reason: &str| {
        let payload = promotion(&organisation, hash, reason);
        let request = registry.plain(Method::POST, PROPOSALS).bearer_auth(token);
        let request = request.body(sign_as(people, IN_TOTO, &payload));
        request.send().await.unwrap()
    };
    let withdraw = async |id: &Digest| {
        let request = registry.request(Method::DELETE, &format!("{PROPOSALS}/{id}"));
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::NO_CONTENT
        );
    };
    let proposal: Proposal = send(&registry.token, &["bob"], "go")
        .await
        .json()
        .await
        .unwrap();
    withdraw(&proposal.id).await;
    let expires: Proposal = send(&registry.token, &["bob"], "late")
        .await
        .json()
        .await
        .unwrap();
    registry.hands.move_by(8 * 24 * 60 * 60);
    assert_eq!(list(&registry).await, []);
    // Who only kept a copy takes no place of bob's with it.
    for reason in ["go", "late"] {
        let refused = send(&other, &["bob"], reason).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{reason}");
        let body = error(refused).await;
        assert!(
            body.message.contains("was withdrawn, has expired"),
            "{body:?}"
        );
    }
    assert_eq!(list(&registry).await, []);
    // It is alice's proposal then, and bob's signature counts as ever where it comes with hers.
    let again: Proposal = send(&other, &["alice"], "late").await.json().await.unwrap();
    assert_eq!((again.id, again.entry), (expires.id, None));
    assert_eq!(again.proposed_by, key("alice").public_key().fingerprint());
    let both = send(&other, &["alice", "bob"], "go").await;
    let both: Proposal = both.json().await.unwrap();
    assert!(both.entry.is_some());
    registry.stop().await;
}

#[tokio::test]
async fn its_own_token_and_an_admins_bring_a_proposal_back() {
    let (registry, organisation, hash) = default_vault().await;
    let admin = registry
        .token(&[Scope::Admin, Scope::Push], &["acme/*"])
        .await;
    let payload = promotion(&organisation, hash, "go");
    let envelope = sign_as(&["bob"], IN_TOTO, &payload);
    let first = propose(&registry, envelope.clone()).await;
    let path = format!("{PROPOSALS}/{}", first.id);
    for token in [&registry.token, &admin] {
        let withdrawn = registry
            .request(Method::DELETE, &path)
            .send()
            .await
            .unwrap();
        assert_eq!(withdrawn.status(), StatusCode::NO_CONTENT);
        let request = registry.plain(Method::POST, PROPOSALS).bearer_auth(token);
        let back = request.body(envelope.clone()).send().await.unwrap();
        assert_eq!(back.status(), StatusCode::OK);
        assert_eq!(ids(&list(&registry).await), [first.id]);
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_token_proposes_and_sees_what_is_of_its_projects_and_withdraws_what_it_sent() {
    let (registry, organisation, hash) = default_vault().await;
    let payload = promotion(&organisation, hash, "go");
    let envelope = sign_as(&["alice"], IN_TOTO, &payload);
    let with = async |token: &str, method: Method, path: &str, body: Vec<u8>| {
        let request = registry.plain(method, path).bearer_auth(token).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let other = registry
        .token(&[Scope::Push, Scope::Pull], &["other/*"])
        .await;
    let colleague = registry
        .token(&[Scope::Push, Scope::Pull], &["acme/*"])
        .await;
    let reader = registry.token(&[Scope::Pull], &["acme/*"]).await;
    let admin = registry.token(&[Scope::Admin], &["acme/*"]).await;
    for token in [&other, &reader] {
        assert_eq!(
            with(token, Method::POST, PROPOSALS, envelope.clone()).await,
            403
        );
    }
    let proposal = propose(&registry, envelope.clone()).await;
    let path = format!("{PROPOSALS}/{}", proposal.id);
    assert_eq!(with(&other, Method::GET, &path, vec![]).await, 404);
    assert_eq!(with(&reader, Method::GET, &path, vec![]).await, 200);
    let seen = async |token: &str| {
        let request = registry.plain(Method::GET, PROPOSALS).bearer_auth(token);
        let page: Page<Proposal> = request.send().await.unwrap().json().await.unwrap();
        page.items.len()
    };
    assert_eq!((seen(&other).await, seen(&reader).await), (0, 1));
    // Who does not want it does not sign it; a stranger takes nothing back.
    assert_eq!(with(&other, Method::DELETE, &path, vec![]).await, 404);
    assert_eq!(with(&reader, Method::DELETE, &path, vec![]).await, 403);
    assert_eq!(with(&colleague, Method::DELETE, &path, vec![]).await, 403);
    assert_eq!(
        with(&registry.token, Method::DELETE, &path, vec![]).await,
        204
    );
    assert_eq!(
        with(&registry.token, Method::DELETE, &path, vec![]).await,
        404
    );
    propose(&registry, envelope).await;
    assert_eq!(with(&admin, Method::DELETE, &path, vec![]).await, 204);
    registry.stop().await;
}
