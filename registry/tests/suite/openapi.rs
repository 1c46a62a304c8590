//! `schemas/json/openapi.json` says what the registry does: the methods of each path, the statuses of
//! each answer, and their bodies.

use std::collections::BTreeSet;

use bulla_schemas::api::OPENAPI;
use bulla_schemas::{Digest, media_type};
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{Organisation, sign_as};
use reqwest::header::{CONTENT_TYPE, HOST, IF_NONE_MATCH, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{BILLING, Registry, bundle, header, release_entry};

const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// Statuses that other tests see: what takes a large disk, long lists or a long time, and deltas.
const ELSEWHERE: &[(&str, &[&str])] = &[
    // `pressure`, `full_disk`, `hosts`, `uploads`, `log/admission`; two hashes with the same digits,
    // `http/api/view.rs`.
    ("*", &["408", "409", "429", "5XX"]),
    // `log/witnesses`
    ("cosign", &["200"]),
    // `frames`
    ("missingFrames", &["200"]),
    ("assemble", &["201"]),
    // `delta`
    ("delta", &["200", "422"]),
    ("takeDelta", &["201", "422"]),
];

/// What is not there before the first policy.
const OF_NO_POLICY: &[&str] = &["append", "propose", "checkpoint", "cosignatures", "cosign"];

/// An operation of the document.
struct Operation {
    id: String,
    method: Method,
    /// Its path with the names of what there is.
    path: String,
    described: Value,
}

impl Operation {
    fn takes_a_token(&self) -> bool {
        self.described["security"].is_array()
    }

    fn has(&self, status: &str) -> bool {
        self.described["responses"].get(status).is_some()
    }
}

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Puts the names of what there is into a path.
fn filled(path: &str) -> String {
    let hash = bundle("one").hash();
    path.replace("/log/tile/{path}", "/log/tile/0/000.p/1")
        .replace("/dl/{path}", &format!("/dl/acme/billing/{hash}.tar.zst"))
        .replace("{project}", "acme%2Fbilling")
        .replace("{host}", "web1")
        .replace("{id}", &Digest::of(&waiting()).to_string())
        .replace("{hash}", &hash.to_string())
        .replace("{from}", "dev")
        .replace("{to}", &hash.hex()[..8])
}

/// The log in which a promotion waits, for which two people sign.
fn staged() -> Organisation {
    let mut organisation = Organisation::new();
    let bundle = bundle("one");
    assert!(organisation.append(release_entry(&bundle)).is_effective());
    for channel in ["dev", "staging"] {
        let promoted = organisation.promote(channel, bundle.hash(), &["alice"]);
        assert!(promoted.is_effective());
    }
    organisation
}

/// The payload of that promotion.
fn waiting() -> Vec<u8> {
    to_payload(&staged().draft("vault", bundle("one").hash()))
}

fn proposed() -> Vec<u8> {
    sign_as(&["alice"], media_type::IN_TOTO, &waiting())
}

fn operations() -> Vec<Operation> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, described)| Operation {
            id: described["operationId"].as_str().unwrap().to_owned(),
            method: method.to_uppercase().parse().unwrap(),
            path: filled(path),
            described: described.clone(),
        })
    });
    operations.collect()
}

/// A release on dev and staging, and a promotion that waits.
async fn populated() -> (Registry, Organisation) {
    let registry = Registry::start().await;
    let organisation = staged();
    registry.push_bundle(BILLING, &bundle("one")).await;
    registry.append_all(&organisation.entries).await;
    let propose = registry.request(Method::POST, "/api/v1/proposals");
    let response = propose.body(proposed()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    (registry, organisation)
}

fn report(projects: &[&str]) -> String {
    let projects: Vec<_> = projects
        .iter()
        .map(|project| json!({ "project": project, "standing": "up-to-date" }))
        .collect();
    json!({
        "observedAt": "2026-11-28T06:39:49Z", "interval": "1m", "installer": "0.1.0",
        "system": "Debian GNU/Linux 13", "logSize": 5, "projects": projects,
    })
    .to_string()
}

/// What has been seen of the document.
struct Seen {
    document: Value,
    answers: BTreeSet<(String, String)>,
}

impl Seen {
    /// Notes an answer, and asserts that the document describes it.
    async fn note(&mut self, operation: &Operation, response: Response) {
        let status = response.status().as_str().to_owned();
        let id = &operation.id;
        let described = &operation.described["responses"][&status];
        let content_type = header(&response, "content-type").to_owned();
        let body = response.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(
            described.is_object(),
            "{id}: {status} is not described: {text}"
        );
        if let Some(contents) = described.get("content") {
            let content = &contents[&content_type];
            assert!(
                content.is_object(),
                "{id} {status}: {content_type} is not described"
            );
            if content_type == "application/json" {
                let mut schema = content["schema"].clone();
                schema["components"] = self.document["components"].clone();
                let body: Value = serde_json::from_slice(&body).unwrap();
                let validator = jsonschema::validator_for(&schema).unwrap();
                let errors: Vec<_> = validator
                    .iter_errors(&body)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{id} {status}: {errors:?} in {body}");
            }
        } else {
            assert_eq!(text, "", "{id} {status}");
        }
        self.answers.insert((id.clone(), status));
    }

    /// Sends a request, and asserts that it is answered with `status`, as the document says.
    async fn expect(&mut self, operation: &Operation, status: u16, request: RequestBuilder) {
        let response = request.send().await.unwrap();
        let found = response.status().as_u16();
        if found != status {
            let text = response.text().await.unwrap();
            panic!("{}: expected {status}, found {found}: {text}", operation.id);
        }
        self.note(operation, response).await;
    }

    /// Asserts that every answer that is described has been seen.
    fn is_all(&self) {
        let elsewhere = |id: &str, status: &str| {
            let mut known = ELSEWHERE.iter().filter(|(of, _)| *of == "*" || *of == id);
            known.any(|(_, statuses)| statuses.contains(&status))
        };
        for operation in operations() {
            let responses = operation.described["responses"].as_object().unwrap();
            for status in responses.keys() {
                let id = operation.id.as_str();
                let is_seen = self.answers.contains(&(id.to_owned(), status.clone()));
                assert!(
                    is_seen || elsewhere(id, status),
                    "{id} never answers {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn each_path_answers_the_methods_of_the_document_and_no_others() {
    let (registry, _) = populated().await;
    let operations = operations();
    let paths: BTreeSet<_> = operations.iter().map(|operation| &operation.path).collect();
    for path in paths {
        let mut allowed: BTreeSet<_> = operations
            .iter()
            .filter(|operation| operation.path == *path)
            .map(|operation| operation.method.as_str())
            .collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        for method in METHODS {
            let method: Method = method.to_uppercase().parse().unwrap();
            let url = if path.ends_with("/watch") {
                format!("{path}?wait=0")
            } else {
                path.clone()
            };
            let response = registry.request(method.clone(), &url).send().await.unwrap();
            let is_refused = response.status() == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(
                is_refused,
                !allowed.contains(method.as_str()),
                "{method} {path}"
            );
            if is_refused {
                let said: BTreeSet<_> = header(&response, "allow").split(", ").collect();
                assert_eq!(said, allowed, "{method} {path}");
            }
        }
    }
    registry.stop().await;
}

#[tokio::test]
async fn every_answer_of_the_document_is_real_and_as_it_is_described() {
    let (registry, organisation) = populated().await;
    let mut seen = Seen {
        document: document(),
        answers: BTreeSet::new(),
    };
    // For reports of another host, and nothing else.
    let other_host = registry.host_token("web9", &["acme/billing"]).await;
    for operation in operations() {
        let ask = |path: &str| registry.request(operation.method.clone(), path);
        let path = operation.path.as_str();
        let unclear = ask(path).header(HOST, "some@where");
        seen.expect(&operation, 400, unclear).await;
        if operation.takes_a_token() {
            let unknown = registry
                .plain(operation.method.clone(), path)
                .bearer_auth("unknown");
            seen.expect(&operation, 401, unknown).await;
        }
        if operation.has("403") {
            let other = registry
                .plain(operation.method.clone(), path)
                .bearer_auth(&other_host);
            seen.expect(&operation, 403, other).await;
        }
        if operation.method == Method::GET {
            let path = if operation.id == "watch" {
                "/api/v1/watch?wait=1"
            } else {
                path
            };
            // Before there is a host, there is none.
            if operation.id == "host" {
                seen.expect(&operation, 404, ask(path)).await;
                let token = registry.host_token("web1", &["acme/billing"]).await;
                let report = operations()
                    .into_iter()
                    .find(|one| one.id == "report")
                    .unwrap();
                let send = |projects: &[&str]| {
                    let request = registry
                        .plain(Method::POST, &report.path)
                        .bearer_auth(&token);
                    request.body(self::report(projects))
                };
                seen.expect(&report, 200, send(&["acme/billing", "acme/other"]))
                    .await;
                seen.expect(&report, 204, send(&["acme/billing"])).await;
                let status = status_of_head(&registry, &report, &token).await;
                assert_eq!(status, "413");
                seen.answers.insert((report.id, status));
            }
            seen.expect(&operation, 200, ask(path)).await;
        }
        if operation.has("413") && operation.id != "report" {
            let status = status_of_head(&registry, &operation, &registry.token).await;
            assert_eq!(status, "413", "{}", operation.id);
            seen.answers.insert((operation.id.clone(), status));
        }
        what_is_its_own(&mut seen, &registry, &organisation, &operation).await;
        if operation.has("404") && !OF_NO_POLICY.contains(&&*operation.id) && operation.id != "host"
        {
            seen.expect(&operation, 404, unknown(&registry, &operation))
                .await;
        }
    }
    registry.stop().await;

    before_the_first_policy(&mut seen, &organisation).await;
    seen.is_all();
}

/// Asks for the answers that only this operation gives.
async fn what_is_its_own(
    seen: &mut Seen,
    registry: &Registry,
    organisation: &Organisation,
    operation: &Operation,
) {
    let path = operation.path.as_str();
    let ask = |path: &str| registry.request(operation.method.clone(), path);
    match operation.id.as_str() {
        "append" => {
            let appended = ask(path).body(organisation.entries[0].clone());
            seen.expect(operation, 201, appended).await;
            let mut stranger = Organisation::new();
            let hash = bundle("never released").hash();
            let before = stranger.entries.len();
            assert!(!stranger.promote("dev", hash, &["alice"]).is_effective());
            let ineffective = ask(path).body(stranger.entries[before].clone());
            seen.expect(operation, 422, ineffective).await;
        }
        "cosign" => {
            let nobody = ask(path).body(organisation.checkpoint());
            seen.expect(operation, 422, nobody).await;
        }
        "propose" => {
            seen.expect(operation, 200, ask(path).body(proposed()))
                .await;
            let stranger = sign_as(&["mallory"], media_type::IN_TOTO, &waiting());
            seen.expect(operation, 422, ask(path).body(stranger)).await;
        }
        "withdraw" => {
            seen.expect(operation, 204, ask(path)).await;
            let propose = registry.request(Method::POST, "/api/v1/proposals");
            propose.body(proposed()).send().await.unwrap();
        }
        "watch" => {
            let waiting = ask("/api/v1/watch?size=1000&wait=0");
            seen.expect(operation, 204, waiting).await;
        }
        "download" => {
            let etag = ask(path).send().await.unwrap();
            let etag = header(&etag, "etag").to_owned();
            seen.expect(operation, 206, ask(path).header(RANGE, "bytes=0-3"))
                .await;
            seen.expect(operation, 304, ask(path).header(IF_NONE_MATCH, etag))
                .await;
            seen.expect(operation, 416, ask(path).header(RANGE, "bytes=999999999-"))
                .await;
        }
        _ => {}
    }
}

async fn before_the_first_policy(seen: &mut Seen, organisation: &Organisation) {
    let registry = Registry::start().await;
    for operation in operations() {
        if OF_NO_POLICY.contains(&operation.id.as_str()) {
            let entry = organisation.entries.last().unwrap().clone();
            let request = registry
                .request(operation.method.clone(), &operation.path)
                .body(entry);
            seen.expect(&operation, 404, request).await;
        }
    }
    registry.stop().await;
}

/// Asks for what there is not.
fn unknown(registry: &Registry, operation: &Operation) -> RequestBuilder {
    let hash = bundle("never pushed").hash();
    let path = operation.path.replace("acme%2Fbilling", "acme%2Funknown");
    let path = path.replace("/dl/acme/billing", "/dl/acme/unknown");
    let path = path.replace("000.p/1", "009");
    let path = path.replace(&Digest::of(&waiting()).hex(), &hash.hex());
    let ask = |query: &str| registry.request(operation.method.clone(), &format!("{path}{query}"));
    match operation.id.as_str() {
        "assemble" => {
            let frame = json!({ "digest": hash, "size": 40_000 });
            let frames = json!({ "frames": [frame, frame] }).to_string();
            ask(&format!("?digest={hash}&upload=unknown")).body(frames)
        }
        "delta" => ask("").body(json!({ "have": hash, "want": hash }).to_string()),
        "takeDelta" => {
            let request = ask(&format!("?have={hash}&want={hash}"));
            request
                .header(CONTENT_TYPE, media_type::DELTA)
                .body("a delta")
        }
        _ => ask(""),
    }
}

/// Announces a body that is too large, and returns the status.
async fn status_of_head(registry: &Registry, operation: &Operation, token: &str) -> String {
    let address = registry.url.trim_start_matches("http://");
    let hash = bundle("one").hash();
    let query = match operation.id.as_str() {
        "assemble" => format!("?digest={hash}&upload=unknown"),
        "takeDelta" => format!("?have={hash}&want={hash}"),
        _ => String::new(),
    };
    let (method, path) = (&operation.method, &operation.path);
    let head = format!(
        "{method} {path}{query} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n",
        1_u64 << 40
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    connection.read_exact(&mut status).await.unwrap();
    String::from_utf8_lossy(&status[9..]).into_owned()
}
