//! Deltas, and registries that make none.

use bulla_registry_client::{Client, ClientError};
use bulla_schemas::api::DeltaRequest;
use bulla_schemas::{Digest, media_type};
use bytes::Bytes;

use crate::server::{Reply, Server, project};

const LIMIT: u64 = 100_000;
const TYPE: (&str, &str) = ("content-type", media_type::DELTA);

async fn ask(client: &Client) -> Result<Option<Bytes>, ClientError> {
    let [have, want] = [&b"have"[..], b"want"].map(Digest::of);
    client.delta(&project(), have, want, LIMIT).await
}

async fn server(status: u16, body: &'static str) -> Server {
    Server::start(move |_, _| Reply::new(status, &[], body.as_bytes())).await
}

#[tokio::test]
async fn asks_for_the_way_from_one_bundle_to_another() {
    let server = Server::start(|_, _| Reply::new(200, &[TYPE], b"a delta")).await;
    let delta = ask(&server.client()).await.unwrap();
    assert_eq!(delta.as_deref(), Some(&b"a delta"[..]));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line(), "POST /v2/acme/billing/_bulla/delta");
    assert_eq!(request.header("accept"), Some(media_type::DELTA));
    let body: DeltaRequest = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body.have, Digest::of(b"have"));
    assert_eq!(body.want, Digest::of(b"want"));
}

#[tokio::test]
async fn a_registry_that_knows_no_deltas_is_asked_once() {
    let unknown = r#"{"errors": [{"code": "NAME_UNKNOWN", "message": "there is nothing here"}]}"#;
    for (status, body) in [
        (404, ""),
        (404, unknown),
        (404, "<html>"),
        (405, ""),
        (400, "what?"),
        (501, ""),
        (200, "<html>"),
        (204, ""),
    ] {
        let server = server(status, body).await;
        let client = server.client();
        for client in [&client, &client.clone(), &client] {
            assert_eq!(ask(client).await.unwrap(), None, "{status} {body}");
        }
        assert_eq!(server.requests().len(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn a_refusal_of_this_delta_is_forgotten() {
    let unknown = r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]}"#;
    for (status, body) in [
        (404, unknown),
        (401, ""),
        (403, ""),
        (422, ""),
        (429, ""),
        (500, ""),
        (503, ""),
    ] {
        let server = server(status, body).await;
        let client = server.client();
        assert_eq!(ask(&client).await.unwrap(), None, "{status}");
        assert_eq!(ask(&client).await.unwrap(), None, "{status}");
        assert_eq!(server.requests().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_delta_without_end_is_refused() {
    let announced = ("content-length", "100001");
    let server = Server::start(move |_, _| Reply::new(200, &[TYPE, announced], b"")).await;
    let error = ask(&server.client()).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
    // To the end of the connection.
    let server = Server::start(move |_, _| {
        let unframed = ("transfer-encoding", "identity");
        Reply::new(200, &[TYPE, unframed], b"").endless()
    })
    .await;
    let error = ask(&server.client()).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_broken_connection_is_no_refusal() {
    let server =
        Server::start(|_, _| Reply::new(200, &[TYPE, ("content-length", "500")], b"not so many"))
            .await;
    let client = server.client();
    assert!(ask(&client).await.unwrap_err().is_temporary());
    assert!(ask(&client).await.is_err());
    assert_eq!(server.requests().len(), 2);
}

async fn push(client: &Client) -> Result<bool, ClientError> {
    let [have, want] = [&b"have"[..], b"want"].map(Digest::of);
    let delta = Bytes::from_static(b"a delta");
    client.push_delta(&project(), have, want, delta).await
}

#[tokio::test]
async fn sends_a_delta_in_place_of_blobs() {
    let server = server(201, "").await;
    assert!(push(&server.client()).await.unwrap());
    let request = server.requests().pop().unwrap();
    let [have, want] = [&b"have"[..], b"want"].map(|bytes| Digest::of(bytes).hex());
    let path = "/v2/acme/billing/_bulla/delta";
    assert_eq!(
        request.line(),
        format!("PUT {path}?have=sha256%3A{have}&want=sha256%3A{want}")
    );
    assert_eq!(request.header("content-type"), Some(media_type::DELTA));
    assert_eq!(request.body, b"a delta");
}

#[tokio::test]
async fn a_delta_that_is_not_taken_is_no_failure() {
    for status in [400, 403, 404, 405, 413, 422, 500, 501, 503] {
        let server = server(status, "").await;
        assert!(!push(&server.client()).await.unwrap(), "{status}");
    }
    // Neither is one that a registry does not know: what it has said once, it need not say again.
    let server = server(404, "").await;
    let client = server.client();
    assert!(!push(&client).await.unwrap());
    assert!(!push(&client).await.unwrap());
    assert_eq!(server.requests().len(), 1);
}
