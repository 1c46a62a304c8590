//! The interface over objects in memory, where a test looks into the registry or makes its index
//! again. What can be seen from outside, `tests/suite/over_memory.rs` shows.

use std::path::Path;
use std::sync::Arc;

use bulla_schemas::api::{BlobFrame, BlobFrames};
use bulla_schemas::{Digest, Timestamp, media_type};
use reqwest::header::{CONTENT_TYPE, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Listener, serve};
use crate::access::tokens::Tokens;
use crate::access::{Access, Scope};
use crate::app::App;
use crate::clock::Clock;
use crate::objects::Objects;
use crate::settings::Settings;

const REPOSITORY: &str = "acme/tool";

/// A registry that serves, with a folder for all but its objects.
struct Registry {
    app: Arc<App>,
    url: String,
    token: String,
    data: TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Registry {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::new(|| Timestamp::from_seconds(1_795_000_000).unwrap());
        let tokens = Tokens::open(data.path(), clock.clone()).await.unwrap();
        let access = Access {
            scopes: vec![Scope::Pull, Scope::Push],
            projects: vec!["*".parse().unwrap()],
            host: None,
        };
        let (secret, _) = tokens.create("test", &access, None).await.unwrap();
        tokens.close().await;
        let in_memory = |_| Objects::in_memory();
        let settings = Settings::default();
        let app = App::open_over(in_memory, data.path(), "serve", settings, clock);
        let app = app.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = serve(Listener::plain(listener), Arc::clone(&app), async move {
            let _ = stopped.await;
        });
        Self {
            app,
            url,
            token: secret.expose_secret().to_owned(),
            data,
            stop,
            served: tokio::spawn(served),
        }
    }

    async fn stop(self) -> TempDir {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.data
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        reqwest::Client::new()
            .request(method, url)
            .bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn push_blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let pushed = self.request(Method::POST, &path).body(content.to_vec());
        assert_eq!(pushed.send().await.unwrap().status(), StatusCode::CREATED);
        digest
    }

    /// Sends some bytes as an upload that stays open, and returns its id.
    async fn upload(&self, content: &[u8]) -> String {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let begun = self.request(Method::POST, &path).send().await.unwrap();
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let sent = self
            .request(Method::PATCH, &location)
            .body(content.to_vec());
        assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
        location.rsplit('/').next().unwrap().to_owned()
    }

    /// Asks for a blob to be put together from frames that are there and those of an upload.
    fn assembly(&self, content: &[u8], frames: &BlobFrames, upload: &str) -> RequestBuilder {
        let path = format!(
            "/v2/{REPOSITORY}/_bulla/frames?digest={}&upload={upload}",
            Digest::of(content)
        );
        self.request(Method::PUT, &path).json(frames)
    }

    async fn assert_served(&self, repository: &str, content: &[u8]) {
        let path = format!("/v2/{repository}/blobs/{}", Digest::of(content));
        let served = self.get(&path).await;
        assert_eq!(served.status(), StatusCode::OK);
        assert!(served.bytes().await.unwrap() == content, "other bytes");
        let (first, last) = (content.len() / 3, content.len() * 2 / 3);
        let part = self.request(Method::GET, &path);
        let part = part.header(RANGE, format!("bytes={first}-{last}"));
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert!(
            part.bytes().await.unwrap() == content[first..=last],
            "other bytes"
        );
    }
}

/// A skippable frame (RFC 8878 §3.1.2) of 40,000 bytes with content of its own.
fn frame(name: u8) -> Vec<u8> {
    let mut bytes = 0x184D_2A50_u32.to_le_bytes().to_vec();
    bytes.extend(39_992_u32.to_le_bytes());
    bytes.resize(40_000, name);
    bytes
}

fn content(names: &[u8]) -> Vec<u8> {
    names.iter().flat_map(|name| frame(*name)).collect()
}

fn frames(names: &[u8]) -> BlobFrames {
    let frame = |name: &u8| BlobFrame {
        digest: Digest::of(&frame(*name)),
        size: 40_000,
    };
    BlobFrames {
        frames: names.iter().map(frame).collect(),
    }
}

#[tokio::test]
async fn manifests_and_tags_are_found_also_after_the_index_was_made_again() {
    let registry = Registry::start().await;
    let config = registry.push_blob(REPOSITORY, b"{}").await;
    let layer = content(&[1, 2]);
    let digest = registry.push_blob(REPOSITORY, &layer).await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.example.v1",
        "config": { "mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2 },
        "layers": [{ "mediaType": "text/plain", "digest": digest, "size": layer.len() }],
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let tagged = format!("/v2/{REPOSITORY}/manifests/v1");
    let pushed = registry
        .request(Method::PUT, &tagged)
        .body(manifest.clone());
    let pushed = pushed.header(CONTENT_TYPE, media_type::OCI_MANIFEST);
    assert_eq!(pushed.send().await.unwrap().status(), StatusCode::CREATED);
    for round in 0..2 {
        let by_digest = format!("/v2/{REPOSITORY}/manifests/{}", Digest::of(&manifest));
        for path in [&tagged, &by_digest] {
            let served = registry.get(path).await.bytes().await.unwrap();
            assert!(served == manifest, "{path} in round {round}");
        }
        let tags = registry.get(&format!("/v2/{REPOSITORY}/tags/list")).await;
        let tags: serde_json::Value = tags.json().await.unwrap();
        assert_eq!(tags["tags"], json!(["v1"]));
        registry.assert_served(REPOSITORY, &layer).await;
        let indexed = registry.app.reindex().await.unwrap();
        assert_eq!((indexed.blobs, indexed.manifests, indexed.tags), (2, 1, 1));
    }
    assert_nothing_is_on_the_disk(registry.stop().await.path());
}

#[tokio::test]
async fn no_more_blobs_are_put_together_at_once_than_the_limit_and_the_next_one_waits() {
    let registry = Registry::start().await;
    let (blob, list) = (content(&[1, 2]), frames(&[1, 2]));
    let upload = registry.upload(&blob).await;
    let assembling = Arc::clone(&registry.app.catalog.assembling);
    let mut turns = Vec::new();
    for token in ["one", "one", "one", "two"] {
        turns.push(assembling.take(token).await.unwrap());
    }
    let waiting = tokio::spawn(registry.assembly(&blob, &list, &upload).send());
    while assembling.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // All else goes on meanwhile.
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    let path = format!("/v2/{REPOSITORY}/blobs/{}", Digest::of(&blob));
    assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(!waiting.is_finished());
    turns.pop();
    let made = waiting.await.unwrap().unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    registry.assert_served(REPOSITORY, &blob).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_registry_that_stops_is_alive_and_not_ready() {
    let registry = Registry::start().await;
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    registry.app.stop();
    let ready = registry.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let said = ready.text().await.unwrap();
    assert!(said.contains("the registry is stopping"), "{said}");
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    registry.stop().await;
}

fn assert_nothing_is_on_the_disk(data: &Path) {
    for folder in ["blobs", "recipes", "packs", "repositories"] {
        let entries = std::fs::read_dir(data.join(folder));
        let count = entries.map_or(0, Iterator::count);
        assert_eq!(count, 0, "`{folder}` has files");
    }
}
