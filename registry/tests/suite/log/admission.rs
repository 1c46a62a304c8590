//! Appending: which statements the log takes, and the place that each one gets.

use bulla_registry::{Scope, Settings};
use bulla_schemas::api::{Appended, ErrorCode, LogInfo};
use bulla_schemas::{Digest, media_type};
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{Organisation, key, policy, sign_as};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{follow, registry_with_log};
use crate::support::{BILLING, Registry, assert_oci_error, bundle, error, header, release_entry};

#[tokio::test]
async fn has_no_checkpoint_before_the_first_policy() {
    let registry = Registry::start().await;
    let response = registry.get("/log/checkpoint").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let body = error(response).await;
    assert_eq!(body.error, ErrorCode::NoPolicy);
    assert!(body.hint.unwrap().contains("bulla init"));
    let info: LogInfo = registry.json("/api/v1/log").await;
    assert_eq!((info.origin, info.size), (None, 0));
    let bundle = bundle("one");
    registry.push_bundle(BILLING, &bundle).await;
    let response = registry.append(&release_entry(&bundle)).await;
    assert_eq!(error(response).await.error, ErrorCode::NoPolicy);
    registry.stop().await;
}

#[tokio::test]
async fn the_first_policy_needs_a_token_for_all_projects() {
    let registry = Registry::start().await;
    let genesis = &Organisation::new().entries[0];
    let token = registry.token(&[Scope::Push], &["acme/*"]).await;
    let append = |token: String| {
        let request = registry.plain(Method::POST, "/log/entries");
        request.bearer_auth(token).body(genesis.clone()).send()
    };
    let response = append(token).await.unwrap();
    assert_eq!(error(response).await.error, ErrorCode::Forbidden);
    let response = append(registry.token.clone()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    registry.stop().await;
}

#[tokio::test]
async fn refuses_what_would_have_no_effect_and_says_why() {
    let (registry, mut organisation) = registry_with_log().await;
    let unpushed = bundle("never pushed");
    let wrong_size = {
        let mut statement =
            bulla_trust::testing::release(&bulla_trust::testing::project(), bundle("one").hash());
        statement.subject[0].annotations.size = 1;
        bulla_trust::testing::sign_as_builder("ci", &bulla_trust::statement::to_payload(&statement))
    };
    let before = organisation.clone();
    organisation.promote("prod", Digest::of(b"nothing"), &["alice"]);
    let never_released = organisation.entries.pop().unwrap();
    let mut organisation = before.clone();
    organisation.promote("dev", bundle("one").hash(), &["mallory"]);
    let stranger = organisation.entries.pop().unwrap();
    for (entry, status, code, words) in [
        (b"{}".to_vec(), 400, ErrorCode::Malformed, ""),
        (vec![b'x'; 70_000], 413, ErrorCode::TooLarge, ""),
        (
            release_entry(&unpushed),
            422,
            ErrorCode::Ineffective,
            "push it first",
        ),
        (wrong_size, 422, ErrorCode::Ineffective, "size"),
        (never_released, 422, ErrorCode::Ineffective, ""),
        (stranger, 422, ErrorCode::Ineffective, ""),
    ] {
        let response = registry.append(&entry).await;
        assert_eq!(response.status().as_u16(), status);
        let body = error(response).await;
        assert_eq!(body.error, code, "{}", body.message);
        assert!(body.message.contains(words), "{}", body.message);
    }
    let info: LogInfo = registry.json("/api/v1/log").await;
    assert_eq!(info.size, 3, "nothing of it is in the log");
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_policy_without_its_own_log_key() {
    let registry = Registry::start().await;
    let mut other = policy();
    other.log_keys = vec![bulla_trust::testing::log_verifier(
        &bulla_trust::testing::key("another log"),
    )];
    let organisation = Organisation::with_policy(|policy| *policy = other);
    let response = registry.append(&organisation.entries[0]).await;
    let body = error(response).await;
    assert_eq!(body.error, ErrorCode::Ineffective);
    assert!(body.message.contains("logKeys"), "{}", body.message);
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_signature_by_a_key_that_the_policy_does_not_know() {
    let (registry, mut organisation) = registry_with_log().await;
    let bundle = bundle("two");
    registry.publish(&mut organisation, &bundle).await;
    let promotion = to_payload(&organisation.draft("dev", bundle.hash()));
    let stuffed = sign_as(&["alice", "mallory"], media_type::IN_TOTO, &promotion);
    let body = error(registry.append(&stuffed).await).await;
    assert_eq!(body.error, ErrorCode::Ineffective);
    let mallory = key("mallory").public_key().fingerprint();
    assert!(body.message.contains(&mallory), "{}", body.message);
    let info: LogInfo = registry.json("/api/v1/log").await;
    assert_eq!(info.size, 4);
    registry.stop().await;
}

#[tokio::test]
async fn an_envelope_that_is_sent_again_keeps_its_place() {
    let (registry, organisation) = registry_with_log().await;
    let response = registry.append(&organisation.entries[2]).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let appended: Appended = response.json().await.unwrap();
    assert_eq!((appended.index, appended.size), (2, 3));
    registry.stop().await;
}

#[tokio::test]
async fn a_statement_that_is_in_the_log_keeps_its_place_after_a_restart() {
    let (registry, organisation) = registry_with_log().await;
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    for (index, entry) in organisation.entries.iter().enumerate() {
        let response = registry.append(entry).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let appended: Appended = response.json().await.unwrap();
        assert_eq!((appended.index, appended.size), (index as u64, 3));
    }
    // The same promotion, signed by another person.
    let promotion = organisation.envelope(2).payload().to_vec();
    let response = registry
        .append(&sign_as(&["bob"], media_type::IN_TOTO, &promotion))
        .await;
    let appended: Appended = response.json().await.unwrap();
    assert_eq!((appended.index, appended.size), (2, 3));
    registry.stop().await;
}

#[tokio::test]
async fn a_token_appends_so_many_entries_in_an_hour() {
    let registry = Registry::start_with(Settings {
        most_entries: 3,
        ..Settings::default()
    })
    .await;
    let mut organisation = Organisation::new();
    for content in ["one", "two", "three"] {
        let bundle = bundle(content);
        registry.push_bundle(BILLING, &bundle).await;
        organisation.append(release_entry(&bundle));
    }
    registry.append_all(&organisation.entries[..2]).await;
    // What is in the log already does not count.
    registry.append_all(&organisation.entries[..2]).await;
    registry.append_all(&organisation.entries[2..3]).await;
    let response = registry.append(&organisation.entries[3]).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: i64 = header(&response, "retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&seconds), "{seconds}");
    let body = error(response).await;
    assert_eq!(body.error, ErrorCode::TooManyRequests);
    assert!(body.message.contains("3 entries"), "{}", body.message);
    // And it is told to a token that may append no more.
    registry.append_all(&organisation.entries[..3]).await;
    let other = registry.token(&[Scope::Push], &["acme/*"]).await;
    let response = registry
        .plain(Method::POST, "/log/entries")
        .bearer_auth(other)
        .body(organisation.entries[3].clone());
    assert_eq!(response.send().await.unwrap().status(), StatusCode::CREATED);
    registry.stop().await;
}

#[tokio::test]
async fn gives_every_one_of_many_at_once_its_own_place() {
    let registry = Registry::start().await;
    let organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let bundles: Vec<_> = (0..20).map(|n| bundle(&n.to_string())).collect();
    for bundle in &bundles {
        registry.push_bundle(BILLING, bundle).await;
    }
    let entries: Vec<_> = bundles.iter().map(release_entry).collect();
    let answers =
        futures_util::future::join_all(entries.iter().map(|entry| registry.append(entry))).await;
    let mut places = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::CREATED);
        let appended: Appended = answer.json().await.unwrap();
        assert!(appended.size > appended.index);
        places.push(appended.index);
    }
    places.sort_unstable();
    assert_eq!(places, (1..=20).collect::<Vec<u64>>());
    assert_eq!(follow(&registry).await.size(), 21);
    registry.stop().await;
}

#[tokio::test]
async fn attaches_a_release_statement_in_the_layout_of_sigstore() {
    let (registry, organisation) = registry_with_log().await;
    let hash = bundle("one").hash();
    let path = format!("/v2/{BILLING}/referrers/{hash}");
    let index: Value = registry.json(&path).await;
    let [referrer] = index["manifests"].as_array().unwrap().as_slice() else {
        panic!("one referrer: {index}");
    };
    assert_eq!(referrer["artifactType"], media_type::SIGSTORE_BUNDLE);
    assert_eq!(
        referrer["annotations"]["dev.sigstore.bundle.predicateType"],
        "https://slsa.dev/provenance/v1"
    );
    let digest = referrer["digest"].as_str().unwrap();
    let manifest: Value = registry
        .json(&format!("/v2/{BILLING}/manifests/{digest}"))
        .await;
    assert_eq!(manifest["subject"]["digest"], hash.to_string());
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let body: Value = registry.json(&format!("/v2/{BILLING}/blobs/{layer}")).await;
    assert_eq!(body["mediaType"], media_type::SIGSTORE_BUNDLE);
    let envelope: Value = serde_json::from_slice(&organisation.entries[1]).unwrap();
    assert_eq!(body["dsseEnvelope"], envelope, "the envelope of the log");
    registry.stop().await;
}

#[tokio::test]
async fn a_channel_is_a_tag_that_only_the_log_moves() {
    let (registry, _) = registry_with_log().await;
    let hash = bundle("one").hash();
    let response = registry.get(&format!("/v2/{BILLING}/manifests/dev")).await;
    assert_eq!(header(&response, "docker-content-digest"), hash.to_string());
    assert_eq!(header(&response, "cache-control"), "no-cache");
    let tags: Value = registry.json(&format!("/v2/{BILLING}/tags/list")).await;
    assert_eq!(tags["tags"], serde_json::json!(["dev"]));
    // `prod` points nowhere yet, and is a channel all the same.
    for channel in ["dev", "prod"] {
        let response = registry
            .push_manifest(
                BILLING,
                channel,
                media_type::OCI_MANIFEST,
                bundle("one").manifest_bytes(),
            )
            .await;
        assert_oci_error(response, StatusCode::FORBIDDEN, "DENIED").await;
        let path = format!("/v2/{BILLING}/manifests/{channel}");
        let delete = registry
            .request(Method::DELETE, &path)
            .send()
            .await
            .unwrap();
        assert_oci_error(delete, StatusCode::FORBIDDEN, "DENIED").await;
    }
    registry.stop().await;
}
