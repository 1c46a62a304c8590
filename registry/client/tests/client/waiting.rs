//! What a person hears while a registry is silent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_registry_client::Client;

use crate::server::{Reply, Server, descriptor, project};

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
