//! `Meter`: a proxy before a registry that counts what its answers carry.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An HTTP proxy on a port that the machine chose. It listens until the test's process ends, and
/// knows bodies with a length.
pub struct Meter {
    address: SocketAddr,
    answers: Arc<Mutex<Vec<Metered>>>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// Method and path of the request, `GET /v2/...`.
    pub line: String,
    /// Bytes of the answer's body.
    pub size: u64,
}

impl Meter {
    /// Listens, and carries what comes to `registry`, a host and port.
    pub fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port");
        let answers = Arc::new(Mutex::new(Vec::new()));
        let (shared, registry) = (Arc::clone(&answers), registry.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&registry) else {
                    continue;
                };
                let answers = Arc::clone(&shared);
                // Either side may go away, which ends both connections.
                std::thread::spawn(move || carry(&client, &server, &answers));
            }
        });
        Self { address, answers }
    }

    /// Returns the address, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Forgets the answers so far.
    pub fn clear(&self) {
        lock(&self.answers).clear();
    }

    /// Returns the answers to requests whose path begins so, in the order of their ends.
    pub fn answers(&self, path: &str) -> Vec<Metered> {
        let answers = lock(&self.answers);
        let is_below = |answer: &&Metered| {
            let asked = answer.line.split(' ').nth(1);
            asked.is_some_and(|asked| asked.starts_with(path))
        };
        answers.iter().filter(is_below).cloned().collect()
    }
}

fn lock(answers: &Mutex<Vec<Metered>>) -> MutexGuard<'_, Vec<Metered>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries requests and their answers, one after the other as clients send them.
fn carry(client: &TcpStream, server: &TcpStream, answers: &Mutex<Vec<Metered>>) -> io::Result<()> {
    let (mut requests, mut replies) = (BufReader::new(client), BufReader::new(server));
    loop {
        let head = read_head(&mut requests)?;
        pass_on(&mut requests, server, &head)?;
        let line = head.lines().next().unwrap_or_default();
        let line = line.trim_end_matches(" HTTP/1.1").to_owned();
        let head = read_head(&mut replies)?;
        let size = pass_on(&mut replies, client, &head)?;
        lock(answers).push(Metered { line, size });
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// Sends a head and the body that follows it, and returns how long that is.
fn pass_on(reader: &mut impl Read, mut to: &TcpStream, head: &str) -> io::Result<u64> {
    let lowercase = head.to_lowercase();
    assert!(!lowercase.contains("transfer-encoding"), "{head}");
    let length = lowercase
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    to.write_all(head.as_bytes())?;
    io::copy(&mut reader.take(length), &mut to)
}
