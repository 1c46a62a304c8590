//! What is watched after the switch, and what comes of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bulla_installer::{ActivationAction, ActivationResult, Standing};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, request, small_tree};

/// A service on this machine, which answers as it is told.
struct Service {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
}

const WELL: &str =
    "HTTP/1.1 200 OK\r\nx-version: 3\r\ncontent-length: 7\r\nconnection: close\r\n\r\nall ok\n";
const SICK: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(WELL.to_owned())),
        };
        let answer = service.answer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answer = answer.lock().unwrap().clone();
                let _ = serve(&stream.unwrap(), &answer);
            }
        });
        service
    }

    fn answers(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }
}

fn serve(mut stream: &TcpStream, answer: &str) -> std::io::Result<()> {
    let mut host = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(name) = line.to_lowercase().strip_prefix("host: ") {
            name.clone_into(&mut host);
        }
        if line.is_empty() {
            break;
        }
    }
    stream.write_all(answer.replace("HOST", &host).as_bytes())
}

/// A release that wants a URL to answer.
fn watched(service: &Service, more: &str) -> String {
    format!(
        r#"{{"health":{{"http":{{"url":"http://{}/health"{more}}},"settle":"0s","window":"300ms"}}}}"#,
        service.address
    )
}

#[test]
fn a_release_counts_as_healthy_once_its_checks_held_to_the_end_of_the_window() {
    // R3: success only after the health window.
    let (mut world, service) = (World::new(), Service::start());
    let more = r#","body":"all ok","headers":{"X-Version":"3"}"#;
    let hash = world.release_with(&small_tree("one\n"), &watched(&service, more));
    world.install().unwrap();
    assert_eq!(world.live(), Some(hash));
    assert_eq!(world.history()[0].result, ActivationResult::Healthy);
}

#[test]
fn a_release_that_fails_its_check_is_left_again() {
    for (more, answer, says) in [
        ("", SICK, "answered 503, expected 200"),
        (
            r#","body":"no such text""#,
            WELL,
            "without `no such text` in its body",
        ),
        (
            r#","headers":{"x-version":"4"}"#,
            WELL,
            "without the header `x-version: 4`",
        ),
        (r#","status":302"#, WELL, "answered 200, expected 302"),
        (
            "",
            "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            "answered 302",
        ),
        ("", "nonsense", "did not answer"),
    ] {
        let (mut world, service) = (World::new(), Service::start());
        let first = world.release(&small_tree("one\n"));
        world.install().unwrap();
        service.answers(answer);
        world.release_with(&small_tree("two\n"), &watched(&service, more));
        let error = world.install().unwrap_err();
        assert_eq!(error.kind(), FailureKind::RolledBack, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(world.live(), Some(first));
        world.assert_intact();
    }
}

#[test]
fn the_host_of_a_check_can_be_another_than_the_address() {
    let (mut world, service) = (World::new(), Service::start());
    service.answers("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhost=HOST;");
    let more = r#","host":"billing.acme.example","body":"host=billing.acme.example;""#;
    world.release_with(&small_tree("one\n"), &watched(&service, more));
    world.install().unwrap();
}

#[test]
fn a_command_a_port_and_a_unit_are_checked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let closed = {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap()
    };
    for (check, says) in [
        (format!(r#""tcp":"{open}""#), None),
        (
            format!(r#""tcp":"{closed}""#),
            Some("accepts no connection"),
        ),
        (r#""command":["bin/app"]"#.to_owned(), None),
        (
            r#""command":["false"]"#.to_owned(),
            Some("`false` ended with status 1"),
        ),
        (
            r#""systemd":"bulla-no-such.service""#.to_owned(),
            Some("unit `bulla-no-such.service` is not active"),
        ),
        // All that are given must hold.
        (
            format!(r#""tcp":"{open}","command":["false"]"#),
            Some("`false`"),
        ),
    ] {
        let mut world = World::new();
        let wants = format!(r#"{{"health":{{{check},"settle":"0s","window":"100ms"}}}}"#);
        let hash = world.release_with(&small_tree("one\n"), &wants);
        match (world.install(), says) {
            (Ok(_), None) => assert_eq!(world.live(), Some(hash), "{check}"),
            (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
            (result, _) => panic!("{check}: {result:?}"),
        }
    }
}

#[test]
fn a_first_release_that_fails_stays_live_and_says_so() {
    let mut world = World::new();
    let wants = r#"{"health":{"command":["false"],"settle":"0s","window":"0s"}}"#;
    let hash = world.release_with(&small_tree("one\n"), wants);
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack);
    assert!(
        error
            .to_string()
            .contains("stays live, because nothing was live before"),
        "{error}"
    );
    assert_eq!(world.live(), Some(hash));
    let found = &world.status(None)[0];
    assert_eq!(found.standing, Standing::Failed);
    assert!(found.failure.is_some());
}

#[test]
fn a_service_that_was_sick_before_is_not_blamed_on_the_new_release_by_going_back() {
    // R11: check the old release first; do not go back onto one that was unhealthy.
    let (mut world, service) = (World::new(), Service::start());
    let first = world.release_with(&small_tree("one\n"), &watched(&service, ""));
    world.install().unwrap();
    service.answers(SICK);
    let second = world.release_with(&small_tree("two\n"), &watched(&service, ""));
    let (result, notes) = world.install_with(&request());
    let error = result.unwrap_err();
    assert!(
        notes.contains("the release that is left is not healthy"),
        "{notes}"
    );
    assert_eq!(error.kind(), FailureKind::RolledBack);
    let says = format!("{} was not healthy before", first.short());
    assert!(error.to_string().contains(&says), "{error}");
    assert_eq!(world.live(), Some(second));
    // A fix goes forward from there, and a rollback goes past what failed.
    service.answers(WELL);
    let third = world.release_with(&small_tree("three\n"), &watched(&service, ""));
    world.install().unwrap();
    assert_eq!(world.live(), Some(third));
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
}

#[test]
fn there_is_one_automatic_rollback_and_no_loop_where_the_release_before_fails_too() {
    // R11: endless rollback loops.
    let (mut world, service) = (World::new(), Service::start());
    let first = world.release_with(&small_tree("one\n"), &watched(&service, ""));
    world.install().unwrap();
    // The new release breaks the service for both.
    let out = world.folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let tree = small_tree("two\n");
    let wants = r#"{"health":{"command":["false"],"settle":"0s","window":"200ms"},"hooks":{"activate":["touch","broken"]}}"#;
    let wants = wants.replace("broken", out.join("broken").to_str().unwrap());
    world.release_with(&tree, &wants);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !out.join("broken").exists() {
                std::thread::yield_now();
            }
            service.answers(SICK);
        });
        let error = world.install().unwrap_err();
        assert_eq!(error.kind(), FailureKind::RolledBack);
        let says = format!("{} is live again, and failed too", first.short());
        assert!(error.to_string().contains(&says), "{error}");
    });
    assert_eq!(world.live(), Some(first));
    let history = world.history();
    assert_eq!(history.len(), 3);
    assert_eq!(history[2].action, ActivationAction::Return);
    assert_eq!(history[2].result, ActivationResult::Failed);
    // What was returned to is not quarantined: it is what there is.
    let found = &world.status(None)[0];
    assert_eq!(found.quarantine.len(), 1);
    assert_eq!(found.standing, Standing::Failed);
}

#[test]
fn a_check_that_cannot_be_made_is_refused_before_the_switch() {
    let mut world = World::new();
    let wants = r#"{"health":{"http":{"url":"127.0.0.1/health"}}}"#;
    world.release_with(&small_tree("one\n"), wants);
    let error = world.install().unwrap_err();
    assert!(error.to_string().contains("127.0.0.1/health"), "{error}");
    assert_eq!(world.live(), None);
}
