//! What a lying registry costs: whatever it sends, and for however long, the programs take little
//! memory and end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_tests::{Program, Server, World};

/// Most bytes that a program may hold in memory.
const MOST: u64 = 64 * 1024 * 1024;
const PROJECT: &str = "acme/billing";

/// Stands before a registry, and answers without end where the path contains a word.
struct Endless {
    url: String,
    word: Arc<Mutex<Option<String>>>,
}

impl Endless {
    /// Listens until the test's process ends; tells the truth at first.
    fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let word = Arc::new(Mutex::new(None));
        let (shared, registry) = (Arc::clone(&word), registry.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, registry) = (Arc::clone(&shared), registry.clone());
                std::thread::spawn(move || answer(client, &registry, &shared));
            }
        });
        Self { url, word }
    }

    fn lie_about(&self, word: &str) {
        *self.word.lock().unwrap() = Some(word.to_owned());
    }

    fn repent(&self) {
        *self.word.lock().unwrap() = None;
    }
}

/// Answers one request. Whoever asks may go away at any time.
fn answer(mut client: TcpStream, registry: &str, word: &Mutex<Option<String>>) -> Option<()> {
    let mut head = String::new();
    let mut lines = BufReader::new(client.try_clone().ok()?);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let word = word.lock().unwrap().clone();
    let path = head.split(' ').nth(1)?;
    if word.is_some_and(|word| path.contains(&word)) {
        let start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(start).ok()?;
        // Entries without content, an endless text, or hashes: whatever is expected there.
        let piece = [b"10000\r\n".as_slice(), &vec![0; 0x10000], b"\r\n"].concat();
        loop {
            client.write_all(&piece).ok()?;
        }
    }
    let mut server = TcpStream::connect(registry).ok()?;
    let head = head.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    server.write_all(head.as_bytes()).ok()?;
    let mut said = Vec::new();
    server.read_to_end(&mut said).ok()?;
    client.write_all(&said).ok()
}

/// Runs a program to its end and returns its status and the most memory that it had.
fn run(command: &mut Command) -> (Option<i32>, u64) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        // The kernel keeps the peak, so that only the last look counts.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        most = peak(&text).unwrap_or(0).max(most);
        if let Some(end) = child.try_wait().unwrap() {
            return (end.code(), most);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// A24: it can refuse service
#[test]
fn an_endless_answer_takes_little_memory_wherever_it_comes() {
    let world = World::new();
    let endless = Endless::before(world.registry.address());
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let server = world.server_at("web1", &endless.url);
    server.install(PROJECT, "prod").done();
    checkout.commit_change("two");
    let hash = world.release(&checkout.path, PROJECT);
    let anchor = world.bulla(&["anchor"]).done().last_line().to_owned();

    for (number, word) in [
        "/log/checkpoint",
        "/log/tile/0",
        "/log/tile/entries",
        "/manifests/",
        "/blobs/",
        "/",
    ]
    .into_iter()
    .enumerate()
    {
        endless.lie_about(word);
        let install = ["install", PROJECT, "--channel", "prod"];
        // The hashes of an enrolled server's log are its own.
        if word != "/log/tile/0" {
            assert_costs_little(word, &mut server.command(Program::Installer, &install));
        }
        let new = Server::new(&world.path(&format!("servers/new{number}")), &world.home());
        let enroll = ["enroll", &endless.url, &anchor];
        if word.starts_with("/log") {
            assert_costs_little(word, &mut new.command(Program::Installer, &enroll));
        }
        let mut diff = world.bulla_command();
        diff.args(["diff", "prod", &hash, "--project", PROJECT]);
        diff.env("BULLA_REGISTRY", &endless.url);
        diff.env("XDG_STATE_HOME", world.path(&format!("states/{number}")));
        let (_, memory) = run(&mut diff);
        assert!(memory > 0 && memory < MOST, "bulla diff, {word}: {memory}");
    }
    endless.repent();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(hash));
}

#[track_caller]
fn assert_costs_little(word: &str, command: &mut Command) {
    let (status, memory) = run(command);
    assert!(
        matches!(status, Some(1..=4)),
        "{command:?}, {word}: {status:?}"
    );
    assert!(memory > 0 && memory < MOST, "{command:?}, {word}: {memory}");
}
