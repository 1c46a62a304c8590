//! Many clients that ask for as much as there is, and that read little or nothing of it.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_schemas::{Digest, media_type};
use bulla_trust::testing::{Organisation, log_key};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::json;

use crate::program::{Program, run};
use crate::support::{BILLING, blob, bundle, release_entry};

/// Most memory that the registry may ever hold in this test. What its clients ask for at once is
/// several times as much.
const MOST_MEMORY: u64 = 256 << 20;
const ATTACKERS: usize = 64;
const LAZY: usize = 32;
/// Manifests about the same subject, each with so many bytes of annotations.
const REFERRERS: usize = 16;
const ANNOTATIONS: usize = 4_000_000;

/// The real program, someone with a token, and everybody else.
struct World {
    program: Program,
    token: String,
    client: Client,
}

impl World {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.program.url);
        self.client.request(method, url).bearer_auth(&self.token)
    }

    async fn created(&self, request: RequestBuilder) {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{text}");
    }

    async fn push_blob(&self, content: Vec<u8>) {
        let digest = Digest::of(&content);
        let path = format!("/v2/{BILLING}/blobs/uploads/?digest={digest}");
        let request = self.request(Method::POST, &path).body(content);
        self.created(request).await;
    }

    async fn push_manifest(&self, manifest: Vec<u8>) {
        let path = format!("/v2/{BILLING}/manifests/{}", Digest::of(&manifest));
        let request = self.request(Method::PUT, &path).body(manifest);
        let request = request.header("content-type", media_type::OCI_MANIFEST);
        self.created(request).await;
    }

    async fn append(&self, entry: Vec<u8>) {
        let request = self.request(Method::POST, "/log/entries").body(entry);
        self.created(request).await;
    }

    fn highest_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.program.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.parse::<u64>().unwrap() * 1024
    }
}

/// Pushes what makes lists of referrers as long as they can be, and returns the path of the list.
async fn make_long_referrers(world: &World) -> String {
    let empty = b"{}".to_vec();
    let config = json!({
        "mediaType": media_type::OCI_EMPTY, "digest": Digest::of(&empty), "size": 2,
    });
    world.push_blob(empty).await;
    let subject = Digest::of(b"signed by everybody");
    for number in 0..REFERRERS {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": config,
            "layers": [config],
            "subject": { "mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 1 },
            "annotations": { "n": number.to_string(), "long": "y".repeat(ANNOTATIONS) },
        });
        world.push_manifest(manifest.to_string().into_bytes()).await;
    }
    format!("/v2/{BILLING}/referrers/{subject}")
}

#[tokio::test]
async fn long_lists_for_many_clients_keep_nobody_from_the_log() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let create = run(&["token", "create", "--scope", "pull,push"], data.path());
    let token = String::from_utf8(create.stdout).unwrap();
    let world = World {
        token: token.lines().last().unwrap().to_owned(),
        program: Program::start(data.path(), &["--anonymous-read"]),
        client: Client::new(),
    };
    let organisation = Organisation::new();
    for entry in &organisation.entries {
        world.append(entry.clone()).await;
    }
    let path = make_long_referrers(&world).await;

    let host = world.program.url.strip_prefix("http://").unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let lazy: Vec<_> = (0..LAZY)
        .map(|_| {
            let mut connection = TcpStream::connect(host).unwrap();
            connection.write_all(request.as_bytes()).unwrap();
            connection
        })
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|_| {
            let url = format!("{}{path}", world.program.url);
            let (client, is_over) = (Client::new(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut answers = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = client.get(&url).send().await.unwrap();
                    let is_refused = answer.status() == StatusCode::SERVICE_UNAVAILABLE;
                    assert!(is_refused || answer.status() == StatusCode::OK);
                    assert_eq!(answer.headers().contains_key("retry-after"), is_refused);
                    answer.bytes().await.unwrap();
                    answers += 1;
                }
                answers
            })
        })
        .collect();

    for number in 0..4 {
        let ready = world.request(Method::GET, "/readyz").send().await.unwrap();
        assert_eq!(ready.status(), StatusCode::OK);
        let bundle = bundle(&format!("release {number}"));
        for position in 0..4 {
            world.push_blob(blob(&bundle, position)).await;
        }
        world.push_manifest(bundle.manifest_bytes().to_vec()).await;
        world.append(release_entry(&bundle)).await;
        // Who has a token is not kept out of lists either.
        let own = format!("/v2/{BILLING}/referrers/{}", bundle.hash());
        let own = world.request(Method::GET, &own).send().await.unwrap();
        assert_eq!(own.status(), StatusCode::OK);
        let list = world.request(Method::GET, "/api/v1/projects/acme%2Fbilling/releases");
        assert_eq!(list.send().await.unwrap().status(), StatusCode::OK);
    }
    is_over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        assert!(attacker.await.unwrap() > 0);
    }
    drop(lazy);
    let highest = world.highest_memory();
    assert!(highest < MOST_MEMORY, "{} MiB", highest >> 20);
}
