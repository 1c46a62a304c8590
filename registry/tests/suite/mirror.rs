//! `bulla-registry mirror`: the real program follows a registry, and serves without it.

mod evil;
mod full;
mod kept;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bulla_bundle::Bundle;
use bulla_registry::Scope;
use bulla_schemas::report::MirrorReport;
use bulla_schemas::{Digest, media_type};
use bulla_trust::testing::Organisation;
use reqwest::{Method, Response, StatusCode};
use tempfile::TempDir;

use crate::program::{Program, program, run};
use crate::support::{
    BILLING, Registry, assert_oci_error, blob, bundle_of, bundle_of_noise, error,
};

const TOOL: &str = "acme/tool";

/// A mirror's command, with the token of the origin.
fn command(url: &str, token: &str, data: &Path, more: &[&str]) -> Command {
    let mut mirror = program(&["mirror", url], data);
    mirror.args(more).env("BULLA_TOKEN", token);
    mirror
}

/// Runs it once, while the test's own registry goes on.
async fn once(url: &str, token: &str, data: &Path, more: &[&str]) -> Output {
    let more = [&["--once", "--json"][..], more].concat();
    let mut command = command(url, token, data, &more);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    run.await.unwrap()
}

/// Takes over what a registry has.
async fn take(origin: &Registry, data: &Path, more: &[&str]) -> MirrorReport {
    let output = once(&origin.url, &origin.token, data, more).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output, status: i32, sentence: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(sentence), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

fn assert_clean(data: &Path) {
    let looked = run(&["fsck"], data);
    let said = String::from_utf8_lossy(&looked.stderr);
    let table = String::from_utf8_lossy(&looked.stdout);
    assert_eq!(looked.status.code(), Some(0), "{said}{table}");
}

/// A running mirror that anybody may read.
fn start(url: &str, token: &str, data: &Path, more: &[&str]) -> Program {
    let more = [&["--listen", "127.0.0.1:0", "--anonymous-read"][..], more].concat();
    let mut command = command(url, token, data, &more);
    command.stderr(Stdio::null());
    Program::start_command(command)
}

async fn get(program: &Program, path: &str) -> Response {
    reqwest::get(format!("{}{path}", program.url))
        .await
        .unwrap()
}

/// Waits until the mirror's log has grown to this size.
async fn wait_for(program: &Program, size: usize) {
    loop {
        let path = format!("/api/v1/watch?size={}&wait=50", size - 1);
        let answered = get(program, &path).await;
        if answered.status() == StatusCode::OK {
            return;
        }
    }
}

/// A registry with two releases, of which one is promoted, another project, a tag and an image.
async fn origin() -> (Registry, Organisation, [Digest; 2]) {
    let (registry, mut organisation) = (Registry::start().await, Organisation::new());
    registry.append_all(&organisation.entries).await;
    let bundles = ["one", "two"].map(|content| bundle_of_noise(BILLING, content));
    for bundle in &bundles {
        registry.publish(&mut organisation, bundle).await;
    }
    let hashes = bundles.each_ref().map(Bundle::hash);
    promote(&registry, &mut organisation, hashes[0]).await;
    let pushed = registry.push_bundle(TOOL, &bundle_of(TOOL, "tool")).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let manifest = bundles[1].manifest_bytes().to_vec();
    let tagged = registry.push_manifest(BILLING, "v2", media_type::OCI_MANIFEST, manifest);
    assert_eq!(tagged.await.status(), StatusCode::CREATED);
    push_image(&registry, "images/web", "latest", b"layer").await;
    (registry, organisation, hashes)
}

async fn promote(registry: &Registry, organisation: &mut Organisation, hash: Digest) {
    let before = organisation.entries.len();
    organisation.promote("staging", hash, &["alice"]);
    registry.append_all(&organisation.entries[before..]).await;
}

/// Pushes an index of one image, as other tools do.
async fn push_image(registry: &Registry, repository: &str, tag: &str, layer: &[u8]) -> Digest {
    let digests = [b"{}".as_slice(), layer];
    for content in digests {
        registry.push_blob(repository, content).await;
    }
    let [config, layer] = digests.map(|content| (Digest::of(content), content.len()));
    let manifest = |subject: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/octet-stream","digest":"{}","size":{}}}]{subject}}}"#,
            media_type::OCI_MANIFEST,
            config.0,
            config.1,
            layer.0,
            layer.1
        )
    };
    let image = manifest("");
    let digest = Digest::of(image.as_bytes());
    let described = format!(
        r#"{{"mediaType":"{}","digest":"{digest}","size":{}}}"#,
        media_type::OCI_MANIFEST,
        image.len()
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{described}]}}"#,
        media_type::OCI_INDEX
    );
    for (reference, kind, text) in [
        (digest.to_string(), media_type::OCI_MANIFEST, image.clone()),
        (tag.to_owned(), media_type::OCI_INDEX, index.clone()),
    ] {
        let pushed = registry.push_manifest(repository, &reference, kind, text);
        assert_eq!(pushed.await.status(), StatusCode::CREATED);
    }
    Digest::of(index.as_bytes())
}

#[tokio::test]
async fn a_mirror_has_everything_and_serves_it_when_the_origin_is_gone() {
    let (origin, organisation, hashes) = origin().await;
    let admin = origin.token(&[Scope::Admin], &["*"]).await;
    let data = tempfile::tempdir().unwrap();
    let anchor = organisation.anchor().to_string();
    let output = once(&origin.url, &admin, data.path(), &["--anchor", &anchor]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: MirrorReport = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.missing, []);
    assert_eq!(report.entries, organisation.entries.len() as u64);
    assert_clean(data.path());

    // Nothing comes twice.
    let again = take(&origin, data.path(), &[]).await;
    assert_eq!(
        (again.new_entries, again.manifests, again.received),
        (0, 0, 0)
    );

    let payload = Digest::of(&blob(&bundle_of_noise(BILLING, "one"), 1));
    let paths = [
        "/log/checkpoint".to_owned(),
        format!("/log/tile/entries/000.p/{}", organisation.entries.len()),
        format!("/log/tile/0/000.p/{}", organisation.entries.len()),
        format!("/v2/{BILLING}/blobs/{payload}"),
        format!("/v2/{BILLING}/manifests/v2"),
        format!("/v2/{BILLING}/manifests/staging"),
        format!("/v2/{BILLING}/referrers/{}", hashes[0]),
        format!("/v2/{BILLING}/tags/list"),
        "/v2/images/web/manifests/latest".to_owned(),
        format!("/v2/images/web/blobs/{}", Digest::of(b"layer")),
        format!("/dl/{BILLING}/{}.tar.zst", hashes[0].hex()),
        format!("/api/v1/projects/{}/history", BILLING.replace('/', "%2F")),
    ];
    let mut expected = Vec::new();
    for path in &paths {
        let response = origin.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        expected.push(response.bytes().await.unwrap());
    }
    let (url, token) = (origin.url.clone(), origin.token.clone());
    origin.stop().await;
    let mirror = start(&url, &token, data.path(), &[]);
    for (path, expected) in paths.iter().zip(expected) {
        let response = get(&mirror, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.bytes().await.unwrap(), expected, "{path}");
    }
    let said: serde_json::Value = get(&mirror, "/api/v1/log").await.json().await.unwrap();
    assert_eq!(said["mirrorOf"], format!("{url}/"));
    // A mirror of a mirror.
    let second = tempfile::tempdir().unwrap();
    let output = once(&mirror.url, "", second.path(), &["--anchor", &anchor]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_clean(second.path());
    let checkpoint = |data: &Path| fs::read(data.join("log/checkpoint")).unwrap();
    assert_eq!(checkpoint(second.path()), checkpoint(data.path()));
}

#[tokio::test]
async fn only_new_frames_come_and_a_running_mirror_follows() {
    let (origin, mut organisation, _) = origin().await;
    let data = tempfile::tempdir().unwrap();
    let first = take(&origin, data.path(), &["--trust-first-use"]).await;
    // Two releases whose frames are nearly the same.
    assert!(first.received < 8 << 20, "{first:?}");
    let mirror = start(&origin.url, &origin.token, data.path(), &[]);
    let three = bundle_of_noise(BILLING, "three");
    origin.publish(&mut organisation, &three).await;
    wait_for(&mirror, organisation.entries.len()).await;
    let path = format!("/v2/{BILLING}/manifests/{}", three.hash());
    assert_eq!(get(&mirror, &path).await.status(), StatusCode::OK);
    promote(&origin, &mut organisation, three.hash()).await;
    wait_for(&mirror, organisation.entries.len()).await;
    let head = get(&mirror, &format!("/v2/{BILLING}/manifests/staging")).await;
    let head = Digest::of(&head.bytes().await.unwrap());
    assert_eq!(head, three.hash());
    let size = |data: &Path| {
        let packs = fs::read_dir(data.join("packs")).unwrap();
        packs
            .map(|pack| pack.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    assert!(size(data.path()) < size(origin.data.path()) + (1 << 20));
}

#[tokio::test]
async fn a_mirror_takes_nothing_in_and_says_where_it_is_taken() {
    let (origin, organisation, hashes) = origin().await;
    let data = tempfile::tempdir().unwrap();
    take(
        &origin,
        data.path(),
        &["--trust-first-use", "--project", BILLING],
    )
    .await;
    let created = run(&["token", "create", "--scope", "admin"], data.path());
    let token = String::from_utf8(created.stdout).unwrap();
    let token = token.lines().last().unwrap().to_owned();
    let created = run(
        &["token", "create", "--scope", "report", "--host", "web1"],
        data.path(),
    );
    let host = String::from_utf8(created.stdout).unwrap();
    let host = host.lines().last().unwrap().to_owned();
    let mirror = start(
        &origin.url,
        &origin.token,
        data.path(),
        &["--project", BILLING],
    );
    let client = reqwest::Client::new();
    let ask = async |method: Method, path: &str, token: &str| {
        let request = client.request(method, format!("{}{path}", mirror.url));
        let request = request.bearer_auth(token).body("{}");
        request.send().await.unwrap()
    };
    let manifest = format!("/v2/{BILLING}/manifests/{}", hashes[0]);
    for (method, path) in [
        (Method::POST, format!("/v2/{BILLING}/blobs/uploads/")),
        (Method::PUT, manifest.clone()),
        (Method::DELETE, manifest),
        (Method::POST, format!("/v2/{BILLING}/_bulla/frames")),
    ] {
        let response = ask(method, &path, &token).await;
        assert!(response.headers().contains_key("allow"), "{path}");
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{text}");
        assert!(
            text.contains(&origin.url) && text.contains("UNSUPPORTED"),
            "{text}"
        );
    }
    let appended = ask(Method::POST, "/log/entries", &token).await;
    assert_eq!(appended.status(), StatusCode::METHOD_NOT_ALLOWED);
    let body = error(appended).await;
    assert!(body.message.contains(&origin.url), "{}", body.message);
    for method in [Method::GET, Method::POST] {
        let proposals = ask(method, "/api/v1/proposals", &token).await;
        assert_eq!(proposals.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert!(error(proposals).await.message.contains(&origin.url));
    }
    let reported = ask(Method::POST, "/api/v1/hosts/web1/report", &host).await;
    assert_eq!(reported.status(), StatusCode::METHOD_NOT_ALLOWED);

    // The log is whole, the content only of what was named.
    let tool = bundle_of(TOOL, "tool").hash();
    let absent = ask(Method::GET, &format!("/v2/{TOOL}/manifests/{tool}"), &token).await;
    let status = absent.status();
    let text = absent.text().await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains(&origin.url), "{text}");
    let absent = ask(Method::GET, &format!("/v2/{BILLING}/manifests/v9"), &token).await;
    assert_oci_error(absent, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    wait_for(&mirror, organisation.entries.len()).await;

    // One process at a time, and no registry of its own.
    let second = once(&origin.url, &origin.token, data.path(), &[]).await;
    refused(&second, 4, "is in use by");
    drop(mirror);
    refused(&run(&["serve"], data.path()), 3, "is a mirror of");
    let own = once(&origin.url, &origin.token, origin.data.path(), &[]).await;
    assert_ne!(own.status.code(), Some(0));
    let registry = tempfile::tempdir().unwrap();
    drop(Program::start(registry.path(), &[]));
    let other = once(
        &origin.url,
        &origin.token,
        registry.path(),
        &["--trust-first-use"],
    )
    .await;
    refused(&other, 3, "a log of its own");

    // A folder whose disk is not mounted is not filled.
    let occupied = tempfile::tempdir().unwrap();
    fs::write(occupied.path().join("notes.txt"), "mine").unwrap();
    let trusting = ["--trust-first-use"];
    let other = once(&origin.url, &origin.token, occupied.path(), &trusting).await;
    assert_eq!(other.status.code(), Some(1), "{other:?}");
    assert_eq!(fs::read_dir(occupied.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn another_log_is_refused_and_what_is_here_is_served() {
    let (origin, organisation, _) = origin().await;
    let data = tempfile::tempdir().unwrap();
    let unknown = once(&origin.url, &origin.token, data.path(), &[]).await;
    refused(&unknown, 2, "which log is to be mirrored");
    let mut other = Organisation::new();
    other.publish(&bulla_trust::testing::project(), "other");
    let other = other.anchor().to_string();
    let wrong = once(
        &origin.url,
        &origin.token,
        data.path(),
        &["--anchor", &other],
    )
    .await;
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    take(&origin, data.path(), &["--trust-first-use"]).await;
    let before = fs::read(data.path().join("log/checkpoint")).unwrap();

    // The same organisation's log as it was before, and with another history.
    let shorter = Registry::start().await;
    shorter.append_all(&organisation.entries[..1]).await;
    let shrunk = once(&shorter.url, &shorter.token, data.path(), &[]).await;
    assert_eq!(shrunk.status.code(), Some(3), "{shrunk:?}");
    let mut fork = Organisation::new();
    for content in ["a", "b", "c", "d", "e"] {
        let bundle = bundle_of(BILLING, content);
        shorter.publish(&mut fork, &bundle).await;
    }
    let forked = once(&shorter.url, &shorter.token, data.path(), &[]).await;
    refused(&forked, 3, "refusing the log");
    assert_eq!(
        fs::read(data.path().join("log/checkpoint")).unwrap(),
        before
    );
    let mirror = start(&shorter.url, &shorter.token, data.path(), &[]);
    let served = get(&mirror, "/log/checkpoint").await;
    assert_eq!(served.bytes().await.unwrap(), before);
    assert_clean(data.path());
}

/// Returns the folder of a mirror that is up to date.
async fn mirrored(origin: &Registry) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    take(origin, data.path(), &["--trust-first-use"]).await;
    data
}
