//! Waiting for growth: told by a registry, through what stands before it, and by one that lies. The
//! clock is the test's.

use std::time::Duration;

use bulla_registry_client::Client;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::server::{Reply, Request, Server};

const INTERVAL: Duration = Duration::from_mins(1);
const FOREVER: Duration = Duration::from_hours(10_000);
const EVENTS: [(&str, &str); 2] = [
    ("content-type", "text/event-stream"),
    ("content-length", "1000000000"),
];

fn position(size: u64) -> String {
    format!(r#"{{"size":{size},"root":"{}"}}"#, "0".repeat(64))
}

fn event(size: u64) -> String {
    let data = position(size);
    format!("event: checkpoint\nid: {size}\ndata: {data}\n\n")
}

/// A stream of events that goes on without saying more.
fn events(sizes: impl IntoIterator<Item = u64>) -> Reply {
    let said: String = sizes.into_iter().map(event).collect();
    Reply::new(200, &EVENTS, format!(": watching\n\n{said}").as_bytes()).dripping(FOREVER)
}

fn checkpoint(size: u64) -> Reply {
    Reply::new(
        200,
        &[],
        format!("example/log\n{size}\nroot\n\n").as_bytes(),
    )
}

fn is_long_poll(request: &Request) -> bool {
    request.target.contains("wait=")
}

/// How the registry was asked, in a word each.
fn ways(server: &Server) -> Vec<&'static str> {
    let ways = server.requests().into_iter().map(|request| {
        if request.target.contains("/log/checkpoint") {
            "poll"
        } else if is_long_poll(&request) {
            "long poll"
        } else {
            "events"
        }
    });
    ways.collect()
}

#[tokio::test(start_paused = true)]
async fn one_stream_tells_of_all_growth() {
    let server = Server::start(|_, _| events([3, 4])).await;
    let mut watch = server.client().watch(INTERVAL);
    let mut known = 2;
    while known < 4 {
        known = watch.beyond(known).await.unwrap();
    }
    assert_eq!(known, 4);
    assert_eq!(server.lines(), ["GET /api/v1/watch?size=2"]);
    assert_eq!(
        server.requests()[0].header("accept"),
        Some("text/event-stream")
    );
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_is_told_once() {
    let server = Server::start(|_, _| events(3..=500)).await;
    let mut watch = server.client().watch(INTERVAL);
    let mut known = 2;
    let mut told = 0;
    while known < 500 {
        known = watch.beyond(known).await.unwrap();
        told += 1;
    }
    assert!(told < 20, "{told}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_restarts_is_asked_again() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::new(200, &[EVENTS[0]], b": watching\n\n"),
        _ => events([3]),
    })
    .await;
    assert_eq!(server.client().watch(INTERVAL).beyond(2).await.unwrap(), 3);
    assert_eq!(ways(&server), ["events", "events"]);
}

/// Passes on requests, and an answer only when all of it is here.
async fn buffering_proxy(registry: &Url) -> (Url, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let address = format!("127.0.0.1:{}", registry.port().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let address = address.clone();
            connections.spawn(async move {
                let mut request = vec![0; 4096];
                let length = client.read(&mut request).await.unwrap();
                let mut registry = TcpStream::connect(address).await.unwrap();
                registry.write_all(&request[..length]).await.unwrap();
                let mut answer = Vec::new();
                if registry.read_to_end(&mut answer).await.is_ok() {
                    let _ = client.write_all(&answer).await;
                }
            });
        }
    });
    (url.parse().unwrap(), tasks)
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_holds_events_back_is_passed_by_long_polls() {
    let server = Server::start(|earlier, request| match earlier {
        _ if !is_long_poll(request) => events([9]),
        // The log grows while the second one waits.
        1 => Reply::new(204, &[], b"").after(Duration::from_secs(50)),
        _ => Reply::new(200, &[], position(9).as_bytes()).after(Duration::from_secs(30)),
    })
    .await;
    let (url, _proxy) = buffering_proxy(&server.url).await;
    let mut watch = Client::new(url, None).unwrap().watch(INTERVAL);
    assert_eq!(watch.beyond(2).await.unwrap(), 9);
    assert_eq!(ways(&server), ["events", "long poll", "long poll"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_cannot_wait_is_polled() {
    let server = Server::start(|earlier, request| match earlier {
        _ if request.target.contains("watch") => Reply::new(404, &[], b"{}"),
        2..5 => checkpoint(2),
        _ => checkpoint(7),
    })
    .await;
    let begun = Instant::now();
    let mut watch = server.client().watch(INTERVAL);
    assert_eq!(watch.beyond(2).await.unwrap(), 7);
    assert_eq!(
        ways(&server),
        ["events", "long poll", "poll", "poll", "poll", "poll"]
    );
    let passed = begun.elapsed();
    assert!(passed >= 3 * INTERVAL / 2 && passed < 3 * INTERVAL * 3 / 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_wait_is_not_asked_for_in_a_loop() {
    let server = Server::start(|earlier, request| match earlier {
        _ if is_long_poll(request) => Reply::new(204, &[], b""),
        0 => Reply::new(503, &[], b""),
        1..5 => checkpoint(2),
        _ => checkpoint(3),
    })
    .await;
    let mut watch = server.client().watch(INTERVAL);
    assert_eq!(watch.beyond(2).await.unwrap(), 3);
    assert_eq!(
        ways(&server),
        ["events", "long poll", "poll", "poll", "poll", "poll"]
    );
}

#[tokio::test(start_paused = true)]
async fn events_that_are_cut_off_again_and_again_are_given_up_and_tried_later() {
    let begun = Instant::now();
    let is_mended = move || begun.elapsed() > Duration::from_mins(10);
    let server = Server::start(move |_, request| {
        if is_long_poll(request) {
            Reply::new(204, &[], b"").after(Duration::from_secs(50))
        } else if is_mended() {
            events([3])
        } else {
            Reply::new(200, &[EVENTS[0]], b": watching\n\n")
        }
    })
    .await;
    let mut watch = server.client().watch(INTERVAL);
    assert_eq!(watch.beyond(2).await.unwrap(), 3);
    let ways = ways(&server);
    assert_eq!(ways[..4], ["events", "events", "events", "long poll"]);
    assert_eq!(ways.last(), Some(&"events"));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_falls_silent_is_asked_again() {
    let server = Server::start(|earlier, _| match earlier {
        0 => events([]),
        _ => events([3]),
    })
    .await;
    assert_eq!(server.client().watch(INTERVAL).beyond(2).await.unwrap(), 3);
    assert_eq!(ways(&server), ["events", "events"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_lets_nobody_in_is_an_error_and_asked_less_and_less() {
    let server = Server::start(|_, _| Reply::new(401, &[], b"{}")).await;
    let mut watch = server.client().watch(INTERVAL);
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(watch.beyond(2).await.unwrap_err().status(), Some(401));
    }
    assert_eq!(server.requests().len(), 10);
    assert!(begun.elapsed() > 2 * INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_away_is_an_error_and_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(format!("http://{address}/").parse().unwrap(), None).unwrap();
    let mut watch = client.watch(INTERVAL);
    for _ in 0..3 {
        let error = watch.beyond(2).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Temporary);
    }
    let listener = TcpListener::bind(address).await.unwrap();
    let registry = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0);
        let said = event(3);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(said.as_bytes()).await.unwrap();
        sleep(FOREVER).await;
    });
    assert_eq!(watch.beyond(2).await.unwrap(), 3);
    registry.abort();
}

#[tokio::test(start_paused = true)]
async fn a_lie_about_the_size_costs_as_much_as_polling() {
    let server = Server::start(|_, _| events([u64::MAX])).await;
    let mut watch = server.client().watch(INTERVAL);
    let begun = Instant::now();
    for _ in 0..100 {
        // Each time the caller finds that the log has not grown.
        assert_eq!(watch.beyond(2).await.unwrap(), u64::MAX);
    }
    assert!(begun.elapsed() > 40 * INTERVAL);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_of_events_is_given_up() {
    let line_without_end = || Reply::new(200, &EVENTS, b": watching\n\ndata: ").endless();
    let flood = || {
        let comments = ": nothing new\n\n".repeat(20_000);
        Reply::new(200, &EVENTS, comments.as_bytes()).dripping(FOREVER)
    };
    let past = || events((0..1000).map(|_| 1));
    let page = || Reply::new(200, &[("content-type", "text/html")], b"<html>");
    let hostile: [fn() -> Reply; 4] = [line_without_end, flood, past, page];
    for make in hostile {
        let server = Server::start(move |_, request| {
            if is_long_poll(request) {
                Reply::new(200, &[], position(3).as_bytes())
            } else {
                make()
            }
        })
        .await;
        let mut watch = server.client().watch(INTERVAL);
        assert_eq!(watch.beyond(2).await.unwrap(), 3);
        assert_eq!(ways(&server), ["events", "long poll"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_goes_back_or_on_for_ever_ends_the_long_polls() {
    let large = |_: &Request| Reply::new(200, &[], &[b' '; 5000]).endless();
    let back = |_: &Request| Reply::new(200, &[], position(1).as_bytes());
    let answers: [fn(&Request) -> Reply; 2] = [large, back];
    for answer in answers {
        let server = Server::start(move |earlier, request| match earlier {
            _ if is_long_poll(request) => answer(request),
            0 => Reply::new(404, &[], b""),
            _ => checkpoint(3),
        })
        .await;
        let mut watch = server.client().watch(INTERVAL);
        assert_eq!(watch.beyond(2).await.unwrap(), 3);
        assert_eq!(ways(&server), ["events", "long poll", "poll"]);
    }
}
