//! Answers that say no, redirects, and addresses that are none.

use bulla_registry_client::{Client, ClientError};
use bulla_schemas::api::ErrorCode;
use bulla_schemas::outcome::{FailureKind, Outcome as _, report};
use bulla_trust::witness::AddCheckpoint;

use crate::server::{Reply, Server, descriptor, project};

#[tokio::test]
async fn a_redirect_to_another_host_does_not_carry_the_token() {
    let storage = Server::start(|_, _| Reply::new(200, &[], b"blob")).await;
    let elsewhere = storage.url.join("signed?x=1").unwrap();
    let server =
        Server::start(move |_, _| Reply::new(307, &[("location", elsewhere.as_str())], b"")).await;
    let blob = server.client().blob(&project(), &descriptor(b"blob")).await;
    assert_eq!(blob.unwrap(), b"blob");
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer secret")
    );
    assert_eq!(storage.requests()[0].header("authorization"), None);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_a_host_with_tls_is_followed() {
    // Nobody listens there: it is enough that it was asked.
    let headers = [("location", "https://127.0.0.1:1/blob")];
    let server = Server::start(move |_, _| Reply::new(307, &headers, b"")).await;
    let blob = server.client().blob(&project(), &descriptor(b"blob")).await;
    let error = blob.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_witness_that_sends_on_is_not_followed() {
    let elsewhere = Server::start(|_, _| Reply::new(200, &[], b"")).await;
    let named = elsewhere.url.join("add-checkpoint").unwrap();
    let server =
        Server::start(move |_, _| Reply::new(307, &[("location", named.as_str())], b"")).await;
    let client = Client::of_witness(server.url.clone()).unwrap();
    let request = AddCheckpoint {
        old_size: 0,
        proof: Vec::new(),
        checkpoint: b"checkpoint\n".to_vec(),
    };
    let error = client.add_checkpoint(&request).await.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert_eq!(server.requests().len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_missing_token_is_explained() {
    let body = br#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?\u001b[2J"}]}"#;
    let server = Server::start(|_, _| Reply::new(401, &[], body)).await;
    let hash = descriptor(b"").digest;
    let error = server
        .client()
        .manifest(&project(), &hash)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::Failed);
    assert!(error.hint().unwrap().contains("BULLA_TOKEN"));
    let text = report(&error, None);
    assert!(
        text.contains("401") && text.contains("who are you?\\u{1b}[2J (UNAUTHORIZED)"),
        "{text}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_a_registry_advises_is_not_dropped() {
    let answers = [
        (
            404,
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"it was removed","detail":{"hint":"publish it again"}}]}"#,
            "it was removed (MANIFEST_UNKNOWN)",
            "publish it again",
        ),
        // No word that says nothing.
        (
            413,
            r#"{"errors":[{"code":"UNKNOWN","message":"no space is left","detail":{"hint":"make space"}}]}"#,
            "no space is left",
            "make space",
        ),
        // What others have for details, and what nobody says anything about.
        (
            404,
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":["hint"]}]}"#,
            "MANIFEST_UNKNOWN",
            "`bulla publish` of the same revision brings it back",
        ),
    ];
    for (status, body, message, hint) in answers {
        let server = Server::start(move |_, _| Reply::new(status, &[], body.as_bytes())).await;
        let hash = descriptor(b"").digest;
        let error = server.client().manifest(&project(), &hash).await;
        let error = error.unwrap_err();
        assert!(
            error.to_string().ends_with(&format!(": {message}")),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
}

#[tokio::test]
async fn a_statement_without_effect_is_refused_with_the_registrys_reason() {
    let body = br#"{"error":"ineffective","message":"seq 8 is taken","hint":"look and retry","requestId":"1"}"#;
    let server = Server::start(|_, _| Reply::new(422, &[], body)).await;
    let error = server.client().append(b"{}").await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Ineffective));
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(error.hint().unwrap(), "look and retry");
    assert!(error.to_string().ends_with("seq 8 is taken"), "{error}");
}

// A push that takes longer than the registry remembers what it said.
#[tokio::test]
async fn blobs_that_are_gone_when_the_manifest_comes_are_worth_another_try() {
    let body = br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"it lacks sha256:12"}]}"#;
    let server = Server::start(|_, _| Reply::new(400, &[], body)).await;
    let (client, project) = (server.client(), project());
    let pushed = client.push_manifest(&project, "v1", "application/json", b"{}");
    let error = pushed.await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("run the same command again: "), "{hint}");
    assert_eq!(
        server.requests().len(),
        1,
        "the same request would fail again"
    );
}

#[tokio::test]
async fn an_append_is_not_sent_twice_when_its_answer_is_lost() {
    let server = Server::start(|_, _| Reply::cut_after(100)).await;
    let error = server.client().append(b"{}").await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert_eq!(server.lines(), ["POST /log/entries"]);
}

#[tokio::test]
async fn an_append_is_sent_again_when_the_registry_was_busy() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::new(503, &[], b""),
        _ => Reply::new(200, &[], br#"{"index":4,"size":5}"#),
    })
    .await;
    assert_eq!(server.client().append(b"{}").await.unwrap().index, 4);
}

#[tokio::test]
async fn a_page_that_is_no_registry_is_refused() {
    let server = Server::start(|_, _| Reply::new(200, &[], b"<html>")).await;
    let error = server.client().log_info().await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Refused);
}

#[tokio::test]
async fn a_registry_that_is_away_can_be_tried_again_later() {
    let address = {
        let server = Server::start(|_, _| Reply::cut_after(0)).await;
        server.url.clone()
    };
    let client = Client::new(address, None).unwrap();
    let error = client.log_info().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert!(error.to_string().contains("cannot reach"), "{error}");
}

#[test]
fn refuses_addresses_that_are_no_registrys() {
    for url in [
        "ftp://x/",
        "file:///etc",
        "https://a:hunter2@x/",
        "https://x/?a",
        "https://x/#a",
    ] {
        let error = Client::new(url.parse().unwrap(), None).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Usage, "{url}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_registry_may_live_below_a_path_and_a_project_keeps_its_slash() {
    let server = Server::start(|_, _| Reply::new(200, &[], b"{}")).await;
    let below = server.url.join("bulla/").unwrap();
    let client = Client::new(below, None).unwrap();
    client
        .manifest(&project(), &descriptor(b"{}").digest)
        .await
        .unwrap();
    let target = &server.requests()[0].target;
    assert!(
        target.starts_with("/bulla/v2/acme/billing/manifests/sha256:"),
        "{target}"
    );
}
