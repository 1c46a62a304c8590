//! The agent's socket: who may ask, what they are told, and that nobody keeps the others waiting.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::world::{Run, World, small_tree};

const NOBODY: u32 = 65534;

/// An agent that answers at a socket, until this is dropped.
struct Answering {
    agent: Child,
    socket: PathBuf,
}

impl Answering {
    fn new(world: &World) -> Self {
        let socket = world.folder.path().join("agent.sock");
        let mut command = world.command(&["agent", "--socket", socket.to_str().unwrap()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let agent = command.spawn().unwrap();
        let answering = Self { agent, socket };
        let patience = Instant::now() + Duration::from_mins(1);
        while UnixStream::connect(&answering.socket).is_err() {
            assert!(Instant::now() < patience, "no agent answers");
            std::thread::sleep(Duration::from_millis(10));
        }
        answering
    }

    fn path(&self) -> &str {
        self.socket.to_str().unwrap()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

/// What the agent answers; nothing where it takes longer than anybody would wait.
fn ask(socket: &Path, question: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    writeln!(stream, "{question}").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn connections_that_ask_nothing_keep_nobody_waiting() {
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let answering = Answering::new(&world);
    let connect = |_| UnixStream::connect(&answering.socket).unwrap();
    let silent: Vec<UnixStream> = (0..200).map(connect).collect();
    let answer = ask(&answering.socket, r#"{"ask":"status"}"#);
    assert!(answer.contains("acme/billing"), "{answer}");
    drop(silent);
    let answer = ask(&answering.socket, r#"{"ask":"everything"}"#);
    assert!(answer.contains(r#""kind":"usage""#), "{answer}");
}

#[test]
fn the_agent_says_why_a_release_failed_and_not_what_its_hooks_wrote() {
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let tree = small_tree("two\n")
        .executable("bin/hook", "#!/bin/sh\necho the secret\nexit 7\n")
        .unwrap();
    world.release_with(&tree, r#"{"hooks":{"activate":["bin/hook"]}}"#);
    world.install().unwrap_err();
    let answering = Answering::new(&world);
    for question in [
        r#"{"ask":"history","project":"acme/billing"}"#,
        r#"{"ask":"status"}"#,
    ] {
        let answer = ask(&answering.socket, question);
        assert!(answer.contains("ended with status 7"), "{answer}");
        assert!(!answer.contains("the secret"), "{answer}");
    }
    let found = world.run(&["doctor", "--socket", answering.path()]);
    assert!(found.stdout.contains("it answers at `"), "{found:?}");
    let found = world.run(&["doctor", "--socket", "/nonexistent/agent.sock"]);
    assert!(
        found
            .stdout
            .contains("the agent does not answer at `/nonexistent/agent.sock`"),
        "{found:?}"
    );
}

#[test]
fn who_may_list_the_state_and_not_read_it_is_answered_by_the_agent() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: nothing is run as another user, because this is not root");
        return;
    }
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let open = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(world.folder.path(), 0o755);
    open(&world.state(), 0o755);
    let answering = Answering::new(&world);
    open(&answering.socket, 0o666);
    for (arguments, said) in [
        (
            &["status"][..],
            "only root and members of the group `bulla` may ask the agent",
        ),
        (
            &["history", "acme/billing", "--output"],
            "only root may read what hooks wrote",
        ),
    ] {
        let arguments = [arguments, &["--socket", answering.path()]].concat();
        let mut command = world.command_of_anybody(&arguments);
        let run = Run::of(&command.uid(NOBODY).gid(NOBODY).output().unwrap());
        assert_eq!(run.status, Some(3), "{run:?}");
        assert!(run.stderr.contains(said), "{run:?}");
    }
}
