//! `bulla where`: what a registry says of servers, on paper.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use insta::assert_snapshot;

use crate::program::{Home, Ran};

const HASH: &str = "sha256:9f2c81aa9f2c81aa9f2c81aa9f2c81aa9f2c81aa9f2c81aa9f2c81aa9f2c81aa";
const HEAD: &str = "sha256:8d10aabb8d10aabb8d10aabb8d10aabb8d10aabb8d10aabb8d10aabb8d10aabb";

/// A registry that answers every request in the same way.
struct Registry {
    address: SocketAddr,
    answered: JoinHandle<String>,
}

impl Registry {
    fn answering(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answered = std::thread::spawn(move || {
            let mut asked = String::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let first = lines.next().map(Result::unwrap).unwrap_or_default();
                if first.is_empty() {
                    break;
                }
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                connection.write_all(answer.as_bytes()).unwrap();
                if asked.is_empty() {
                    asked = first;
                }
            }
            asked
        });
        Self { address, answered }
    }

    /// Runs `bulla where`, and returns what was asked for first.
    fn ask(self, arguments: &[&str]) -> (Ran, String) {
        let arguments = [&["where"], arguments].concat();
        let url = format!("http://{}/", self.address);
        let ran = Home::new().bulla_with(&arguments, &[("BULLA_REGISTRY", &url)]);
        // Whoever asks for nothing ends it.
        drop(TcpStream::connect(self.address));
        let asked = self.answered.join().unwrap();
        (ran, asked.split(' ').nth(1).unwrap_or_default().to_owned())
    }
}

fn deployment(host: &str, state: &str, more: &str, report: &str) -> String {
    format!(
        r#"{{"host":"{host}","state":"{state}","receivedAt":"2026-11-28T06:39:49Z","head":"{HEAD}"{more},
            "report":{{"project":"acme/billing","channel":"prod","live":"{HASH}",
            "activatedAt":"2026-11-27T06:39:49Z","standing":"behind"{report}}}}}"#
    )
}

fn deployments() -> Vec<String> {
    let failed = r#","lastError":{"kind":"rolled-back","at":"2026-11-28T06:00:00Z",
        "message":"\u001b[2J\u202e\u009bGET /health answered 503, expected 200 to 399, and it went on doing so until the window was over"}"#;
    let held = format!(
        r#","hold":{{"hash":"{HASH}","since":"2026-11-27T06:39:49Z","by":"alice","reason":"the  last\none that printed"}}"#
    );
    vec![
        deployment("web9", "behind", "", ""),
        deployment("web1", "failed", "", failed),
        deployment("web2", "held", "", &held),
        deployment("web3", "drifted", "", r#","drift":2"#),
    ]
}

#[test]
fn a_project_is_shown_with_each_of_its_servers_and_why_it_is_not_current() {
    let body = format!(r#"{{"items":[{}]}}"#, deployments().join(","));
    let (ran, asked) = Registry::answering("200 OK", &body).ask(&["acme/billing"]);
    assert_eq!(asked, "/api/v1/projects/acme%2Fbilling/where");
    assert_snapshot!(ran.transcript(), @r"
    PROJECT       CHANNEL  HOST  STATE    HASH          SINCE                 NOTE
    acme/billing  prod     web1  failed   HASH  2026-11-27T06:39:49Z  \u{1b}[2J\u{202e}\u{9b}GET /health answered 503, expected 200 to 399, and it went on doing so until the window was over
    acme/billing  prod     web2  held     HASH  2026-11-27T06:39:49Z  held by alice: the last one that printed
    acme/billing  prod     web3  drifted  HASH  2026-11-27T06:39:49Z  2 paths differ
    acme/billing  prod     web9  behind   HASH  2026-11-27T06:39:49Z  expected HASH
    status 0
    ");
}

#[test]
fn in_a_pipe_a_row_is_a_line_unless_the_environment_says_how_wide_it_may_be() {
    let body = format!(r#"{{"items":[{}]}}"#, deployments().join(","));
    let registry = Registry::answering("200 OK", &body);
    let url = format!("http://{}/", registry.address);
    let variables = [("BULLA_REGISTRY", &*url), ("COLUMNS", "80")];
    let narrow = Home::new().bulla_with(&["where", "acme/billing"], &variables);
    let wide = Home::new().bulla_with(&["where", "acme/billing"], &variables[..1]);
    drop(TcpStream::connect(registry.address));
    registry.answered.join().unwrap();
    let widest = |ran: &Ran| ran.stdout().lines().map(|line| line.chars().count()).max();
    assert!(widest(&narrow) <= Some(80), "{}", narrow.stdout());
    assert!(widest(&wide) > Some(80), "{}", wide.stdout());
}

#[test]
fn servers_that_are_silent_are_shown_with_the_time() {
    let silent = r#","silentSince":"2026-11-20T06:39:49Z""#;
    let silent = deployment("web1", "silent", silent, "");
    let current = deployment("web2", "current", "", "");
    let host = |name: &str, deployment: &str| {
        format!(
            r#"{{"host":"{name}","receivedAt":"2026-11-28T06:39:49Z","report":{{
                "observedAt":"2026-11-28T06:39:49Z","interval":"1m","installer":"0.1.0",
                "system":"Debian","logSize":5}},"deployments":[{deployment}]}}"#
        )
    };
    let hosts = [host("web1", &silent), host("web2", &current)].join(",");
    let body = format!(r#"{{"items":[{hosts}]}}"#);
    let (ran, asked) = Registry::answering("200 OK", &body).ask(&[]);
    assert_eq!(asked, "/api/v1/hosts");
    assert_snapshot!(ran.transcript(), @r"
    PROJECT       CHANNEL  HOST  STATE    HASH          SINCE                 SILENT SINCE          NOTE
    acme/billing  prod     web1  silent   HASH  2026-11-27T06:39:49Z  2026-11-20T06:39:49Z
    acme/billing  prod     web2  current  HASH  2026-11-27T06:39:49Z
    status 0
    ");
}

#[test]
fn programs_get_what_the_registry_says_as_a_list() {
    let body = format!(r#"{{"items":[{}]}}"#, deployments().join(","));
    let arguments = ["--project", "acme/billing", "--json"];
    let (ran, _) = Registry::answering("200 OK", &body).ask(&arguments);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    let hosts = list.as_array().unwrap().iter().map(|item| &item["host"]);
    assert!(hosts.eq(["web1", "web2", "web3", "web9"]), "by host");
    assert_eq!(list[0]["report"]["live"], HASH);
    let shown = list[0]["report"]["lastError"]["message"].as_str().unwrap();
    assert!(shown.starts_with("\u{1b}[2J\u{202e}\u{9b}GET"), "{shown:?}");
    let stdout = ran.stdout();
    assert!(stdout.is_ascii() && !stdout.contains('\u{1b}'), "{stdout}");
}

#[test]
fn where_nothing_was_reported_that_is_said() {
    let (ran, _) = Registry::answering("200 OK", r#"{"items":[]}"#).ask(&[]);
    assert_snapshot!(ran.transcript(), @r"
    ! no server has reported yet
    status 0
    ");
    let body =
        r#"{"error":"not_found","message":"there is no project `acme/tool`","requestId":"1"}"#;
    let (ran, _) = Registry::answering("404 Not Found", body).ask(&["acme/tool"]);
    ran.assert_failure(1, &["error: the log knows no project acme/tool"]);
}

#[test]
fn two_projects_are_one_too_many() {
    let arguments = ["where", "acme/billing", "--project", "tools"];
    let ran = Home::new().bulla_with(&arguments, &[("BULLA_REGISTRY", "http://127.0.0.1:1/")]);
    ran.assert_failure(2, &["acme/billing", "tools"]);
}
