//! OCI Distribution, behaviour by behaviour and number by number, against the running program: what
//! its conformance suite checks, what only its text says, and what real clients rely on.
//!
//! | numbers | what | file |
//! |---|---|---|
//! | 1 to 7 | ping, tokens, errors, names | `base` |
//! | 8 to 34 | pushing blobs | `uploads` |
//! | 35 to 43 | mounting and reading blobs | `blobs` |
//! | 44 to 58 | manifests | `manifests` |
//! | 59 to 70 | tags, referrers, deleting | `lists` |

mod base;
mod blobs;
mod lists;
mod manifests;
mod uploads;

use bulla_schemas::{Digest, media_type};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

use crate::program::{Program, run};
use crate::support::header;

/// Where things are pushed to; tags move here, and what is here is deleted.
pub(super) const REPOSITORY: &str = "acme/tool";
/// Another one of those.
pub(super) const OTHER: &str = "acme/other";
pub(super) const MANIFEST: &str = media_type::OCI_MANIFEST;
pub(super) const INDEX: &str = media_type::OCI_INDEX;

/// The program, serving.
pub(super) struct Oci {
    program: Program,
    data: TempDir,
    token: String,
    client: Client,
}

impl Oci {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let token = token(&data, &["--scope", "pull,push", "--init"]);
        let arguments = [&["--mutable", "acme/*"][..], arguments].concat();
        Self {
            program: Program::start(data.path(), &arguments),
            data,
            token,
            client: Client::builder().build().unwrap(),
        }
    }

    /// Makes another token.
    pub(super) fn token(&self, arguments: &[&str]) -> String {
        token(&self.data, arguments)
    }

    pub(super) fn host(&self) -> &str {
        self.program.url.strip_prefix("http://").unwrap()
    }

    /// A request without a token.
    pub(super) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.program.url);
        self.client.request(method, url)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, path).bearer_auth(&self.token)
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(super) async fn head(&self, path: &str) -> Response {
        self.request(Method::HEAD, path).send().await.unwrap()
    }

    pub(super) async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str) -> Response {
        let request = self.request(Method::POST, path).body("");
        request.send().await.unwrap()
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Begins an upload and returns where it goes on.
    pub(super) async fn begin(&self) -> String {
        let begun = self.post(&uploads(REPOSITORY)).await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        header(&begun, "location").to_owned()
    }

    /// Sends a chunk to its place.
    pub(super) async fn patch(&self, location: &str, range: &str, chunk: &[u8]) -> Response {
        let request = self.request(Method::PATCH, location);
        let request = request.header(CONTENT_RANGE, range).body(chunk.to_vec());
        request.send().await.unwrap()
    }

    /// Ends an upload.
    pub(super) async fn finish(&self, location: &str, digest: &str, body: &[u8]) -> Response {
        let location = with_digest(location, digest);
        let request = self.request(Method::PUT, &location).body(body.to_vec());
        request.send().await.unwrap()
    }

    /// Pushes a blob in one request and returns its digest.
    pub(super) async fn push_blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = Digest::of(content).to_string();
        let path = format!("{}?digest={digest}", uploads(repository));
        let request = self.request(Method::POST, &path).body(content.to_vec());
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
        digest
    }

    /// Makes an image whose blobs are pushed; `extra` is merged in.
    pub(super) async fn image(&self, layer: &str, extra: Value) -> Value {
        let config = self.push_blob(REPOSITORY, b"{}").await;
        let digest = self.push_blob(REPOSITORY, layer.as_bytes()).await;
        let mut image = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config,
                "size": 2,
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": digest,
                "size": layer.len(),
            }],
        });
        for (key, value) in extra.as_object().unwrap() {
            image[key] = value.clone();
        }
        image
    }

    /// Pushes a manifest or an index under a reference.
    pub(super) async fn put(&self, reference: &str, manifest: &Value) -> Response {
        self.put_bytes(
            reference,
            manifest["mediaType"].as_str().unwrap(),
            manifest.to_string(),
        )
        .await
    }

    pub(super) async fn put_bytes(
        &self,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Response {
        let request = self.request(Method::PUT, &manifest(reference));
        let request = request.header(CONTENT_TYPE, media_type);
        request.body(bytes.into()).send().await.unwrap()
    }

    /// Pushes an image under a tag and returns its digest.
    pub(super) async fn push(&self, tag: &str, layer: &str, extra: Value) -> String {
        let image = self.image(layer, extra).await;
        assert_created(&self.put(tag, &image).await);
        digest_of(&image)
    }

    /// Asserts that the answer to a push leads to exactly these bytes.
    pub(super) async fn assert_stored(&self, response: Response, content: &[u8]) {
        assert_created(&response);
        let stored = self.get(header(&response, "location")).await;
        assert_eq!(stored.status(), StatusCode::OK);
        assert_eq!(stored.bytes().await.unwrap(), content);
    }

    /// Stops the program, rebuilds its index, and starts it again.
    pub(super) fn reindexed(mut self) -> Self {
        self.program.signal("TERM");
        assert!(self.program.child.wait().unwrap().success());
        assert!(run(&["reindex"], self.data.path()).status.success());
        self.program = Program::start(self.data.path(), &["--mutable", "acme/*"]);
        self
    }
}

fn token(data: &TempDir, arguments: &[&str]) -> String {
    let output = run(&[&["token", "create"][..], arguments].concat(), data.path());
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().last().unwrap().to_owned()
}

pub(super) fn uploads(repository: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/")
}

pub(super) fn blob(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

pub(super) fn manifest(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

/// As clients do it: whatever query there is stays.
fn with_digest(location: &str, digest: &str) -> String {
    let mark = if location.contains('?') { '&' } else { '?' };
    format!("{location}{mark}digest={digest}")
}

pub(super) fn digest_of(manifest: &Value) -> String {
    Digest::of(manifest.to_string().as_bytes()).to_string()
}

pub(super) fn sha512(content: &[u8]) -> String {
    format!("sha512:{}", const_hex::encode(Sha512::digest(content)))
}

#[track_caller]
pub(super) fn assert_created(response: &Response) {
    assert_eq!(response.status(), StatusCode::CREATED);
}

/// An index of manifests that are pushed.
pub(super) fn index_of(manifests: &[&Value], extra: Value) -> Value {
    let listed: Vec<_> = manifests
        .iter()
        .map(|manifest| {
            let media_type = &manifest["mediaType"];
            json!({
                "mediaType": media_type,
                "digest": digest_of(manifest),
                "size": manifest.to_string().len(),
            })
        })
        .collect();
    let mut index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": listed });
    if let Value::Object(extra) = extra {
        for (key, value) in extra {
            index[key] = value;
        }
    }
    index
}

/// The next page, as a `Link` names it.
pub(super) fn next(response: &Response) -> Option<String> {
    let link = header(response, "link");
    let (path, rest) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(path.to_owned())
}
