//! Connections: clients that wait, that send too much, or that do not speak HTTP well.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use bulla_registry::{Patience, Settings};
use reqwest::StatusCode;

use crate::support::Registry;

fn connect(registry: &Registry) -> (TcpStream, String) {
    let host = registry.url.strip_prefix("http://").unwrap();
    let connection = TcpStream::connect(host).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    (connection, host.to_owned())
}

/// Sends bytes and returns what comes back until the registry closes.
async fn exchange(registry: &Registry, bytes: Vec<u8>) -> String {
    let (mut connection, _) = connect(registry);
    tokio::task::spawn_blocking(move || {
        connection.write_all(&bytes).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}

/// Reads until the registry closes.
async fn read_all(mut connection: TcpStream) -> String {
    tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

#[tokio::test]
async fn a_client_that_sends_all_of_a_large_body_reads_why_it_was_refused() {
    let registry = Registry::start_with(Settings {
        most_blob_bytes: 1000,
        ..Settings::default()
    })
    .await;
    let (_, host) = connect(&registry);
    let upload = format!(
        "POST /v2/acme/tool/blobs/uploads/?digest=sha256:{}",
        "0".repeat(64)
    );
    let token = &registry.token;
    let size = 64 << 20;
    for (line, header, expected) in [
        (upload.as_str(), "X-No: token".to_owned(), "401"),
        (&upload, format!("Authorization: Bearer {token}"), "413"),
        (
            "PUT /nowhere",
            format!("Authorization: Bearer {token}"),
            "404",
        ),
        (
            "PUT /v2/acme/tool/manifests/v1",
            format!("Authorization: Bearer {token}"),
            "413",
        ),
    ] {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {size}\r\n\r\n"
        );
        let answer = exchange(&registry, [head.into_bytes(), vec![7; size]].concat()).await;
        assert_eq!(status(&answer), expected, "{line}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_silent_client_keeps_others_out_only_for_a_moment() {
    let registry = Registry::start_with(Settings {
        most_connections: 1,
        patience: Patience {
            first_byte: Duration::from_millis(100),
            head: Duration::from_millis(100),
            ..Patience::default()
        },
        ..Settings::default()
    })
    .await;
    let (silent, _) = connect(&registry);
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    drop(silent);
    let (mut half, host) = connect(&registry);
    half.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n").as_bytes())
        .unwrap();
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    registry.stop().await;
}

#[tokio::test]
async fn connections_that_rest_make_room_and_those_that_work_do_not() {
    let forever = Duration::from_hours(1);
    let registry = Registry::start_with(Settings {
        most_connections: 2,
        patience: Patience {
            first_byte: forever,
            head: forever,
            send: forever,
            linger: forever,
            ..Patience::default()
        },
        ..Settings::default()
    })
    .await;
    let (mut uploading, host) = connect(&registry);
    let request = format!(
        "PUT /v2/acme/tool/manifests/v1 HTTP/1.1\r\nHost: {host}\r\n\
         Authorization: Bearer {}\r\nContent-Length: 2\r\n\r\n{{",
        registry.token
    );
    uploading.write_all(request.as_bytes()).unwrap();
    let (silent, _) = connect(&registry);
    let mut refused = Vec::new();
    for _ in 0..3 {
        // Refused, with a body that it could go on sending for hours.
        let (mut sending, host) = connect(&registry);
        let head =
            format!("PUT /nowhere HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9999999\r\n\r\n");
        sending.write_all(head.as_bytes()).unwrap();
        refused.push(sending);
        assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    }
    drop((silent, refused));
    uploading.write_all(b"}").unwrap();
    uploading.shutdown(Shutdown::Write).unwrap();
    let answer = read_all(uploading).await;
    assert_eq!(status(&answer), "400", "{answer}");
    assert!(answer.contains("MANIFEST_INVALID"), "{answer}");
    registry.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_keeps_others_out_only_for_a_moment() {
    let registry = Registry::start_with(Settings {
        most_connections: 1,
        patience: Patience {
            head: Duration::from_millis(100),
            send: Duration::from_millis(200),
            linger: Duration::from_millis(100),
            ..Patience::default()
        },
        ..Settings::default()
    })
    .await;
    let digest = registry.push_blob("acme/tool", &vec![7; 64 << 20]).await;
    let (mut lazy, host) = connect(&registry);
    let request = format!(
        "GET /v2/acme/tool/blobs/{digest} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
        registry.token
    );
    lazy.write_all(request.as_bytes()).unwrap();
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    drop(lazy);
    registry.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_a_little_now_and_then_is_not_waited_for() {
    let registry = Registry::start_with(Settings {
        patience: Patience {
            send: Duration::from_millis(300),
            least_taken: 64 << 20,
            ..Patience::default()
        },
        ..Settings::default()
    })
    .await;
    let size = 64 << 20;
    let digest = registry.push_blob("acme/tool", &vec![7; size]).await;
    let (mut slow, host) = connect(&registry);
    let request = format!(
        "GET /v2/acme/tool/blobs/{digest} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
        registry.token
    );
    slow.write_all(request.as_bytes()).unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let (mut piece, mut read) = (vec![0; 64 * 1024], 0);
        // Never longer without a byte than the registry waits for the first one.
        while let Ok(count @ 1..) = slow.read(&mut piece) {
            read += count;
            std::thread::sleep(Duration::from_millis(20));
        }
        read
    });
    assert!(read.await.unwrap() < size);
    registry.stop().await;
}

#[tokio::test]
async fn a_request_whose_end_or_host_is_unclear_is_refused() {
    let registry = Registry::start().await;
    let get = "GET /healthz HTTP/1.1\r\n";
    let put = format!(
        "PUT /v2/acme/tool/manifests/v1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n",
        registry.token
    );
    for (request, expected) in [
        (format!("{get}Host: a\r\n\r\n"), "200"),
        (format!("{get}Host: a:5000\r\n\r\n"), "200"),
        (format!("{get}Host: [::1]:5000\r\n\r\n"), "200"),
        ("GET /healthz HTTP/1.0\r\n\r\n".to_owned(), "200"),
        (format!("{get}\r\n"), "400"),
        (format!("{get}Host: a\r\nHost: b\r\n\r\n"), "400"),
        (format!("{get}Host: a\r\nHost: a\r\n\r\n"), "400"),
        (format!("{get}Host: a b\r\n\r\n"), "400"),
        (format!("{get}Host: user@a\r\n\r\n"), "400"),
        (format!("{get}Host: a/b\r\n\r\n"), "400"),
        (format!("{get}Host: a:x\r\n\r\n"), "400"),
        (format!("{get}Host : a\r\n\r\n"), "400"),
        (format!("{put}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"), "400"),
        (format!("{put}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "501"),
        (
            format!("{put}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "501",
        ),
        (format!("{put}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), "400"),
        (format!("{put}Transfer-Encoding: gzip\r\n\r\nx"), "400"),
        (format!("{put}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), "400"),
        (format!("{put}Content-Length: +1\r\n\r\nx"), "400"),
        (format!("{put}Content-Length: 1, 2\r\n\r\nxx"), "400"),
        (format!("{put}Transfer-Encoding: chunked\r\n\r\nz\r\n"), "400"),
        (format!("{put}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n"), "400"),
        (format!("{put}Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n"), "400"),
        (
            format!("{put}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"),
            "400",
        ),
        (format!("{put}Transfer-Encoding: chunked\r\n\r\n5\r\nxx"), "400"),
        (format!("{put}Content-Length: 5\r\n\r\nxx"), "400"),
        (
            "PUT /v2/acme/tool/manifests/v1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            "400",
        ),
    ] {
        let answer = exchange(&registry, request.clone().into_bytes()).await;
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_body_with_a_length_and_in_chunks_is_refused_on_every_route() {
    let registry = Registry::start().await;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = format!("Content-Length: {}\r\n", 5 + smuggled.len());
    let chunked = "Transfer-Encoding: chunked\r\n".to_owned();
    let token = format!("Authorization: Bearer {}\r\n", registry.token);
    // What came before on the connection makes no difference.
    let earlier = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for route in [
        "GET /healthz",
        "POST /log/entries",
        "PUT /v2/acme/tool/manifests/v1",
        "POST /v2/acme/tool/blobs/uploads/",
        "POST /api/v1/hosts/web1/report",
        "GET /api/v1/projects",
        "POST /nowhere",
    ] {
        for lengths in [
            [&length, &chunked, ""],
            [&chunked, &length, ""],
            [&chunked, "Content-Length: 1\r\n", "Content-Length: 2\r\n"],
        ] {
            let lengths = lengths.concat();
            let request =
                format!("{route} HTTP/1.1\r\nHost: a\r\n{token}{lengths}\r\n0\r\n\r\n{smuggled}");
            let answer = exchange(&registry, request.clone().into_bytes()).await;
            assert_eq!(status(&answer), "400", "{request}\n{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            let body = format!("{earlier}{request}");
            let answer = exchange(&registry, body.into_bytes()).await;
            assert_eq!(answer.matches("HTTP/1.1 404").count(), 1, "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{answer}");
        }
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_follows_a_chunked_body_is_not_taken_for_a_request() {
    let registry = Registry::start().await;
    let request = "POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(&registry, request.into()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    registry.stop().await;
}

/// A registry in a process of its own, ended with the value.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_low_limit_of_open_files_is_raised_and_respected() {
    let data = tempfile::tempdir().unwrap();
    let started = Command::new("prlimit")
        .arg("--nofile=48:96")
        .arg(env!("CARGO_BIN_EXE_bulla-registry"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        println!("skip: a limit of open files, because there is no prlimit");
        return;
    };
    let mut process = Process(child);
    let mut said = vec![0; 256];
    let length = process.0.stdout.as_mut().unwrap().read(&mut said).unwrap();
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    let address = said.trim().strip_prefix("listening on http://").unwrap();
    // More connections than descriptors: the registry takes what it can and goes on.
    let many: Vec<_> = (0..200)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    drop(many);
    let mut connection = TcpStream::connect(address).unwrap();
    connection
        .write_all(b"GET /healthz HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), "200", "{answer}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.0.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let columns: Vec<_> = line.unwrap().split_whitespace().collect();
    assert_eq!(columns[3..5], ["96", "96"], "{limits}");
}
