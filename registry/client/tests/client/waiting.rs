//! What a person hears while a registry is silent, and how long it is waited for. Where minutes
//! pass, the clock is the test's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_registry_client::{Client, ClientError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::server::{Reply, Server, content, descriptor, project};

/// A client and what its observer heard.
fn observed(client: Client) -> (Client, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&heard);
    let tell = move |sentence: &str| said.lock().unwrap().push(sentence.to_owned());
    (client.on_silence(tell), heard)
}

#[tokio::test]
async fn a_silent_registry_is_named_once() {
    let server = Server::start(|earlier, _| {
        let silence = Duration::from_secs(if earlier < 2 { 3 } else { 0 });
        match earlier {
            0 => Reply::new(503, &[], b"").after(silence),
            _ => Reply::new(200, &[], b"{}").after(silence),
        }
    })
    .await;
    let (client, heard) = observed(server.client());
    let hash = descriptor(b"{}").digest;
    client.manifest(&project(), &hash).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard, [format!("waiting for {}", server.url)]);
}

#[tokio::test]
async fn a_registry_that_refuses_connections_is_named_while_it_is_tried() {
    let address = {
        let server = Server::start(|_, _| Reply::cut_after(0)).await;
        server.url.clone()
    };
    let (client, heard) = observed(Client::new(address.clone(), None).unwrap());
    client.log_info().await.unwrap_err();
    assert_eq!(*heard.lock().unwrap(), [format!("waiting for {address}")]);
}

#[tokio::test]
async fn a_registry_that_answers_is_not_waited_for() {
    let server = Server::start(|_, _| Reply::new(200, &[], b"{}")).await;
    let (client, heard) = observed(server.client());
    let hash = descriptor(b"{}").digest;
    client.manifest(&project(), &hash).await.unwrap();
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_silence_is_said_once_and_not_waited_for_again() {
    let server = Server::start(|_, _| Reply::cut_after(0).after(Duration::from_mins(90))).await;
    let (client, heard) = observed(server.client());
    let error = client.log_info().await.unwrap_err();
    assert!(matches!(error, ClientError::Stalled { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_for_minutes_ends() {
    let server = Server::start(|_, _| {
        let headers = [("content-length", "100000")];
        Reply::new(200, &headers, b"{").dripping(Duration::from_secs(1))
    })
    .await;
    let hash = descriptor(b"{}").digest;
    let error = server.client().manifest(&project(), &hash).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClientError::Slow { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_drips_for_minutes_ends() {
    let blob = content(1_000_000);
    let server = Server::start(|_, _| {
        let headers = [("content-length", "1000000")];
        Reply::new(200, &headers, b"").dripping(Duration::from_secs(1))
    })
    .await;
    let error = server.client().blob(&project(), &descriptor(&blob)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ClientError::Slow { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_its_time_is_not_the_registrys_fault() {
    let blob = content(1000);
    let sent = blob.clone();
    let server = Server::start(move |_, _| Reply::new(200, &[], &sent)).await;
    let (client, descriptor) = (server.client(), descriptor(&blob));
    let stream = client.blob_stream(&project(), &descriptor, 0).await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    assert_eq!(stream.unwrap().read_to_end().await.unwrap(), blob);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_asks_for_an_hour_is_left_to_a_person() {
    for asked in ["31", "3600", "18446744073709551615"] {
        let headers = [("retry-after", asked)];
        let server = Server::start(move |_, _| Reply::new(429, &headers, b"")).await;
        let error = server.client().log_info().await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Temporary, "{error}");
        assert_eq!(server.requests().len(), 1, "{asked}");
        let (client, blob) = (server.client(), descriptor(b"blob"));
        client.blob(&project(), &blob).await.unwrap_err();
        assert_eq!(server.requests().len(), 2, "{asked}");
    }
}
