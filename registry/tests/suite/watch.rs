//! Watching: who waits for the log to grow is told, and keeps nobody out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulla_registry::{Scope, Settings, WatchLimits};
use bulla_schemas::log::LogPosition;
use bulla_trust::testing::Organisation;
use reqwest::{Method, Response, StatusCode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Registry, header};

/// How many clients watch while memory is measured, and what each may cost.
const CLIENTS: usize = 2000;
const BYTES_OF_CLIENT: usize = 20_000;

async fn registry_with_policy(watch: WatchLimits) -> (Registry, Organisation) {
    let registry = Registry::start_with(Settings {
        watch,
        ..Settings::default()
    })
    .await;
    let organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    (registry, organisation)
}

/// Appends an entry to the registry's log.
async fn grow(registry: &Registry, organisation: &mut Organisation) {
    let bundle = crate::support::bundle("one");
    registry.publish(organisation, &bundle).await;
}

/// Reads from a stream of events until they contain `expected`, and returns all of it.
async fn read_until(response: &mut Response, expected: &str) -> String {
    let mut text = String::new();
    while !text.contains(expected) {
        let piece = response.chunk().await.unwrap();
        let piece = piece.unwrap_or_else(|| panic!("{expected:?} never came:\n{text}"));
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    text
}

#[tokio::test]
async fn tells_of_growth_as_events() {
    let (registry, mut organisation) = registry_with_policy(WatchLimits::default()).await;
    let mut watch = registry.get("/api/v1/watch?size=1").await;
    assert_eq!(header(&watch, "content-type"), "text/event-stream");
    assert_eq!(header(&watch, "cache-control"), "no-store");
    assert_eq!(header(&watch, "x-accel-buffering"), "no");
    // Something comes at once, which shows that nothing on the way holds events back.
    let begun = read_until(&mut watch, "\n\n").await;
    assert!(begun.starts_with(':'), "{begun}");
    grow(&registry, &mut organisation).await;
    let event = read_until(&mut watch, "}\n\n").await;
    let position = organisation.state.position();
    let root = position.root.hex();
    assert_eq!(
        event,
        format!("event: checkpoint\nid: 2\ndata: {{\"size\":2,\"root\":\"{root}\"}}\n\n")
    );
    // A client that missed it is told at once, and one that says what it saw last is not.
    let mut late = registry.get("/api/v1/watch").await;
    read_until(&mut late, "id: 2\n").await;
    let again = registry.request(Method::GET, "/api/v1/watch?size=1");
    let mut again = again.header("last-event-id", "2").send().await.unwrap();
    let begun = read_until(&mut again, "\n\n").await;
    assert!(!begun.contains("event"), "{begun}");
    drop((watch, late, again));
    registry.stop().await;
}

#[tokio::test]
async fn answers_once_when_the_log_has_grown_or_the_time_is_over() {
    let (registry, mut organisation) = registry_with_policy(WatchLimits::default()).await;
    let larger: LogPosition = registry.json("/api/v1/watch?size=0&wait=60").await;
    assert_eq!(larger, organisation.state.position());
    let over = registry.get("/api/v1/watch?size=1&wait=0").await;
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
    // A log that is smaller than the caller's is not news of growth.
    let over = registry.get("/api/v1/watch?size=9&wait=1").await;
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
    let waiting = registry.request(Method::GET, "/api/v1/watch?size=1&wait=60");
    let waiting = tokio::spawn(waiting.send());
    grow(&registry, &mut organisation).await;
    let grown: LogPosition = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(grown, organisation.state.position());
    for wrong in ["size=x", "size=-1", "wait=soon"] {
        let response = registry.get(&format!("/api/v1/watch?{wrong}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let writer = registry.token(&[Scope::Push], &["*"]).await;
    let request = registry.plain(Method::GET, "/api/v1/watch");
    let response = request.bearer_auth(writer).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    registry.stop().await;
}

#[tokio::test]
async fn tells_now_and_then_that_it_is_still_there() {
    let (registry, _) = registry_with_policy(WatchLimits {
        heartbeat: Duration::from_millis(10),
        ..WatchLimits::default()
    })
    .await;
    let mut watch = registry.get("/api/v1/watch?size=1").await;
    let begun = read_until(&mut watch, "\n\n").await;
    let mut beats = begun;
    while beats.matches("\n\n").count() < 4 {
        beats.push_str(&read_until(&mut watch, "\n\n").await);
    }
    assert!(
        beats
            .lines()
            .all(|line| line.is_empty() || line.starts_with(':'))
    );
    drop(watch);
    registry.stop().await;
}

#[tokio::test]
async fn watches_keep_no_pull_out_and_have_a_limit_of_their_own() {
    let registry = Registry::start_with(Settings {
        most_connections: 1,
        watch: WatchLimits {
            most: 2,
            ..WatchLimits::default()
        },
        ..Settings::default()
    })
    .await;
    registry.append_all(&Organisation::new().entries).await;
    let mut first = registry.get("/api/v1/watch?size=1").await;
    read_until(&mut first, "\n\n").await;
    let mut second = registry.get("/api/v1/watch?size=1").await;
    read_until(&mut second, "\n\n").await;
    for path in ["/api/v1/watch?size=1", "/api/v1/watch?size=1&wait=60"] {
        let refused = registry.get(path).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let seconds: u32 = header(&refused, "retry-after").parse().unwrap();
        assert!(seconds > 2);
    }
    assert_eq!(registry.get("/healthz").await.status(), StatusCode::OK);
    // A client that goes away makes room at once, also without reading or sending anything more.
    drop(first);
    let mut third = loop {
        let response = registry.get("/api/v1/watch?size=1").await;
        if response.status() == StatusCode::OK {
            break response;
        }
    };
    read_until(&mut third, "\n\n").await;
    drop((second, third));
    registry.stop().await;
}

#[tokio::test]
async fn a_stop_ends_watches_at_once() {
    let (registry, _) = registry_with_policy(WatchLimits {
        most: 2,
        ..WatchLimits::default()
    })
    .await;
    let mut watch = registry.get("/api/v1/watch?size=1").await;
    read_until(&mut watch, "\n\n").await;
    let waiting = registry.request(Method::GET, "/api/v1/watch?size=1&wait=60");
    let waiting = tokio::spawn(async move {
        loop {
            // A third one may have been faster.
            let answer = waiting.try_clone().unwrap().send().await.unwrap();
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
        }
    });
    // Until the second one waits, a third one may.
    while registry.get("/api/v1/watch?size=1").await.status() == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    // Would take the time that requests get to end, if watches did not end.
    let stopped = tokio::time::timeout(Duration::from_secs(10), registry.stop());
    stopped.await.unwrap();
    assert_eq!(watch.chunk().await.unwrap(), None, "the answer is complete");
    assert_eq!(waiting.await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_watch_that_is_never_read_ends() {
    let (registry, _) = registry_with_policy(WatchLimits {
        most: 1,
        longest: Duration::from_millis(300),
        ..WatchLimits::default()
    })
    .await;
    let (host, token) = (registry.url.clone(), registry.token.clone());
    let lazy = tokio::task::spawn_blocking(move || {
        let host = host.strip_prefix("http://").unwrap();
        watch(host, &format!("Authorization: Bearer {token}\r\n"))
    });
    let mut lazy = lazy.await.unwrap();
    // Its place is free although it is still connected.
    while registry.get("/api/v1/watch?size=1").await.status() != StatusCode::OK {}
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        lazy.read_to_string(&mut text).unwrap();
        text
    });
    assert!(text.await.unwrap().ends_with("0\r\n\r\n"));
    registry.stop().await;
}

/// Begins to watch, and waits until that has begun.
fn watch(address: &str, header: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /api/v1/watch?size=1 HTTP/1.1\r\nHost: {address}\r\n{header}User-Agent: bulla/0.1.0\r\n\
         Accept: text/event-stream\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"\n\n\r\n") {
        let mut piece = [0; 512];
        let count = connection.read(&mut piece).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    connection
}

/// The real program, so that nothing but the registry is measured.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn serve(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bulla-registry"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--anonymous-read",
                "--data",
            ])
            .arg(data)
            .env("BULLA_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap();
        let address = address.to_owned();
        Self { child, address }
    }

    /// Bytes of memory.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_client_that_watches_costs_little_memory() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (CLIENTS + 1000) as u64;
    let raised = Rlimit {
        current: limit.current.map(|now| now.max(wanted)),
        maximum: limit.maximum,
    };
    // The registry needs room for connections besides.
    if limit.maximum.is_some_and(|most| most < 4 * wanted)
        || setrlimit(Resource::Nofile, raised).is_err()
    {
        let _ = writeln!(
            std::io::stderr(),
            "skip: the memory of watches, because the limit of open files is too low"
        );
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let registry = Program::serve(data.path());
    // What the first clients need once is not theirs.
    let mut clients: Vec<_> = (0..500).map(|_| watch(&registry.address, "")).collect();
    let before = registry.memory();
    clients.extend((0..CLIENTS).map(|_| watch(&registry.address, "")));
    let each = registry.memory().saturating_sub(before) / CLIENTS;
    assert!(each < BYTES_OF_CLIENT, "{each} bytes for each client");
    drop(clients);
}
