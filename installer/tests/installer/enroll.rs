//! A server that is enrolled, and enrolled again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bulla_files::Lock;
use bulla_installer::{FollowedLog, HostConfig};

use crate::registry::Registry;
use crate::world::{World, small_tree};

const INSTALL: [&str; 4] = ["install", "acme/billing", "--channel", "prod"];

/// Serves at another address what the world's registry serves.
fn mirror(world: &World) -> Registry {
    let mirror = Registry::start();
    let files = world.registry.change(|served| served.files.clone());
    mirror.change(|served| served.files = files);
    mirror
}

fn followed(world: &World) -> (String, u64) {
    let log = FollowedLog::open(&world.server(), &HostConfig::default()).unwrap();
    let url = log.registries()[0]
        .url
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    (url, log.state().size())
}

#[test]
fn moves_to_another_address_of_the_same_log_and_installs_from_there() {
    let mut world = World::new();
    let first_anchor = world.organisation.anchor().to_string();
    let hash = world.release(&small_tree("one\n"));
    let mirror = mirror(&world);
    let old = world.registry.url();
    let size = world.organisation.state.size();
    world.registry.change(|served| served.down = true);
    world.registry.forget_requests();

    let run = world.run(&["enroll", &mirror.url(), &first_anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(followed(&world), (mirror.url(), size));
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(world.live(), Some(hash));
    assert_eq!(world.registry.requests(""), [] as [&str; 0]);

    // Back again, with a newer anchor than this server has seen.
    world.registry.change(|served| served.down = false);
    let second = world.release(&small_tree("two\n"));
    let anchor = world.organisation.anchor().to_string();
    let run = world.run(&["enroll", &old, &anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(followed(&world).0, old);
    assert_eq!(world.run(&INSTALL).status, Some(0));
    assert_eq!(world.live(), Some(second));
}

#[test]
fn does_not_move_to_a_forked_or_shorter_log() {
    let mut world = World::new();
    let anchor = world.organisation.anchor().to_string();
    let shorter = mirror(&world);
    let mut fork = world.organisation.clone();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let before = followed(&world);

    // Signed by the log's key: as long as this server's log, and longer.
    let forked = mirror(&world);
    for name in ["a", "b", "c"] {
        fork.publish(&world.project, name);
        if fork.state.size() < before.1 {
            continue;
        }
        forked.change(|served| {
            for (path, bytes) in fork.files() {
                served.files.insert(format!("/log/{path}"), bytes);
            }
        });
        let run = world.run(&["enroll", &forked.url(), &anchor]);
        assert_eq!(run.status, Some(3), "{run:?}");
        assert!(
            run.stderr.contains("fork") || run.stderr.contains("lead"),
            "{run:?}"
        );
        assert_eq!(followed(&world), before);
    }
    let run = world.run(&["enroll", &shorter.url(), &anchor]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(run.stderr.contains("shrank"), "{run:?}");
    assert_eq!(followed(&world), before);
    assert_eq!(world.live(), Some(hash));
    assert_eq!(world.run(&INSTALL).status, Some(0));
}

#[test]
fn does_not_move_to_an_address_that_does_not_answer_or_to_another_log() {
    let world = World::new();
    let before = followed(&world);
    let anchor = world.organisation.anchor().to_string();
    let dead = Registry::start();
    dead.change(|served| served.down = true);
    let run = world.run(&["enroll", &dead.url(), &anchor]);
    assert_eq!(run.status, Some(4), "{run:?}");
    assert_eq!(followed(&world), before);

    let other = anchor.replacen("example", "elsewhere", 1);
    assert_ne!(other, anchor);
    let run = world.run(&["enroll", &mirror(&world).url(), &other]);
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stderr.contains(&before.0), "{run:?}");
    assert_eq!(followed(&world), before);
}

#[test]
fn the_token_file_of_enrolment_is_remembered_for_its_address_only() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world
        .registry
        .change(|served| served.token = Some("old".to_owned()));
    let folder = world.folder.path().to_owned();
    fs::write(folder.join("old"), "old\n").unwrap();
    fs::write(folder.join("new"), "new\n").unwrap();
    let url = world.registry.url();
    let anchor = world.organisation.anchor().to_string();
    let known = FollowedLog::open(&world.server(), &HostConfig::default()).unwrap();
    let known = known.state().anchor().unwrap().to_string();
    assert_ne!(world.run(&INSTALL).status, Some(0));

    // A relative path, and an install from another folder.
    let mut enroll = world.command(&["enroll", &url, &known, "--token-file", "old"]);
    let output = enroll.current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");

    // One that is wrong or empty is found now, and the old one stays.
    fs::write(folder.join("empty"), "\n").unwrap();
    for wrong in ["new", "empty"] {
        let mut enroll = world.command(&["enroll", &url, &known, "--token-file", wrong]);
        let output = enroll.current_dir(&folder).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert_eq!(world.run(&INSTALL).status, Some(0));
    }

    // What is given later wins.
    let path = folder.join("new");
    let path = path.to_str().unwrap();
    let with_file = [&INSTALL[..], &["--token-file", path]].concat();
    assert_ne!(world.run(&with_file).status, Some(0));
    let mut with_environment = world.command(&INSTALL);
    let output = with_environment.env("BULLA_TOKEN", "new").output().unwrap();
    assert!(!output.status.success(), "{output:?}");

    // The token is for its registry: another address gets its own.
    let mirror = mirror(&world);
    mirror.change(|served| served.token = Some("old".to_owned()));
    assert_ne!(
        world.run(&["enroll", &mirror.url(), &anchor]).status,
        Some(0)
    );
    mirror.change(|served| served.token = None);
    let run = world.run(&["enroll", &mirror.url(), &anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
    mirror.change(|served| served.token = Some("old".to_owned()));
    assert_ne!(world.run(&INSTALL).status, Some(0));
    mirror.change(|served| served.token = Some("new".to_owned()));
    let run = world.run(&["enroll", &mirror.url(), &anchor, "--token-file", path]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");
}

#[test]
fn a_newer_anchor_at_the_same_address_is_checked_against_the_log_there() {
    let mut world = World::new();
    let before = followed(&world);
    let mut fork = world.organisation.clone();
    world.release(&small_tree("one\n"));
    let url = world.registry.url();

    for name in ["a", "b", "c"] {
        fork.publish(&world.project, name);
    }
    let run = world.run(&["enroll", &url, &fork.anchor().to_string()]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(run.stderr.contains("anchor"), "{run:?}");
    assert_eq!(followed(&world), before);

    let anchor = world.organisation.anchor().to_string();
    let run = world.run(&["enroll", &url, &anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(followed(&world).1, world.organisation.state.size());
    // Older than what is verified, and of another history.
    let older = fork.anchor();
    let other = format!(
        "{}+2+{}",
        older.origin,
        bulla_schemas::Digest::of(b"other").hex()
    );
    let run = world.run(&["enroll", &url, &other]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(run.stderr.contains(&other), "{run:?}");
}

#[test]
fn a_token_file_whose_path_is_not_utf_8_is_refused_before_anything_is_written() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    fs::remove_dir_all(world.state()).unwrap();
    let path = world
        .folder
        .path()
        .join(std::ffi::OsStr::from_bytes(b"to\xffken"));
    fs::write(&path, "token\n").unwrap();
    let anchor = world.organisation.anchor().to_string();
    let mut command = world.command(&["enroll", &world.registry.url(), &anchor, "--token-file"]);
    let output = command.arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!world.state().exists());
}

#[test]
fn a_registry_that_is_away_is_named_while_it_is_tried() {
    let world = World::new();
    std::fs::remove_dir_all(world.state()).unwrap();
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let anchor = world.organisation.anchor().to_string();
    let run = world.run(&["enroll", &url, &anchor]);
    assert_eq!(run.status, Some(4), "{run:?}");
    let waiting = format!("waiting for {url}");
    assert_eq!(run.stderr.matches(&waiting).count(), 1, "{run:?}");
}

#[test]
fn an_address_that_leads_to_no_registry_is_named_with_what_to_do() {
    let world = World::new();
    fs::remove_dir_all(world.state()).unwrap();
    let anchor = world.organisation.anchor().to_string();
    let enroll = |url: &str| world.run(&["enroll", url, &anchor]);
    for url in ["releases.acme.example", "localhost:5000", "/etc/bulla"] {
        let run = enroll(url);
        assert_eq!(run.status, Some(2), "{run:?}");
        let expected = format!(
            "error: `{url}` is not a registry's URL: it begins with neither `https://` nor \
             `http://`\nhint: a registry's URL looks like `https://releases.acme.example`\n"
        );
        assert_eq!(run.stderr, expected);
    }
    let run = enroll("https://ada:sesam@releases.acme.example");
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stderr.contains("token file"), "{run:?}");
    assert!(!run.stderr.contains("sesam"), "{run:?}");

    // Port 9 is discard: nothing listens there.
    let run = enroll("http://127.0.0.1:9");
    assert_eq!(run.status, Some(4), "{run:?}");
    let said: Vec<&str> = run.stderr.lines().collect();
    let said = said
        .strip_prefix(&["waiting for http://127.0.0.1:9/"])
        .unwrap_or(&said);
    assert_eq!(
        said,
        [
            "error: cannot reach the registry at http://127.0.0.1:9/log/checkpoint",
            "  Connection refused (os error 111)",
            "hint: nothing listens at that port: check the URL, or start the registry",
        ]
    );

    // The address of a page of it.
    let registry = world.registry.url();
    let run = enroll(&format!("{registry}/projects/acme"));
    assert_eq!(run.status, Some(1), "{run:?}");
    let expected = format!("error: there is no registry at {registry}/projects/acme\n");
    assert!(run.stderr.starts_with(&expected), "{run:?}");
    let expected = format!("hint: its URL may be without the path: {registry}\n");
    assert!(run.stderr.ends_with(&expected), "{run:?}");
    assert!(!world.state().join("log/registry.json").exists());
}

#[test]
fn who_reads_the_log_is_named_while_it_is_waited_for() {
    let world = World::new();
    let anchor = world.organisation.anchor().to_string();
    let log = world.state().join("log");
    fs::remove_file(log.join("registry.json")).unwrap();
    let held = Lock::take(&log.join("lock"), "agent", None, |_| unreachable!()).unwrap();
    let mut command = world.command(&["enroll", &world.registry.url(), &anchor]);
    let mut enrolling = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(enrolling.stderr.take().unwrap()).lines();
    let waiting = format!(
        "waiting for `agent`, process {}, which is reading the log",
        std::process::id()
    );
    assert_eq!(said.next().unwrap().unwrap(), waiting);
    drop(held);
    assert!(enrolling.wait().unwrap().success());
}
