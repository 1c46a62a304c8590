//! HTTP/2: clients that ask for nothing, take nothing, give up what they ask for, or ask for much at
//! once.

use std::sync::Arc;
use std::time::Duration;

use bulla_registry::{Pace, Patience, Settings};
use bytes::Bytes;
use h2::client::{self, SendRequest};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HOST};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::support::Registry;
use crate::tls::authority::Authority;

type Connection = JoinHandle<Result<(), h2::Error>>;
type Request = axum::http::Request<()>;

fn patience() -> Patience {
    let long = Duration::from_hours(1);
    Patience {
        first_byte: long,
        head: long,
        send: long,
        ..Patience::default()
    }
}

fn settings(patience: Patience) -> Settings {
    Settings {
        patience,
        ..Settings::default()
    }
}

/// Connects with windows of so many bytes.
async fn connect(
    registry: &Registry,
    authority: &Authority,
    window: u32,
) -> (SendRequest<Bytes>, Connection) {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority.root()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let address = registry.url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let mut builder = client::Builder::new();
    builder.initial_window_size(window);
    let (send, connection) = builder.handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

fn get(registry: &Registry, path: &str) -> Request {
    request(registry, "GET", path)
}

fn request(registry: &Registry, method: &str, path: &str) -> Request {
    axum::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", registry.url))
        .header(AUTHORIZATION, format!("Bearer {}", registry.token))
        .body(())
        .unwrap()
}

/// Sends a request without a body and returns its status and its whole answer.
async fn ask(send: &SendRequest<Bytes>, request: Request) -> (StatusCode, Vec<u8>) {
    let mut send = send.clone().ready().await.unwrap();
    let (answer, _) = send.send_request(request, true).unwrap();
    let answer = answer.await.unwrap();
    let status = answer.status();
    let mut body = answer.into_body();
    let mut whole = Vec::new();
    while let Some(bytes) = body.data().await {
        let bytes = bytes.unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        whole.extend_from_slice(&bytes);
    }
    (status, whole)
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_is_not_waited_for() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let patience = Patience {
        head: Duration::from_millis(100),
        ..patience()
    };
    let registry = Registry::start_with_tls(settings(patience), &authority).await;
    let (send, connection) = connect(&registry, &authority, 65_535).await;
    let _ = connection.await.unwrap();
    drop(send);
    registry.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_one_answer_is_not_waited_for_whatever_else_it_takes() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let patience = Patience {
        send: Duration::from_secs(1),
        ..patience()
    };
    let registry = Registry::start_with_tls(settings(patience), &authority).await;
    let digest = registry.push_blob("acme/tool", &vec![7; 8 << 20]).await;
    let path = format!("/v2/acme/tool/blobs/{digest}");
    let (send, mut connection) = connect(&registry, &authority, 1000).await;
    let mut ready = send.clone().ready().await.unwrap();
    let (answer, _) = ready.send_request(get(&registry, &path), true).unwrap();
    let answer = answer.await.unwrap();
    let small = get(&registry, "/healthz");
    let others = async {
        while let Ok(mut send) = send.clone().ready().await {
            let request = axum::http::Request::from_parts(small.clone().into_parts().0, ());
            let Ok((answer, _)) = send.send_request(request, true) else {
                return;
            };
            let _ = answer.await;
        }
    };
    tokio::select! {
        _ = &mut connection => {}
        () = others => {}
    }
    drop(answer);
    registry.stop().await;
}

#[tokio::test]
async fn a_client_that_gives_up_what_it_asks_for_is_not_answered_any_more() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let registry = Registry::start_with_tls(settings(patience()), &authority).await;
    let (send, connection) = connect(&registry, &authority, 65_535).await;
    let mut given_up = 0;
    while let Ok(mut send) = send.clone().ready().await {
        let upload = request(&registry, "PUT", "/v2/acme/tool/manifests/v1");
        let Ok((answer, mut stream)) = send.send_request(upload, false) else {
            break;
        };
        // Long enough for the registry to begin, and never complete.
        let _ = stream.send_data(Bytes::from_static(b"{"), false);
        tokio::time::sleep(Duration::from_millis(1)).await;
        stream.send_reset(h2::Reason::CANCEL);
        drop(answer);
        given_up += 1;
        assert!(given_up < 10_000, "it goes on for ever");
    }
    let _ = connection.await.unwrap();
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    registry.stop().await;
}

#[tokio::test]
async fn more_requests_than_places_are_all_answered_one_after_the_other() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let registry = Registry::start_with_tls(
        Settings {
            most_connections: 2,
            ..settings(patience())
        },
        &authority,
    )
    .await;
    let content = vec![7; 3 << 20];
    let digest = registry.push_blob("acme/tool", &content).await;
    let path = format!("/v2/acme/tool/blobs/{digest}");
    let (send, _connection) = connect(&registry, &authority, 1 << 20).await;
    let answers: Vec<_> = (0..20)
        .map(|_| {
            let (send, request) = (send.clone(), get(&registry, &path));
            tokio::spawn(async move { ask(&send, request).await })
        })
        .collect();
    for answer in answers {
        let (status, body) = answer.await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert!(body == content, "other bytes");
    }
    registry.stop().await;
}

#[tokio::test]
async fn heads_and_bodies_have_the_limits_of_http_1() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let registry = Registry::start_with_tls(
        Settings {
            pace: Pace {
                window: Duration::from_millis(200),
                least: 10,
            },
            ..settings(patience())
        },
        &authority,
    )
    .await;
    let (send, _connection) = connect(&registry, &authority, 65_535).await;
    let mut large = get(&registry, "/healthz");
    let long = "x".repeat(80_000).parse().unwrap();
    large.headers_mut().insert("x-long", long);
    let status = ask(&send, large).await.0;
    assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    let mut two = get(&registry, "/healthz");
    two.headers_mut()
        .insert(HOST, "other.example".parse().unwrap());
    assert_eq!(ask(&send, two).await.0, StatusCode::BAD_REQUEST);

    let mut ready = send.clone().ready().await.unwrap();
    let upload = request(&registry, "PUT", "/v2/acme/tool/manifests/v1");
    let (answer, mut body) = ready.send_request(upload, false).unwrap();
    body.send_data(Bytes::from_static(b"{"), false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    registry.stop().await;
}

#[tokio::test]
async fn a_watch_is_the_last_request_of_its_connection_and_ends_with_the_registry() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let registry = Registry::start_with_tls(settings(patience()), &authority).await;
    let (send, connection) = connect(&registry, &authority, 65_535).await;
    let mut ready = send.clone().ready().await.unwrap();
    let watch = get(&registry, "/api/v1/watch");
    let (answer, _) = ready.send_request(watch, true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut events = answer.into_body();
    let begun = events.data().await.unwrap().unwrap();
    assert!(begun.starts_with(b":"), "{begun:?}");
    // The client is told to take another connection.
    while send.clone().ready().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    registry.stop().await;
    assert!(events.data().await.is_none_or(|piece| piece.is_ok()));
    let _ = connection.await.unwrap();
}

#[tokio::test]
async fn reqwest_pushes_and_pulls_over_http_2() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let registry = Registry::start_with_tls(Settings::default(), &authority).await;
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = registry.push_blob("acme/tool", &content).await;
    let served = registry.get(&format!("/v2/acme/tool/blobs/{digest}")).await;
    assert_eq!(served.version(), reqwest::Version::HTTP_2);
    let served = served.bytes().await.unwrap();
    assert!(served == content, "other bytes");
    // A large body that is refused does not end the connection.
    let refused = registry.plain(reqwest::Method::PUT, "/nowhere");
    let refused = refused.body(vec![7; 8 << 20]).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    registry.stop().await;
}
