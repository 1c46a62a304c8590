//! `bulla witness --serve`, asked by a registry and by strangers.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use bulla_tests::programs::hermetic;
use bulla_tests::{Transcript, World, world};
use bulla_trust::{Checkpoint, SigningKey};

use super::{PROJECT, Witness, add};
use crate::evil::log::log_key;

/// A witness that is asked, at a port that the machine chose.
struct Listening {
    process: Child,
    url: String,
}

impl Listening {
    fn start(world: &World, witness: &Witness) -> Self {
        let mut command = world.bulla_command();
        command.env_remove("BULLA_TOKEN");
        command.args(["witness", "--serve", "127.0.0.1:0", "--key"]);
        command.arg(&witness.key).arg("--state").arg(&witness.state);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut first).unwrap();
        let url = first.trim_end().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{first:?}")).to_owned();
        Self { process, url }
    }

    /// Hands something in, and returns the status, the media type and the body.
    fn ask(&self, world: &World, request: &[u8]) -> (String, String) {
        let file = world.path("request");
        std::fs::write(&file, request).unwrap();
        let mut curl = hermetic("curl", &world.home());
        curl.args(["--silent", "--show-error", "--data-binary"]);
        curl.arg(format!("@{}", file.display()));
        curl.args(["--write-out", "%{http_code} %{content_type}"]);
        curl.args(["--output".as_ref(), world.path("answer").as_os_str()]);
        curl.arg(format!("{}/add-checkpoint", self.url));
        let status = Transcript::of(&mut curl).done().stdout;
        let answer = std::fs::read_to_string(world.path("answer")).unwrap();
        (status, answer)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

#[test]
fn a_registry_asks_a_witness_that_listens() {
    let mut world = World::new();
    let url = world.registry.url().to_owned();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    let office = Witness::new(&world, "office.acme.example");
    add(&world, &office).done();
    office.cosign(&world, &url, &["--begin"]).done();
    let listening = Listening::start(&world, &office);
    // Another process does not cosign by the same file meanwhile.
    office.cosign(&world, &url, &[]).fails(4, "is cosigning by");
    world.registry.stop();
    let asking = ["--anonymous-read", "--witness", &listening.url];
    world.registry.start_again_with(&asking);
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    let size = shown_when_witnessed(&world);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(second));
    let state = std::fs::read(&office.state).unwrap();
    assert_eq!(Checkpoint::parse(&state).unwrap().0.size, size);

    // What C2SP's tlog-witness says that others are answered.
    let checkpoint = std::fs::read_to_string(world.registry.data().join("log/checkpoint")).unwrap();
    let ask = |request: String| listening.ask(&world, request.as_bytes());
    let (status, line) = ask(format!("old {size}\n\n{checkpoint}"));
    assert!(status.starts_with("200 "), "{status} {line}");
    assert!(line.starts_with("— office.acme.example "), "{line}");
    let conflict = ("409 text/x.tlog.size".to_owned(), format!("{size}\n"));
    assert_eq!(ask(format!("old 0\n\n{checkpoint}")), conflict);
    let other = checkpoint.replacen(world::ORIGIN, "log.example/other", 2);
    for (request, expected) in [
        (format!("old {size}\n\n{other}"), "404 "),
        (format!("old 0{size}\n\n{checkpoint}"), "400 "),
        (format!("old {}\n\n{checkpoint}", size + 1), "400 "),
        ("nothing".to_owned(), "400 "),
    ] {
        let (status, said) = ask(request);
        assert!(status.starts_with(expected), "{expected}: {status} {said}");
    }
    let key = log_key(world.registry.data());
    let forged = |key: &SigningKey, size| {
        let root = bulla_schemas::Digest::of(b"other");
        let origin = world::ORIGIN.to_owned();
        let note = Checkpoint { origin, size, root }.sign(key).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    };
    let stranger = forged(&SigningKey::from_seed(&[7; 32]), size);
    let (status, _) = ask(format!("old {size}\n\n{stranger}"));
    assert!(status.starts_with("403 "), "{status}");
    assert_eq!(
        ask(format!("old {size}\n\n{}", forged(&key, size))),
        conflict
    );
    let (status, _) = ask(format!("old {size}\n\n{}", forged(&key, size + 1)));
    assert!(status.starts_with("422 "), "{status}");
    assert_eq!(std::fs::read(&office.state).unwrap(), state);

    // A witness that is away delays nothing, and what it missed it cosigns when it is back.
    drop(listening);
    checkout.commit_change("three");
    let third = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_ne!(server.live(PROJECT).as_ref(), Some(&third));
    let back = Listening::start(&world, &office);
    shown_when_witnessed(&world);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(third));
    drop(back);
}

/// Waits until servers are shown as much of the log as there is, and returns how much.
fn shown_when_witnessed(world: &World) -> u64 {
    let size = |note: &[u8]| Checkpoint::parse(note).unwrap().0.size;
    for _ in 0..3000 {
        let newest = std::fs::read(world.registry.data().join("log/checkpoint")).unwrap();
        let (_, shown) = world.registry.get("/log/checkpoint", &world.token);
        if size(shown.as_bytes()) == size(&newest) {
            return size(&newest);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("servers are shown nothing new");
}
