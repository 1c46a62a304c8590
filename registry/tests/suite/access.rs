//! The access log: one line a request.

use std::fs;
use std::path::Path;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::program::{Program, run};

/// The real program with its log in a file.
struct World {
    data: tempfile::TempDir,
    program: Program,
    token: String,
    client: Client,
}

impl World {
    fn start(arguments: &[&str]) -> Self {
        let (data, program, token) = Program::start_logged(arguments);
        Self {
            data,
            program,
            token,
            client: Client::new(),
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}{path}", self.program.url);
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Waits for the line about the request with this id, and returns it.
    async fn line(&self, id: &str) -> Value {
        loop {
            let said = said(self.data.path());
            let lines = said
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let about = |line: &Value| line["id"] == id && line["status"].is_u64();
            if let Some(line) = lines.into_iter().find(about) {
                return line;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

fn said(data: &Path) -> String {
    fs::read_to_string(data.join("said")).unwrap()
}

fn id(answer: &reqwest::Response) -> String {
    answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn each_request_is_one_line_with_who_asked_for_what_and_no_secret() {
    let world = World::start(&["--log-format", "json"]);
    let content = vec![7; 300_000];
    let digest = bulla_schemas::Digest::of(&content);
    let path = format!("/v2/acme/tool/blobs/uploads/?digest={digest}&note=hidden");
    let url = format!("{}{path}", world.program.url);
    let push = world
        .client
        .post(url)
        .bearer_auth(&world.token)
        .body(content);
    let pushed = push.send().await.unwrap();
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let line = world.line(&id(&pushed)).await;
    assert_eq!(line["message"], "answered");
    assert_eq!(line["method"], "POST");
    assert_eq!(line["route"], "/v2/{name}/blobs/uploads/");
    assert_eq!(line["path"], "/v2/acme/tool/blobs/uploads/");
    assert_eq!(line["status"], 201);
    assert_eq!(line["address"], "127.0.0.1");
    assert!(line["duration_ms"].is_u64(), "{line}");
    let tokens = run(&["token", "list", "--json"], world.data.path());
    let tokens: Value = serde_json::from_slice(&tokens.stdout).unwrap();
    assert!(
        tokens.to_string().contains(line["token"].as_str().unwrap()),
        "{tokens}"
    );

    let pulled = world
        .ask(Method::GET, &format!("/v2/acme/tool/blobs/{digest}"), &[])
        .await;
    let pulled_id = id(&pulled);
    pulled.bytes().await.unwrap();
    let line = world.line(&pulled_id).await;
    assert_eq!(line["bytes"], 300_000);
    assert_eq!(line["route"], "/v2/{name}/blobs/{digest}");

    let head = world
        .ask(Method::HEAD, &format!("/v2/acme/tool/blobs/{digest}"), &[])
        .await;
    let line = world.line(&id(&head)).await;
    assert_eq!(
        (&line["message"], &line["bytes"]),
        (&"answered".into(), &0.into())
    );

    let strange = Method::from_bytes(b"BREW").unwrap();
    let other = world.ask(strange, "/nowhere/%1B[31m", &[]).await;
    let line = world.line(&id(&other)).await;
    assert_eq!(
        (&line["method"], &line["route"]),
        (&"other".into(), &"other".into())
    );

    let said = said(world.data.path());
    for secret in [world.token.as_str(), "hidden", "\u{1b}"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_to_its_end_is_broken_off() {
    let world = World::start(&["--log-format", "json"]);
    let content = vec![7; 64 << 20];
    let digest = bulla_schemas::Digest::of(&content);
    let url = format!(
        "{}/v2/acme/tool/blobs/uploads/?digest={digest}",
        world.program.url
    );
    let push = world
        .client
        .post(url)
        .bearer_auth(&world.token)
        .body(content);
    assert_eq!(push.send().await.unwrap().status(), StatusCode::CREATED);
    let mut pulled = world
        .ask(Method::GET, &format!("/v2/acme/tool/blobs/{digest}"), &[])
        .await;
    let id = id(&pulled);
    pulled.chunk().await.unwrap().unwrap();
    drop(pulled);
    let line = world.line(&id).await;
    assert_eq!(
        (&line["message"], &line["status"]),
        (&"broken off".into(), &200.into())
    );
    assert!(line["bytes"].as_u64().unwrap() < 64 << 20, "{line}");
}

#[tokio::test]
async fn an_id_that_is_plain_is_taken_over_and_another_one_is_not() {
    let world = World::start(&["--log-format", "json"]);
    let given = "f3a1-77.under_way";
    let answer = world
        .ask(Method::GET, "/healthz", &[("x-request-id", given)])
        .await;
    assert_eq!(id(&answer), given);
    assert_eq!(world.line(given).await["path"], "/healthz");
    let long = "x".repeat(65);
    for wrong in ["", "a b", "a\"b", &long] {
        let answer = world
            .ask(Method::GET, "/healthz", &[("x-request-id", wrong)])
            .await;
        assert_eq!(id(&answer).len(), 16, "{wrong}");
    }
    // A refusal names it too.
    let refused = world
        .ask(Method::GET, "/nowhere", &[("x-request-id", given)])
        .await;
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["requestId"], given);
}

#[tokio::test]
async fn only_a_proxy_that_is_trusted_says_who_is_behind_it() {
    let forwarded = [("x-forwarded-for", "203.0.113.9, 198.51.100.7")];
    for (arguments, expected) in [
        (
            &["--log-format", "json", "--trusted-proxy", "127.0.0.1"][..],
            "198.51.100.7",
        ),
        (
            &[
                "--log-format",
                "json",
                "--trusted-proxy",
                "10.0.0.0/8,127.0.0.0/8",
            ],
            "198.51.100.7",
        ),
        (
            &["--log-format", "json", "--trusted-proxy", "10.0.0.0/8"],
            "127.0.0.1",
        ),
        (&["--log-format", "json"], "127.0.0.1"),
    ] {
        let world = World::start(arguments);
        let answer = world.ask(Method::GET, "/healthz", &forwarded).await;
        assert_eq!(
            world.line(&id(&answer)).await["address"],
            expected,
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn text_has_the_same_in_one_line() {
    let world = World::start(&[]);
    let answer = world.ask(Method::GET, "/healthz", &[]).await;
    let id = id(&answer);
    let line = loop {
        let said = said(world.data.path());
        if let Some(line) = said.lines().find(|line| line.contains(&id)) {
            break line.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    for part in [
        "answered",
        "method=\"GET\"",
        "path=/healthz",
        "status=200",
        "address=127.0.0.1",
    ] {
        assert!(line.contains(part), "{line}");
    }
}
