//! The end: what is under way ends, within a time.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::program::Program;

/// The real program, and a push of which half of the body is sent.
struct World {
    data: tempfile::TempDir,
    program: Program,
    push: TcpStream,
}

impl World {
    fn start(arguments: &[&str]) -> Self {
        let (data, program, token) = Program::start_logged(arguments);
        let host = program.url.strip_prefix("http://").unwrap();
        let mut push = TcpStream::connect(host).unwrap();
        let digest = bulla_schemas::Digest::of(b"both halves");
        let head = format!(
            "POST /v2/acme/tool/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {host}\r\n\
             Authorization: Bearer {token}\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"
        );
        push.write_all(head.as_bytes()).unwrap();
        // The registry reads the body from now on.
        let mut goes_on = [0; 25];
        push.read_exact(&mut goes_on).unwrap();
        assert!(goes_on.starts_with(b"HTTP/1.1 100 "), "{goes_on:?}");
        push.write_all(b"both ").unwrap();
        Self {
            data,
            program,
            push,
        }
    }

    /// Asks the registry to end, and waits until it takes no more connections.
    fn stop(&self) {
        self.program.signal("TERM");
        let host = self.program.url.strip_prefix("http://").unwrap();
        while TcpStream::connect(host).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.data.path().join("said")).unwrap()
    }
}

#[test]
fn a_push_under_way_is_answered_and_no_new_one_is_taken() {
    let mut world = World::start(&[]);
    world.stop();
    world.push.write_all(b"halves").unwrap();
    world.push.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    world.push.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let ended = world.program.child.wait().unwrap();
    assert!(ended.success(), "{}", world.said());
    assert!(!world.said().contains("cut off"), "{}", world.said());
}

#[test]
fn a_push_that_does_not_end_is_cut_off() {
    let mut world = World::start(&["--drain", "1s"]);
    world.stop();
    let ended = world.program.child.wait().unwrap();
    assert!(ended.success(), "{}", world.said());
    assert!(
        world.said().contains("requests were cut off"),
        "{}",
        world.said()
    );
}
