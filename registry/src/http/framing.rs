//! Whether it is clear for whom a request is and where it ends (RFC 9112 §3.2, §6): what two
//! servers would read in two ways is refused, and after a body in chunks the connection ends.

use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderValue, Version};

use crate::http::problem::Problem;

/// A body that is at most so long is read although its request was refused, so that the connection
/// can be used again.
const SHORT: u64 = 16 * 1024;

/// Marks a request whose head says in two ways where the body ends. HTTP's own reader drops the
/// `Content-Length` next to a `Transfer-Encoding`, so the headers do not show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TwoLengths;

/// Marks a request of HTTP/2 that names one host in `:authority` and another one in `Host` (RFC 9113
/// §8.3.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct TwoHosts;

/// Checks the head of a request.
pub(super) fn check(
    version: Version,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<(), Problem> {
    check_host(version, headers)?;
    if extensions.get::<TwoHosts>().is_some() {
        return Err(Problem::Framing {
            reason: "a request is for one host, and `:authority` and Host name two",
        });
    }
    if extensions.get::<TwoLengths>().is_some() {
        return Err(Problem::Framing {
            reason: "a body has a Content-Length or a Transfer-Encoding, not both",
        });
    }
    check_transfer_coding(headers)
}

/// Tells whether the body is in chunks.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
}

/// Tells whether the rest of the body is not worth waiting for once the request was refused.
pub(super) fn is_long(headers: &HeaderMap) -> bool {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    is_chunked(headers) || length.is_some_and(|length| length.parse().unwrap_or(u64::MAX) > SHORT)
}

fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let reason = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => return Ok(()),
        (None, _) => "a request needs a Host header",
        (Some(_), Some(_)) => "a request has one Host header, not several",
        (Some(host), None) if is_host(host) => return Ok(()),
        (Some(_), None) => "the Host header is neither `host` nor `host:port`",
    };
    Err(Problem::Framing { reason })
}

/// An empty host is allowed: the address may have none.
fn is_host(host: &HeaderValue) -> bool {
    let Ok(text) = host.to_str() else {
        return false;
    };
    let text = text.trim();
    is_name(text)
        || text.parse::<Authority>().is_ok_and(|authority| {
            let port = text.strip_prefix(authority.host());
            !authority.as_str().contains('@')
                && port
                    .is_some_and(|port| ["", ":"].contains(&port) || authority.port_u16().is_some())
        })
}

/// Tells whether it is empty or a name or address with a port or without, as nearly all are.
fn is_name(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    name.bytes().all(is_plain) && (port.is_empty() || port.parse::<u16>().is_ok())
}

fn check_transfer_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let codings: Vec<&[u8]> = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.iter().find(|coding| !is_chunked(coding)) {
        Some(coding) => Err(Problem::TransferCoding {
            found: String::from_utf8_lossy(coding).chars().take(40).collect(),
        }),
        None if codings.len() > 1 => Err(Problem::Framing {
            reason: "a body is cut into chunks once, not twice",
        }),
        None => Ok(()),
    }
}
