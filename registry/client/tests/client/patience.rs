//! How long a registry is waited for of which another one has the same. The clock is the test's.

use std::time::Duration;

use bulla_registry_client::{Client, ClientError, Patience};
use bulla_schemas::manifest::Descriptor;

use crate::server::{Reply, Server, content, descriptor, project};

const DELTA: &str = bulla_schemas::media_type::DELTA;
/// Slower than is waited for in haste.
const SLOW: Duration = Duration::from_secs(50);

/// Returns a client that is in haste.
fn in_haste(server: &Server) -> Client {
    let client = server.client();
    // All clones know it.
    client.clone().set_patience(Patience::Short);
    client
}

/// Asks for a manifest, for a blob and for a delta, and returns how each failed.
async fn failures(client: &Client, blob: &Descriptor) -> [ClientError; 3] {
    let (project, hash) = (project(), blob.digest);
    let delta = client.delta(&project, hash, hash, 1000).await;
    [
        client.manifest(&project, &hash).await.unwrap_err(),
        client.blob(&project, blob).await.unwrap_err(),
        delta.unwrap_err(),
    ]
}

#[tokio::test(start_paused = true)]
async fn who_answers_nothing_is_asked_once_and_given_up_soon() {
    let server = Server::start(|_, _| Reply::cut_after(0).after(Duration::from_mins(90))).await;
    let errors = failures(&in_haste(&server), &descriptor(b"blob")).await;
    for error in errors {
        let idle = matches!(error, ClientError::Stalled { idle, .. } if idle.as_secs() == 5);
        assert!(idle && error.wants_patience(), "{error}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_begins_to_answer_and_says_no_more_is_given_up_as_soon() {
    let server = Server::start(|_, _| {
        let headers = [("content-length", "1000"), ("content-type", DELTA)];
        Reply::new(200, &headers, b"{").dripping(Duration::from_mins(90))
    })
    .await;
    for error in failures(&in_haste(&server), &descriptor(&content(1000))).await {
        assert!(matches!(error, ClientError::Stalled { .. }), "{error}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_drips_is_given_up_after_half_a_minute() {
    let server = Server::start(|_, _| {
        let headers = [("content-length", "1000"), ("content-type", DELTA)];
        Reply::new(200, &headers, b"{").dripping(Duration::from_secs(1))
    })
    .await;
    for error in failures(&in_haste(&server), &descriptor(&content(1000))).await {
        let limit = matches!(error, ClientError::Slow { limit, .. } if limit.as_secs() == 30);
        assert!(limit && error.wants_patience(), "{error}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_more_than_a_few_seconds_is_not_asked_again() {
    for (asked, requests) in [("5", 2), ("6", 1)] {
        let headers = [("retry-after", asked)];
        let server = Server::start(move |earlier, _| match earlier {
            0 => Reply::new(503, &headers, b""),
            _ => Reply::new(200, &[], b"{}"),
        })
        .await;
        let hash = descriptor(b"{}").digest;
        let answer = in_haste(&server).manifest(&project(), &hash).await;
        assert_eq!(answer.is_ok(), requests == 2, "{answer:?}");
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_left_alone_is_waited_for_as_long_as_ever() {
    let blob = content(1000);
    let sent = blob.clone();
    let server = Server::start(move |_, _| Reply::new(200, &[], &sent).after(SLOW)).await;
    let client = in_haste(&server);
    client
        .blob(&project(), &descriptor(&blob))
        .await
        .unwrap_err();
    client.set_patience(Patience::Full);
    let found = client.blob(&project(), &descriptor(&blob)).await.unwrap();
    assert_eq!(found, blob);
}
