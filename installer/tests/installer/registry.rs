//! A registry of static files over HTTP/1.1, which can be told to break.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is served, and how.
#[derive(Default)]
pub(crate) struct Served {
    /// By path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Every request: method, path, range, separated by spaces.
    pub(crate) requests: Vec<String>,
    /// Bytes of all bodies that were sent.
    pub(crate) sent: usize,
    /// Goes down in the middle of the answer that brings `sent` to so many bytes.
    pub(crate) down_after: Option<usize>,
    /// Ignores ranges.
    pub(crate) whole_only: bool,
    /// The only token with which anything is served.
    pub(crate) token: Option<String>,
    /// Closes every connection without an answer.
    pub(crate) down: bool,
    /// The path of a file that never ends.
    pub(crate) endless: Option<String>,
    /// How long it says nothing to requests whose path holds a text, where not for ever.
    pub(crate) silent: Option<(&'static str, Option<Duration>)>,
}

/// A running registry; it stops when it is dropped.
pub(crate) struct Registry {
    address: SocketAddr,
    served: Arc<Mutex<Served>>,
    stopped: Arc<AtomicBool>,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = Self {
            address: listener.local_addr().unwrap(),
            served: Arc::default(),
            stopped: Arc::default(),
        };
        let (served, stopped) = (registry.served.clone(), registry.stopped.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let served = served.clone();
                std::thread::spawn(move || {
                    let _ = answer(&connection.unwrap(), &served);
                });
            }
        });
        registry
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what is served.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Served) -> T) -> T {
        change(&mut self.served.lock().unwrap())
    }

    /// Forgets the requests so far.
    pub(crate) fn forget_requests(&self) {
        self.change(|served| {
            served.requests.clear();
            served.sent = 0;
        });
    }

    /// Returns the requests whose path holds a text.
    pub(crate) fn requests(&self, text: &str) -> Vec<String> {
        self.change(|served| {
            let matching = served.requests.iter().filter(|line| line.contains(text));
            matching.cloned().collect()
        })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(connection: &TcpStream, served: &Mutex<Served>) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let (mut range, mut token, mut length) = (None, None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(": Bearer ")
            && name.eq_ignore_ascii_case("authorization")
        {
            token = Some(value.to_owned());
        }
        let header = header.to_lowercase();
        if let Some(value) = header.strip_prefix("range: bytes=") {
            let (start, end) = value.split_once('-').unwrap();
            range = Some((start.parse::<usize>().unwrap(), end.parse::<usize>().ok()));
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    let silence = served.lock().unwrap().silent;
    if let Some((text, silence)) = silence
        && path.contains(text)
    {
        let said = format!("{method} {path}");
        served.lock().unwrap().requests.push(said);
        match silence {
            Some(silence) => std::thread::sleep(silence),
            // Until the other side goes away.
            None => return io::copy(&mut &*connection, &mut io::sink()).map(drop),
        }
    }
    let (head, body) = {
        let mut served = served.lock().unwrap();
        if served.down {
            return Ok(());
        }
        let shown = range.map_or_else(String::new, |range| format!(" {range:?}"));
        served.requests.push(format!("{method} {path}{shown}"));
        if served.token.is_some() && token != served.token {
            let head =
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let mut connection = connection;
            return connection.write_all(head.as_bytes());
        }
        if served.endless.as_ref() == Some(&path) {
            drop(served);
            return never_end(connection, &path);
        }
        let Some(file) = served.files.get(&path) else {
            let head = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let mut connection = connection;
            return connection.write_all(head.as_bytes());
        };
        let (status, extra, mut body) = match range.filter(|_| !served.whole_only) {
            Some((start, end)) => {
                let end = end.map_or(file.len(), |end| file.len().min(end + 1));
                let content_range = format!(
                    "content-range: bytes {start}-{}/{}\r\n",
                    end - 1,
                    file.len()
                );
                (
                    "206 Partial Content",
                    content_range,
                    file[start..end].to_vec(),
                )
            }
            None => ("200 OK", String::new(), file.clone()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{extra}connection: \
             close\r\n\r\n",
            media_type(&path),
            body.len()
        );
        if let Some(limit) = served.down_after
            && served.sent + body.len() > limit
        {
            body.truncate(limit - served.sent);
            served.down = true;
        }
        served.sent += body.len();
        (head, body)
    };
    let mut connection = connection;
    connection.write_all(head.as_bytes())?;
    connection.write_all(&body)
}

fn media_type(path: &str) -> &str {
    if path.ends_with("/_bulla/delta") {
        bulla_schemas::media_type::DELTA
    } else {
        "application/octet-stream"
    }
}

fn never_end(mut connection: &TcpStream, path: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n",
        media_type(path)
    );
    connection.write_all(head.as_bytes())?;
    loop {
        connection.write_all(&[7; 16 * 1024])?;
    }
}
