//! `RequestLog`: a proxy before a registry that writes down what was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A TCP proxy on a port that the machine chose. It listens until the test's process ends.
pub struct RequestLog {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<u8>>>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method and path, `GET /v2/...`.
    pub line: String,
    /// The first and the last byte of a `Range`.
    pub range: Option<(u64, u64)>,
}

impl RequestLog {
    /// Listens, and carries what comes to `registry`, a host and port.
    pub fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, registry) = (Arc::clone(&asked), registry.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&registry) else {
                    continue;
                };
                carry(client, server, &shared);
            }
        });
        Self { address, asked }
    }

    /// Returns the address, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Forgets what was asked so far.
    pub fn clear(&self) {
        lock(&self.asked).clear();
    }

    /// Returns the requests without a body that went by, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        let asked = lock(&self.asked);
        let text = String::from_utf8_lossy(&asked);
        let mut requests: Vec<Request> = Vec::new();
        for line in text.lines() {
            if let Some(line) = line.strip_suffix(" HTTP/1.1") {
                requests.push(Request {
                    line: line.to_owned(),
                    range: None,
                });
            } else if let Some(request) = requests.last_mut()
                && let Some(range) = line.to_lowercase().strip_prefix("range: bytes=")
            {
                request.range = range
                    .split_once('-')
                    .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
            }
        }
        requests
    }
}

fn lock(asked: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries bytes both ways, and keeps what a client sends: a head at a time, so that those of
/// several connections do not mix.
fn carry(client: TcpStream, server: TcpStream, asked: &Arc<Mutex<Vec<u8>>>) {
    let back = (server.try_clone(), client.try_clone());
    if let (Ok(mut from), Ok(mut to)) = back {
        std::thread::spawn(move || {
            // Either side may go away; both ends are closed then.
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
    let asked = Arc::clone(asked);
    std::thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        let mut head = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            head.extend_from_slice(&buffer[..length]);
            if head.windows(4).any(|end| end == b"\r\n\r\n") {
                lock(&asked).append(&mut head);
            }
            if server.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(std::net::Shutdown::Both);
    });
}
