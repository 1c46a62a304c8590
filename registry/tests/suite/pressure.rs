//! Many uploads, slow uploads, and a disk that is full.

use std::path::Path;
use std::time::Duration;

use bulla_registry::{Pace, Scope, Settings, UploadLimits};
use bulla_schemas::Digest;
use bulla_trust::testing::{Organisation, log_key};
use reqwest::{Method, Response, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::disk::SmallDisk;
use crate::support::{BILLING, Data, Registry, assert_oci_error, bundle, header, release_entry};

const UPLOADS: &str = "/v2/acme/tool/blobs/uploads/";

fn limited(uploads: UploadLimits) -> Settings {
    Settings {
        uploads,
        ..Settings::default()
    }
}

async fn begin_as(registry: &Registry, token: &str) -> Response {
    let request = registry.plain(Method::POST, UPLOADS).bearer_auth(token);
    request.send().await.unwrap()
}

async fn begin(registry: &Registry) -> String {
    let response = begin_as(registry, &registry.token).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    header(&response, "location").to_owned()
}

async fn patch(registry: &Registry, location: &str, bytes: Vec<u8>) -> StatusCode {
    let request = registry.request(Method::PATCH, location).body(bytes);
    request.send().await.unwrap().status()
}

async fn post_blob(registry: &Registry, content: Vec<u8>) -> StatusCode {
    let path = format!("{UPLOADS}?digest={}", Digest::of(&content));
    let request = registry.request(Method::POST, &path).body(content);
    request.send().await.unwrap().status()
}

fn files_in(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[tokio::test]
async fn empty_uploads_make_room_for_new_ones() {
    let registry = Registry::start_with(limited(UploadLimits {
        most: 8,
        most_of_token: 4,
        most_of_project: 6,
        ..UploadLimits::default()
    }))
    .await;
    let first = begin(&registry).await;
    for _ in 0..20 {
        begin(&registry).await;
    }
    let last = begin(&registry).await;
    assert_eq!(files_in(&registry.data.path().join("uploads")), 4);
    let gone = registry.get(&first).await;
    assert_oci_error(gone, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;
    assert_eq!(
        patch(&registry, &last, vec![7; 10]).await,
        StatusCode::ACCEPTED
    );
    registry.stop().await;
}

#[tokio::test]
async fn uploads_under_way_count_against_their_token_only() {
    let registry = Registry::start_with(limited(UploadLimits {
        most_of_token: 3,
        ..UploadLimits::default()
    }))
    .await;
    let mut locations = Vec::new();
    for _ in 0..3 {
        let location = begin(&registry).await;
        assert_eq!(
            patch(&registry, &location, vec![7; 10]).await,
            StatusCode::ACCEPTED
        );
        locations.push(location);
    }
    let refused = begin_as(&registry, &registry.token).await;
    assert_eq!(header(&refused, "retry-after"), "2");
    assert_oci_error(refused, StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS").await;
    let other = registry.token(&[Scope::Push], &["acme/*"]).await;
    let taken = begin_as(&registry, &other).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    for location in &locations {
        assert_eq!(header(&registry.get(location).await, "range"), "0-9");
    }
    registry.stop().await;
}

#[tokio::test]
async fn projects_have_a_limit_of_their_own() {
    let registry = Registry::start_with(limited(UploadLimits {
        most_of_project: 1,
        ..UploadLimits::default()
    }))
    .await;
    let location = begin(&registry).await;
    assert_eq!(
        patch(&registry, &location, vec![7; 10]).await,
        StatusCode::ACCEPTED
    );
    let refused = begin_as(&registry, &registry.token).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let elsewhere = registry.post("/v2/acme/other/blobs/uploads/").await;
    assert_eq!(elsewhere.status(), StatusCode::ACCEPTED);
    registry.stop().await;
}

#[tokio::test]
async fn an_upload_that_has_rested_long_makes_room() {
    let registry = Registry::start_with(limited(UploadLimits {
        most_of_token: 2,
        least_rest: Duration::ZERO,
        ..UploadLimits::default()
    }))
    .await;
    let (oldest, newer) = (begin(&registry).await, begin(&registry).await);
    for location in [&oldest, &newer] {
        assert_eq!(
            patch(&registry, location, vec![7; 10]).await,
            StatusCode::ACCEPTED
        );
    }
    begin(&registry).await;
    assert_eq!(
        registry.get(&oldest).await.status(),
        StatusCode::NOT_FOUND,
        "the one that was not used for longest"
    );
    assert_eq!(header(&registry.get(&newer).await, "range"), "0-9");
    registry.stop().await;
}

#[tokio::test]
async fn abandoned_uploads_are_swept_without_a_request() {
    let registry = Registry::start_with(limited(UploadLimits {
        patience: Duration::from_millis(50),
        patience_empty: Duration::from_millis(50),
        sweep: Duration::from_millis(20),
        ..UploadLimits::default()
    }))
    .await;
    let location = begin(&registry).await;
    patch(&registry, &location, vec![7; 10]).await;
    begin(&registry).await;
    let uploads = registry.data.path().join("uploads");
    while files_in(&uploads) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_refused_and_what_came_is_kept() {
    let registry = Registry::start_with(Settings {
        pace: Pace {
            window: Duration::from_millis(300),
            least: 1000,
        },
        ..Settings::default()
    })
    .await;
    let location = begin(&registry).await;
    let host = registry.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 100000\r\n\r\n",
        registry.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let (mut read, mut write) = connection.into_split();
    let trickle = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = vec![0; 12];
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    trickle.abort();
    let range = header(&registry.get(&location).await, "range").to_owned();
    assert_ne!(range, "0-0", "what came is kept");
    registry.stop().await;
}

#[tokio::test]
async fn large_bodies_of_one_token_leave_memory_for_the_others() {
    let registry = Registry::start().await;
    let host = registry.url.strip_prefix("http://").unwrap();
    let other = registry.token(&[Scope::Push], &["acme/*"]).await;
    let mut holding = Vec::new();
    for _ in 0..8 {
        let mut connection = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "PUT /v2/acme/tool/manifests/v1 HTTP/1.1\r\nHost: {host}\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{{",
            registry.token,
            4 << 20
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        holding.push(connection);
    }
    let put = |token: &str| {
        let request = registry.plain(Method::PUT, "/v2/acme/tool/manifests/v1");
        request.bearer_auth(token).body("{}").send()
    };
    // Until the registry has seen the eight others.
    let refused = loop {
        let answer = put(&registry.token).await.unwrap();
        if answer.status() != StatusCode::BAD_REQUEST {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(header(&refused, "retry-after"), "2");
    assert_oci_error(refused, StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS").await;
    let taken = put(&other).await.unwrap();
    assert_oci_error(taken, StatusCode::BAD_REQUEST, "MANIFEST_INVALID").await;
    drop(holding);
    while put(&registry.token).await.unwrap().status() != StatusCode::BAD_REQUEST {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    registry.stop().await;
}

/// Begins to push a blob, until the registry asks for its bytes, and goes away.
async fn announce(registry: &Registry, bytes: usize) {
    let host = registry.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST {UPLOADS}?digest={} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Expect: 100-continue\r\nContent-Length: {bytes}\r\n\r\n",
        Digest::of(b"x"),
        registry.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 100");
}

#[tokio::test]
async fn a_full_disk_still_takes_tags_and_statements_and_says_that_it_is_full() {
    const MIB: usize = 1 << 20;
    let data = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(data.path(), 64 << 20) else {
        return;
    };
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let registry = Registry::start_in(Data::of_files(data), Settings::default()).await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let released = bundle("one");
    assert_eq!(
        registry.push_bundle(BILLING, &released).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);

    // An upload that rests makes room for one that does not.
    let resting = begin(&registry).await;
    assert_eq!(
        patch(&registry, &resting, vec![1; 40 * MIB]).await,
        StatusCode::ACCEPTED
    );
    announce(&registry, 50 * MIB).await;
    assert_eq!(
        registry.get(&resting).await.status(),
        StatusCode::NO_CONTENT,
        "to announce much is not enough"
    );
    assert_eq!(
        post_blob(&registry, vec![2; 30 * MIB]).await,
        StatusCode::CREATED
    );
    assert_eq!(registry.get(&resting).await.status(), StatusCode::NOT_FOUND);

    // Nothing can make room now.
    assert_eq!(
        post_blob(&registry, vec![3; 40 * MIB]).await,
        StatusCode::INSUFFICIENT_STORAGE
    );
    let partial = begin(&registry).await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![4; MIB]));
    let request = registry
        .request(Method::PATCH, &partial)
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
            chunks,
        )));
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::INSUFFICIENT_STORAGE
    );
    assert_eq!(
        files_in(&registry.data.path().join("uploads")),
        0,
        "what could not be finished takes no space"
    );
    let mut filler = 5;
    while post_blob(&registry, vec![filler; MIB]).await == StatusCode::CREATED {
        filler += 1;
    }
    let ready = registry.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().await.unwrap().contains("space"));

    // What is small and matters is still taken.
    let tagged = registry
        .push_manifest(
            BILLING,
            "v1",
            bulla_schemas::media_type::OCI_MANIFEST,
            released.manifest_bytes(),
        )
        .await;
    assert_eq!(tagged.status(), StatusCode::CREATED);
    let entry = release_entry(&released);
    assert!(organisation.append(entry.clone()).is_effective());
    registry.append_all(&[entry]).await;
    let manifest = registry.get(&format!("/v2/{BILLING}/manifests/v1")).await;
    assert_eq!(
        manifest.bytes().await.unwrap(),
        released.manifest_bytes(),
        "reading goes on"
    );

    // With space again, so does everything else.
    for entry in std::fs::read_dir(registry.data.path().join("blobs/sha256")).unwrap() {
        for blob in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let blob = blob.unwrap();
            if blob.metadata().unwrap().len() == 30 << 20 {
                std::fs::remove_file(blob.path()).unwrap();
            }
        }
    }
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    assert_eq!(
        post_blob(&registry, vec![0; MIB]).await,
        StatusCode::CREATED
    );
    let data = registry.stop().await;
    drop(disk);
    drop(data);
}
