//! A registry that runs in the test's process, and what to put into it.

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bulla_bundle::{Bundle, Limits, MemoryTree, NoProgress, ReleaseSeed, WriteOptions};
use bulla_registry::testing::MemoryObjects;
use bulla_registry::{Access, App, Certificate, Clock, Listener, Scope, Settings, Tokens, serve};
use bulla_schemas::api::{Appended, ErrorBody};
use bulla_schemas::install::Install;
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest, Timestamp};
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{self, Organisation, log_key, project, sign_as_builder};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::frames::noise;
use crate::tls::authority::Authority;

pub(crate) const BILLING: &str = testing::PROJECT;

/// A clock that stands until a test moves it.
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn move_by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn clock() -> (Clock, Hands) {
    let seconds = Arc::new(AtomicI64::new(1_795_000_000));
    let hands = Hands(Arc::clone(&seconds));
    let clock =
        Clock::new(move || Timestamp::from_seconds(seconds.load(Ordering::Relaxed)).unwrap());
    (clock, hands)
}

/// What a registry leaves behind: its data directory, and the objects beside it where they are not
/// files in there.
pub(crate) struct Data {
    folder: TempDir,
    objects: Option<MemoryObjects>,
}

impl From<TempDir> for Data {
    fn from(folder: TempDir) -> Self {
        let objects = crate::OBJECTS();
        Self { folder, objects }
    }
}

impl Data {
    /// Objects are files here: the test looks for them, or fills their disk.
    pub(crate) fn of_files(folder: TempDir) -> Self {
        let objects = None;
        Self { folder, objects }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn open(&self, command: &str, settings: Settings, clock: Clock) -> Arc<App> {
        let root = self.path();
        let app = match &self.objects {
            None => App::open(root, command, settings, clock).await,
            Some(objects) => objects.open(root, command, settings, clock).await,
        };
        app.unwrap()
    }

    /// Makes the index again, as `bulla-registry reindex` does.
    pub(crate) async fn reindex(&self) {
        let app = self.open("reindex", Settings::default(), clock().0).await;
        app.reindex().await.unwrap();
        app.close().await;
    }

    /// Returns how many bytes the objects have whose keys begin like this.
    pub(crate) fn stored_bytes(&self, folder: &str) -> usize {
        match &self.objects {
            None => bytes_in(&self.path().join(folder)),
            Some(objects) => objects.bytes_in(folder),
        }
    }

    /// What stands on objects has no files of its own.
    fn assert_objects_are_no_files(&self) {
        if self.objects.is_some() {
            for folder in ["blobs", "recipes", "packs", "repositories", "damaged"] {
                assert_eq!(bytes_in(&self.path().join(folder)), 0, "`{folder}`");
            }
        }
    }
}

/// How many bytes the files below a folder have; none where there is no folder.
pub(crate) fn bytes_in(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return bytes_in(&path);
        }
        usize::try_from(path.metadata().unwrap().len()).unwrap()
    };
    entries.map(size).sum()
}

/// A running registry.
pub(crate) struct Registry {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) data: Data,
    pub(crate) hands: Hands,
    clock: Clock,
    client: reqwest::Client,
    pub(crate) certificate: Option<Arc<Certificate>>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self::start_in(folder(), settings).await
    }

    pub(crate) async fn start_in(data: impl Into<Data>, settings: Settings) -> Self {
        Self::start_over(data.into(), settings, None).await
    }

    /// Starts a registry whose objects are files whatever those of the other tests are.
    pub(crate) async fn start_over_files(settings: Settings) -> Self {
        Self::start_over(Data::of_files(folder()), settings, None).await
    }

    /// Starts a registry with TLS, whose certificate its client trusts.
    pub(crate) async fn start_with_tls(settings: Settings, authority: &Authority) -> Self {
        Self::start_over(folder().into(), settings, Some(authority)).await
    }

    async fn start_over(data: Data, settings: Settings, authority: Option<&Authority>) -> Self {
        let (clock, hands) = clock();
        let access = access(&[Scope::Pull, Scope::Push], &["*"]);
        let token = create_token(data.path(), &clock, &access).await;
        let app = data.open("serve", settings, clock.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = reqwest::Client::builder();
        let certificate = authority.map(|authority| Certificate::open(authority.files()).unwrap());
        let (url, listener) = match &certificate {
            None => (format!("http://{address}"), Listener::plain(listener)),
            Some(certificate) => {
                let certificate = Arc::clone(certificate);
                let listener = Listener::with_tls(listener, certificate).unwrap();
                client = client.tls_certs_only([authority.unwrap().root_for_reqwest()]);
                (format!("https://{address}"), listener)
            }
        };
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, app, async move {
            let _ = stopped.await;
        }));
        Self {
            url,
            token,
            data,
            hands,
            clock,
            client: client.build().unwrap(),
            certificate,
            stop,
            served,
        }
    }

    /// Stops the registry and returns what it leaves behind.
    pub(crate) async fn stop(self) -> Data {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.data.assert_objects_are_no_files();
        self.data
    }

    pub(crate) async fn token(&self, scopes: &[Scope], projects: &[&str]) -> String {
        create_token(self.data.path(), &self.clock, &access(scopes, projects)).await
    }

    /// A token for the reports of a host about projects.
    pub(crate) async fn host_token(&self, host: &str, projects: &[&str]) -> String {
        let access = Access {
            host: Some(host.parse().unwrap()),
            ..access(&[Scope::Report], projects)
        };
        create_token(self.data.path(), &self.clock, &access).await
    }

    pub(crate) async fn tokens(&self) -> Tokens {
        Tokens::open(self.data.path(), self.clock.clone())
            .await
            .unwrap()
    }

    /// A request without a token.
    pub(crate) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        };
        self.client.request(method, url)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn head(&self, path: &str) -> Response {
        self.request(Method::HEAD, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) -> Response {
        self.request(Method::POST, path).send().await.unwrap()
    }

    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) async fn push_blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let response = self.request(Method::POST, &path).body(content.to_vec());
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        digest
    }

    pub(crate) async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: impl Into<Vec<u8>>,
    ) -> Response {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = self.request(Method::PUT, &path);
        let request = request.header(CONTENT_TYPE, media_type);
        request.body(manifest.into()).send().await.unwrap()
    }

    /// Pushes the blobs of a bundle, then its manifest.
    pub(crate) async fn push_bundle(&self, repository: &str, bundle: &Bundle) -> Response {
        for position in 0..4 {
            self.push_blob(repository, &blob(bundle, position)).await;
        }
        self.push_manifest(
            repository,
            &bundle.hash().to_string(),
            bulla_schemas::media_type::OCI_MANIFEST,
            bundle.manifest_bytes(),
        )
        .await
    }

    pub(crate) async fn append(&self, entry: &[u8]) -> Response {
        let request = self.request(Method::POST, "/log/entries");
        request.body(entry.to_vec()).send().await.unwrap()
    }

    pub(crate) async fn append_all(&self, entries: &[Vec<u8>]) -> Appended {
        let mut last = None;
        for entry in entries {
            let response = self.append(entry).await;
            let status = response.status();
            let text = response.text().await.unwrap();
            assert_eq!(status, StatusCode::CREATED, "{text}");
            last = serde_json::from_str(&text).ok();
        }
        last.unwrap()
    }

    /// Publishes a bundle: its parts, then a release statement, in the organisation's log too.
    pub(crate) async fn publish(&self, organisation: &mut Organisation, bundle: &Bundle) {
        let response = self.push_bundle(BILLING, bundle).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let entry = release_entry(bundle);
        assert!(organisation.append(entry.clone()).is_effective());
        self.append_all(&[entry]).await;
    }
}

/// A data directory with the key that the policy of the test organisation names.
fn folder() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    data
}

fn access(scopes: &[Scope], projects: &[&str]) -> Access {
    Access {
        scopes: scopes.to_vec(),
        projects: projects.iter().map(|p| p.parse().unwrap()).collect(),
        host: None,
    }
}

async fn create_token(data: &Path, clock: &Clock, access: &Access) -> String {
    let tokens = Tokens::open(data, clock.clone()).await.unwrap();
    let (secret, _) = tokens.create("test", access, None).await.unwrap();
    tokens.close().await;
    secret.expose_secret().to_owned()
}

/// The bundle of a small tree with one file that says `content`.
pub(crate) fn bundle(content: &str) -> Bundle {
    bundle_of(BILLING, content)
}

pub(crate) fn bundle_of(project: &str, content: &str) -> Bundle {
    let tree = MemoryTree::default()
        .file("README", "always the same")
        .unwrap()
        .executable("bin/app", content)
        .unwrap();
    write(project, &tree)
}

/// The bundle of a tree of 6 MB that cannot be compressed and one file that says `content`.
pub(crate) fn bundle_of_noise(project: &str, content: &str) -> Bundle {
    let mut tree = MemoryTree::default();
    for number in 0..24 {
        let path = format!("assets/{number}");
        tree = tree.file(&path, noise(number, 256 * 1024)).unwrap();
    }
    write(project, &tree.file("bin/app", content).unwrap())
}

pub(crate) fn write(project: &str, tree: &MemoryTree) -> Bundle {
    write_at(7, project, tree)
}

/// Writes a bundle at a level of compression.
pub(crate) fn write_at(level: i64, project: &str, tree: &MemoryTree) -> Bundle {
    let seed = ReleaseSeed {
        project: project.parse().unwrap(),
        source: Source::Git {
            revision: "7fd1".repeat(10),
            tree: "a1b2".repeat(10),
            committed: "2026-11-22T22:40:00Z".parse().unwrap(),
        },
        recipe: Digest::of(b"recipe"),
        codec: Codec::current(level).unwrap(),
        install: Install::default(),
        platforms: Vec::new(),
    };
    let options = WriteOptions {
        threads: NonZeroUsize::MIN,
        spool: std::env::temp_dir(),
        limits: Limits::default(),
    };
    bulla_bundle::write(tree, seed, &options, &NoProgress).unwrap()
}

pub(crate) fn blob(bundle: &Bundle, position: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let blob = &bundle.blobs()[position];
    blob.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Where content lies in a data directory: whole in `blobs`, as a recipe in `recipes`.
pub(crate) fn stored(data: &Path, folder: &str, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    data.join(folder).join("sha256").join(&hex[..2]).join(hex)
}

/// The release statement about a bundle, signed by the builder of the test organisation.
pub(crate) fn release_entry(bundle: &Bundle) -> Vec<u8> {
    let mut statement = testing::release(&project(), bundle.hash());
    statement.subject[0].annotations.size = bundle.total_size();
    sign_as_builder("ci", &to_payload(&statement))
}

/// Asserts that an answer below `/v2/` is an error of OCI's form with this status and code.
pub(crate) async fn assert_oci_error(response: Response, status: StatusCode, code: &str) {
    assert_eq!(response.status(), status);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], code, "{body}");
    assert!(!body["errors"][0]["message"].as_str().unwrap().is_empty());
}

pub(crate) async fn error(response: Response) -> ErrorBody {
    response.json().await.unwrap()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}
