//! What HTTP's own reader does not pass on of the head of a request: it drops the `Content-Length`
//! next to a `Transfer-Encoding`. Another server on the way may have gone by it, and have seen
//! another end of the body (RFC 9112 §6.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use httparse::{EMPTY_HEADER, Status};

/// Most bytes of the head of a request.
pub(super) const MOST_BYTES: usize = 64 * 1024;
/// As many headers as HTTP's own reader takes.
const MOST_HEADERS: usize = 100;

/// Reads the heads of a connection's requests, as its bytes come.
#[derive(Debug)]
pub(super) struct Heads {
    next: Next,
    verdict: Verdict,
}

/// What the heads that have come say.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict(Arc<AtomicBool>);

/// What comes next on a connection.
#[derive(Debug)]
enum Next {
    /// The head of a request, of which so much has come.
    Head(Vec<u8>),
    /// So many bytes of a body, then a head.
    Body(u64),
    /// Nothing that matters: after a body in chunks the connection ends, and after a head that
    /// cannot be read too.
    End,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self {
            next: Next::Head(Vec::new()),
            verdict: Verdict::default(),
        }
    }

    /// Returns where the verdict will be.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    /// Takes the next bytes of the connection.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.next {
                Next::End => return,
                Next::Body(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX);
                    let count = count.min(bytes.len());
                    bytes = &bytes[count..];
                    *left -= count as u64;
                    if *left == 0 {
                        self.next = Next::Head(Vec::new());
                    }
                }
                Next::Head(head) => {
                    let known = head.len();
                    head.extend_from_slice(bytes);
                    // No head ends without the end of a line.
                    if !bytes.contains(&b'\n') && head.len() <= MOST_BYTES {
                        return;
                    }
                    let (next, length) = self.verdict.parse(head);
                    let Some(next) = next else {
                        return;
                    };
                    bytes = &bytes[length.saturating_sub(known).min(bytes.len())..];
                    self.next = next;
                }
            }
        }
    }
}

impl Verdict {
    /// Tells whether this request, the last that came, says in two ways where its body ends. Only
    /// the last of a connection can have a transfer coding.
    pub(super) fn has_two_lengths(&self, headers: &HeaderMap) -> bool {
        self.0.load(Ordering::Relaxed) && headers.contains_key(TRANSFER_ENCODING)
    }

    /// Returns what comes after a head and the head's length; nothing while it is not complete.
    fn parse(&self, head: &[u8]) -> (Option<Next>, usize) {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(head) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if head.len() <= MOST_BYTES => return (None, 0),
            Ok(Status::Partial) | Err(_) => return (Some(Next::End), 0),
        };
        let mut lengths = Vec::new();
        let mut is_coded = false;
        for header in request.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            is_coded |= is(TRANSFER_ENCODING.as_str());
            if is(CONTENT_LENGTH.as_str()) {
                lengths.push(header.value);
            }
        }
        if is_coded && !lengths.is_empty() {
            self.0.store(true, Ordering::Relaxed);
        }
        let body = match lengths.first() {
            _ if is_coded => None,
            None => Some(0),
            Some(length) => std::str::from_utf8(length)
                .ok()
                .and_then(|length| length.trim().parse().ok()),
        };
        let next = match body {
            None => Next::End,
            Some(0) => Next::Head(Vec::new()),
            Some(length) => Next::Body(length),
        };
        (Some(next), length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n";
    const BOTH: &str =
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n";

    /// Feeds a connection in pieces of `size` bytes.
    fn is_marked(connection: &str, size: usize) -> bool {
        let mut heads = Heads::new();
        for piece in connection.as_bytes().chunks(size) {
            heads.read(piece);
        }
        heads.verdict.0.load(Ordering::Relaxed)
    }

    proptest! {
        #[test]
        fn sees_both_lengths_of_any_request_of_a_connection(size in 1_usize..200) {
            // What is in a body is not a head.
            let body = &BOTH[..40];
            for before in ["", GET, "\r\n", &format!("{POST}{body}{GET}")] {
                let (both, none) = (format!("{before}{BOTH}"), format!("{before}{GET}"));
                prop_assert!(is_marked(&both, size));
                prop_assert!(!is_marked(&none, size));
            }
            let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
            let never_answered = format!("{chunked}{BOTH}");
            prop_assert!(!is_marked(&never_answered, size));
        }
    }
}
