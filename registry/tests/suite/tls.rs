//! TLS, as real clients see it, and the files of the certificate.

pub(crate) mod authority;

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bulla_registry::{Patience, Settings};
use bulla_schemas::Digest;
use reqwest::StatusCode;

use self::authority::Authority;
use crate::program::{Program, program};
use crate::support::{BILLING, Registry, bundle_of_noise};

/// Returns `serve`'s flags for a certificate.
fn flags(authority: &Authority) -> Vec<String> {
    let files = authority.files();
    let flags = [("--tls-certificate", files.chain), ("--tls-key", files.key)];
    let flags = flags.map(|(flag, path)| [flag.to_owned(), path.display().to_string()]);
    flags.concat()
}

fn start(data: &Path, authority: &Authority, said: impl Into<Stdio>) -> Program {
    let flags = flags(authority);
    let mut arguments: Vec<&str> = flags.iter().map(String::as_str).collect();
    arguments.push("--anonymous-read");
    Program::start_saying(data, &arguments, said)
}

/// Returns what curl says when it trusts the authority, or nothing when it does not trust the registry.
fn curl(url: &str, authority: &Authority, arguments: &[&str]) -> Option<String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--cacert"])
        .arg(authority.root());
    let output = curl.args(arguments).arg(url).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // 60: the certificate is not trusted.
    let refused = output.status.code() == Some(60);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(refused || output.status.success(), "{why}");
    (!refused).then_some(said)
}

fn are_installed(programs: &[&str]) -> bool {
    let missing = programs
        .iter()
        .find(|program| Command::new(program).arg("--version").output().is_err());
    if let Some(program) = missing {
        let _ = writeln!(std::io::stderr(), "skip: there is no {program}");
    }
    missing.is_none()
}

#[test]
fn curl_and_openssl_accept_the_certificate_and_choose_the_version_of_http() {
    let Some(authority) = Authority::new().filter(|_| are_installed(&["curl"])) else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let registry = start(data.path(), &authority, Stdio::null());
    assert!(registry.url.starts_with("https://"), "{}", registry.url);
    let url = format!("{}/healthz", registry.url);
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let written = ["--write-out", "%{http_version} %{http_code}", flag];
        let said = curl(&url, &authority, &written).unwrap();
        assert_eq!(said, format!("ok\n{version} 200"));
    }
    // What is not encrypted is told so.
    let plain = Command::new("curl")
        .args(["--silent", "--write-out", "%{http_code}"])
        .arg(url.replace("https://", "http://"))
        .output()
        .unwrap();
    let said = String::from_utf8(plain.stdout).unwrap();
    assert_eq!(said, "this address needs https://\r\n400");

    let address = registry.url.strip_prefix("https://").unwrap();
    let connect = |arguments: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl
            .args([
                "s_client",
                "-connect",
                address,
                "-verify_return_error",
                "-brief",
                "-CAfile",
            ])
            .arg(authority.root())
            .args(arguments)
            .stdin(Stdio::null());
        openssl.output().unwrap()
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let said = connect(&[version, "-alpn", "h2"]);
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
    }
    assert!(!connect(&["-tls1_1"]).status.success());
}

#[tokio::test]
async fn skopeo_pushes_and_pulls_with_a_certificate_of_ones_own() {
    let Some(authority) = Authority::new().filter(|_| are_installed(&["skopeo"])) else {
        return;
    };
    let one = Registry::start_with_tls(Settings::default(), &authority).await;
    let two = Registry::start_with_tls(Settings::default(), &authority).await;
    let bundle = bundle_of_noise(BILLING, "one");
    let pushed = one.push_bundle(BILLING, &bundle).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let trusted = authority.path("trusted");
    fs::create_dir(&trusted).unwrap();
    fs::copy(authority.root(), trusted.join("ca.crt")).unwrap();
    let place = |registry: &Registry, reference: &str| {
        let host = registry.url.strip_prefix("https://").unwrap();
        format!("docker://{host}/{BILLING}{reference}")
    };
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "--preserve-digests", "--src-cert-dir"]);
    skopeo.arg(&trusted).arg("--dest-cert-dir").arg(&trusted);
    skopeo.args(["--src-creds", &format!("x:{}", one.token)]);
    skopeo.args(["--dest-creds", &format!("x:{}", two.token)]);
    skopeo.arg(place(&one, &format!("@{}", bundle.hash())));
    skopeo.arg(place(&two, ":one"));
    // On another thread: the registries answer on this one.
    let copied = tokio::task::spawn_blocking(move || skopeo.output().unwrap());
    let copied = copied.await.unwrap();
    let said = String::from_utf8_lossy(&copied.stderr);
    assert!(copied.status.success(), "{said}");
    let served = two.get(&format!("/v2/{BILLING}/manifests/one")).await;
    assert_eq!(Digest::of(&served.bytes().await.unwrap()), bundle.hash());
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_download_goes_on_while_the_certificate_is_renewed() {
    let (Some(authority), Some(next)) = (Authority::new(), Authority::new()) else {
        return;
    };
    let registry = Registry::start_with_tls(Settings::default(), &authority).await;
    let content = vec![7; 64 << 20];
    let digest = registry.push_blob("acme/tool", &content).await;
    let path = format!("/v2/acme/tool/blobs/{digest}");
    let mut download = registry.get(&path).await;
    let mut received = download.chunk().await.unwrap().unwrap().to_vec();

    let trusting = |authority: &Authority| {
        let client = reqwest::Client::builder();
        client
            .tls_certs_only([authority.root_for_reqwest()])
            .build()
            .unwrap()
    };
    let url = format!("{}/healthz", registry.url);
    // A client without connections of earlier.
    assert!(trusting(&next).get(&url).send().await.is_err());
    authority.replace_with(&next);
    registry.certificate.as_ref().unwrap().look_again();
    while trusting(&next).get(&url).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(trusting(&authority).get(&url).send().await.is_err());
    while let Some(piece) = download.chunk().await.unwrap() {
        received.extend_from_slice(&piece);
    }
    assert!(received == content, "other bytes");
    registry.stop().await;
}

#[test]
fn a_new_pair_that_is_broken_changes_nothing_and_a_good_one_is_found_without_a_signal() {
    let made = (Authority::new(), Authority::new());
    let (Some(authority), Some(next)) = made else {
        return;
    };
    if !are_installed(&["curl"]) {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log.txt");
    let registry = start(
        &data.path().join("data"),
        &authority,
        File::create(&log).unwrap(),
    );
    let url = format!("{}/healthz", registry.url);
    let said = || fs::read_to_string(&log).unwrap();
    let wait_until_said = |what: &str| {
        while !said().contains(what) {
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let files = authority.files();
    let (chain, key) = (
        fs::read(&files.chain).unwrap(),
        fs::read(&files.key).unwrap(),
    );
    for (content, what) in [
        (
            fs::read(next.files().chain).unwrap(),
            "does not belong to the certificate",
        ),
        (b"no certificate".to_vec(), "is not a certificate in PEM"),
    ] {
        fs::write(&files.chain, content).unwrap();
        registry.signal("HUP");
        wait_until_said(what);
        assert_eq!(curl(&url, &authority, &[]).unwrap(), "ok\n");
    }
    fs::write(&files.chain, chain).unwrap();
    fs::set_permissions(&files.key, Permissions::from_mode(0o644)).unwrap();
    registry.signal("HUP");
    wait_until_said("other users may read the private key");
    assert!(said().contains("the certificate stays as it was"));
    fs::set_permissions(&files.key, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(&files.key).unwrap(), key);
    // As certbot leaves it: nobody says a word.
    authority.replace_with(&next);
    while curl(&url, &next, &[]).is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_registry_does_not_start_with_what_is_no_pair_or_no_secret() {
    let made = (Authority::new(), Authority::new());
    let (Some(authority), Some(other)) = made else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let refused = |arguments: &[String], status: i32, what: &str| {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let ended = program(&serve, data.path())
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(status), "{said}");
        assert!(said.contains(what), "{said}");
    };
    let good = flags(&authority);
    refused(&good[..2], 2, "--tls-key");
    refused(&good[2..], 2, "--tls-certificate");
    let wrong = [&good[..2], &flags(&other)[2..]].concat();
    refused(&wrong, 1, "does not belong to the certificate");
    fs::set_permissions(&authority.files().key, Permissions::from_mode(0o644)).unwrap();
    refused(&good, 3, "other users may read the private key");
    fs::remove_file(&authority.files().key).unwrap();
    refused(&good, 1, "server.key");
}

#[tokio::test]
async fn a_client_that_does_not_end_its_handshake_is_not_waited_for() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let patience = Patience {
        handshake: Duration::from_secs(1),
        ..Patience::default()
    };
    let settings = Settings {
        patience,
        ..Settings::default()
    };
    let registry = Registry::start_with_tls(settings, &authority).await;
    let address = registry.url.strip_prefix("https://").unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    // The beginning of a handshake that never goes on.
    silent.write_all(&[0x16, 0x03, 0x01]).unwrap();
    let read = move || silent.read(&mut [0; 16]);
    let read = tokio::task::spawn_blocking(read).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    registry.stop().await;
}
