//! `/metrics`: what it shows is what the document lists, and what alerts and dashboard name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::{Client, StatusCode};

use crate::program::{Program, run};

const PREFIX: &str = "bulla_registry_";

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Starts a registry, asks it for a few things and returns its metrics.
async fn metrics() -> String {
    let data = tempfile::tempdir().unwrap();
    let create = ["token", "create", "--init", "--scope", "pull,push"];
    let token = run(&create, data.path()).stdout;
    let token = String::from_utf8(token).unwrap();
    let arguments = ["--metrics-listen", "127.0.0.1:0"];
    let mut program = Program::start(data.path(), &arguments);
    let url = program.next_line("metrics on ");
    let client = Client::new();
    let get = |path: &str| {
        let request = client.get(format!("{}{path}", program.url));
        request.bearer_auth(token.lines().last().unwrap()).send()
    };
    // Of another address than the registry's own.
    assert_eq!(
        get("/metrics").await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get("/v2/acme/secret/tags/list").await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(get("/readyz").await.unwrap().status(), StatusCode::OK);
    let host = url.replace("/metrics", "/readyz");
    assert_eq!(
        client.get(host).send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    answer.text().await.unwrap()
}

/// Returns every name that begins as ours do.
fn names(text: &str) -> BTreeSet<String> {
    let rest = text.split(PREFIX).skip(1);
    let names = rest.map(|rest| {
        let is_name = |letter: &char| letter.is_ascii_lowercase() || *letter == '_';
        let name: String = rest.chars().take_while(is_name).collect();
        format!("{PREFIX}{name}")
    });
    names.collect()
}

/// Returns the names of all samples.
fn samples(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    names(&lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn shows_what_was_asked_for_and_names_no_project() {
    let metrics = metrics().await;
    for line in [
        "bulla_registry_http_requests_total{route=\"/readyz\",method=\"GET\",status=\"200\"} 1",
        "bulla_registry_http_requests_total{route=\"/v2/{name}/tags/list\",method=\"GET\",status=\"404\"} 1",
        "bulla_registry_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"} 2",
        "bulla_registry_http_request_duration_seconds_count{route=\"/readyz\"} 1",
        "bulla_registry_uploads 0",
        "bulla_registry_watches 0",
        "bulla_registry_hosts 0",
        "bulla_registry_log_entries 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    let free = metrics
        .lines()
        .find_map(|line| line.strip_prefix("bulla_registry_disk_free_bytes "));
    assert!(free.unwrap().parse::<u64>().unwrap() > 0);
    assert!(!metrics.contains("secret"), "{metrics}");
}

#[tokio::test]
async fn the_document_lists_all_of_them_and_alerts_and_dashboard_name_no_others() {
    let shown = samples(&metrics().await);
    let document = fs::read_to_string(at("../docs/registry.md")).unwrap();
    let listed = names(&document);
    let plain = |name: &str| {
        let name = name.trim_end_matches("_bucket").trim_end_matches("_count");
        name.trim_end_matches("_sum").to_owned()
    };
    let families: BTreeSet<String> = shown.iter().map(|name| plain(name)).collect();
    assert_eq!(listed, families);
    for file in ["alerts.yml", "dashboard.json"] {
        let named = names(&fs::read_to_string(at("contrib").join(file)).unwrap());
        assert!(!named.is_empty(), "{file}");
        let unknown: Vec<_> = named.difference(&shown).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    let dashboard = fs::read(at("contrib/dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_slice(&dashboard).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 4);
}

#[tokio::test]
async fn promtool_accepts_the_metrics_and_the_alerts() {
    let unpacked = std::env::current_exe().unwrap();
    let unpacked = unpacked.ancestors().nth(3).unwrap();
    let unpacked = unpacked.join("tools/promtool/usr/bin/promtool");
    let Some(promtool) = [PathBuf::from("/usr/bin/promtool"), unpacked]
        .into_iter()
        .find(|path| path.exists())
    else {
        println!("skip: promtool, because Debian's package `prometheus` is not there");
        return;
    };
    let rules = Command::new(&promtool)
        .args(["check", "rules"])
        .arg(at("contrib/alerts.yml"))
        .output();
    let rules = rules.unwrap();
    assert!(
        rules.status.success(),
        "{}",
        String::from_utf8_lossy(&rules.stderr)
    );
    let metrics = metrics().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), metrics).unwrap();
    let mut check = Command::new(&promtool);
    check
        .args(["check", "metrics"])
        .stdin(Stdio::from(file.reopen().unwrap()));
    let said = check.output().unwrap();
    let words = String::from_utf8_lossy(&said.stderr);
    // 3 is for style only, which it judges by an older form of the text.
    assert!(matches!(said.status.code(), Some(0 | 3)), "{words}");
}

// A scanner, or a client that speaks TLS to a port without.
#[test]
fn requests_whose_heads_cannot_be_read_are_logged_and_counted() {
    use std::io::{Read as _, Write as _};
    let arguments = ["--metrics-listen", "127.0.0.1:0"];
    let (data, mut program, _) = Program::start_logged(&arguments);
    let metrics = program.next_line("metrics on http://");
    let ask = |address: &str, text: &[u8]| {
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        connection.write_all(text).unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let address = program.url.replace("http://", "");
    assert!(ask(&address, b"\x16\x03\x01\x02\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let many: Vec<_> = (0..120).map(|number| format!("x{number}: 1\r\n")).collect();
    let many = many.concat();
    let many = format!("GET / HTTP/1.1\r\n{many}\r\n");
    assert!(ask(&address, many.as_bytes()).starts_with("HTTP/1.1 431 "));
    let (host, path) = metrics.split_once('/').unwrap();
    let get = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let shown = ask(host, get.as_bytes());
    for status in [400, 431] {
        let line = format!(
            "bulla_registry_http_requests_total{{route=\"unreadable\",method=\"other\",status=\"{status}\"}} 1"
        );
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
        let said = fs::read_to_string(data.path().join("said")).unwrap();
        let field = format!("status={status}");
        let mut lines = said.lines();
        let found = lines.find(|line| line.contains("unreadable") && line.contains(&field));
        assert!(
            found.is_some_and(|line| line.contains("127.0.0.1")),
            "{said}"
        );
    }
}
