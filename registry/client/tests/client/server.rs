//! A scripted HTTP server: it answers with whatever bytes a test wants, true or not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_registry_client::Client;
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::{Digest, ProjectName};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

/// A request as it arrived. Header names are in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What the server writes before it closes the connection.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    /// Goes on with zeros until the client goes away.
    endless: bool,
    /// How long it waits before each byte of those.
    drip: Duration,
    /// Reads at most so much of the body before it answers.
    body_limit: Option<usize>,
    /// How long it is silent before it answers.
    silence: Duration,
}

impl Reply {
    /// An answer whose headers are as given; `Content-Length` is the body's unless given.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let framed = ["content-length", "transfer-encoding"];
        if !headers.iter().any(|(name, _)| framed.contains(name)) {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        Self {
            bytes: [head.as_bytes(), body].concat(),
            endless: false,
            drip: Duration::ZERO,
            body_limit: None,
            silence: Duration::ZERO,
        }
    }

    /// Closes the connection after reading some of the request's body, without an answer.
    pub(crate) fn cut_after(body_limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            endless: false,
            drip: Duration::ZERO,
            body_limit: Some(body_limit),
            silence: Duration::ZERO,
        }
    }

    pub(crate) fn after(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Goes on with a zero now and then until the client goes away.
    pub(crate) fn dripping(mut self, drip: Duration) -> Self {
        self.drip = drip;
        self.endless()
    }

    pub(crate) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }
}

/// A server on a port of its own; stops when it is dropped.
pub(crate) struct Server {
    pub(crate) url: Url,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers each request by `script`, which gets the number of earlier requests too.
    pub(crate) async fn start(
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let script = Arc::new(script);
        let task = tokio::spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                answers.spawn(async move { answer(connection, &*script, &seen).await });
            }
        });
        Self {
            url: url.parse().unwrap(),
            requests,
            task,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.url.clone(), Some("secret".into())).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut connection: TcpStream,
    script: &impl Fn(usize, &Request) -> Reply,
    seen: &Mutex<Vec<Request>>,
) {
    let Some((mut request, length, mut rest)) = read_head(&mut connection).await else {
        return;
    };
    let reply = script(seen.lock().unwrap().len(), &request);
    let wanted = reply.body_limit.unwrap_or(length).min(length);
    while rest.len() < wanted {
        let mut buffer = vec![0; wanted - rest.len()];
        match connection.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => rest.extend_from_slice(&buffer[..read]),
        }
    }
    request.body = rest;
    seen.lock().unwrap().push(request);
    tokio::time::sleep(reply.silence).await;
    let _ = connection.write_all(&reply.bytes).await;
    let more = if reply.drip.is_zero() { 4096 } else { 1 };
    while reply.endless && connection.write_all(&[0; 4096][..more]).await.is_ok() {
        tokio::time::sleep(reply.drip).await;
    }
    let _ = connection.shutdown().await;
}

/// Reads up to the blank line; returns what was read beyond it as well.
async fn read_head(connection: &mut TcpStream) -> Option<(Request, usize, Vec<u8>)> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first).await.ok()?;
    let mut words = first.split_ascii_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok());
    let rest = reader.buffer().to_vec();
    let request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    Some((request, length.unwrap_or(0), rest))
}

pub(crate) fn project() -> ProjectName {
    "acme/billing".parse().unwrap()
}

/// Bytes that tell where they stand.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(size).collect()
}

pub(crate) fn descriptor(content: &[u8]) -> Descriptor {
    Descriptor {
        media_type: "application/octet-stream".to_owned(),
        digest: Digest::of(content),
        size: content.len() as u64,
        annotations: BTreeMap::new(),
    }
}
