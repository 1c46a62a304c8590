//! Answers with content that has a digest: `ETag`, conditional requests, ranges, HEAD. Never with
//! a content encoding: the bytes are what the digest names.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use crate::http::problem::Problem;
use crate::http::range::{Selection, select};
use crate::http::verified::{readable, verified};
use crate::oci::digest::OciDigest;
use crate::publish::{Mender, Wanted};
use crate::store::Blob;

/// What is named by a digest never changes. Caches that serve several clients may keep it only
/// where reading needs no token, which is what HTTP makes of an answer without `public`.
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// As many headers as such an answer has.
const MOST_HEADERS: usize = 12;

/// Bytes that have a digest.
pub(crate) struct Content<'a> {
    /// The bytes.
    pub(crate) blob: Blob,
    /// Its digest.
    pub(crate) digest: OciDigest,
    /// Its media type.
    pub(crate) media_type: HeaderValue,
    /// For how long caches may keep it.
    pub(crate) caching: HeaderValue,
    /// For when it turns out to be damaged.
    pub(crate) mender: &'a Mender,
}

impl Content<'_> {
    /// Answers a GET or HEAD.
    pub(crate) fn answer(self, method: &Method, asked: &HeaderMap) -> Result<Response, Problem> {
        let size = self.blob.size();
        let digest = self.digest.to_string();
        let etag = format!("\"{digest}\"");
        let names_it = |header| {
            asked.get_all(header).iter().any(|value| {
                value.to_str().is_ok_and(|value| {
                    value.split(',').any(|tag| {
                        let tag = tag.trim();
                        tag == "*" || tag.trim_start_matches("W/") == etag
                    })
                })
            })
        };
        if asked.contains_key(IF_NONE_MATCH) && names_it(IF_NONE_MATCH) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            self.describe(&digest, &etag, response.headers_mut());
            return Ok(response);
        }
        let selection = asked
            .get(RANGE)
            .filter(|_| method == Method::GET)
            .filter(|_| !asked.contains_key(IF_RANGE) || names_it(IF_RANGE))
            .and_then(|range| range.to_str().ok())
            .map_or(Selection::Whole, |range| select(range, size));
        let (status, first, length) = match selection {
            Selection::Whole => (StatusCode::OK, 0, size),
            Selection::Part { first, last } => {
                (StatusCode::PARTIAL_CONTENT, first, last - first + 1)
            }
            Selection::Unsatisfiable => {
                return Err(Problem::RangeNotSatisfiable { size });
            }
        };
        let mut response = status.into_response();
        // Room for all of them at once, with those that every answer gets.
        let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
        self.describe(&digest, &etag, &mut headers);
        headers.insert(CONTENT_TYPE, self.media_type);
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {first}-{}/{}", first + length - 1, size);
            headers.insert(CONTENT_RANGE, ascii(&range));
        }
        *response.headers_mut() = headers;
        if method == Method::GET {
            *response.body_mut() = if let Some(bytes) = self.blob.in_memory() {
                Body::from(part(bytes, first, length))
            } else if length == size {
                let stream = self.blob.stream().map_err(Problem::internal)?;
                Body::from_stream(verified(stream, size, self.digest, self.mender.clone()))
            } else {
                let part = self.blob.part(self.digest.clone(), first, length);
                Body::from_stream(readable(part, self.digest, self.mender.clone()))
            };
        }
        Ok(response)
    }

    fn describe(&self, digest: &str, etag: &str, headers: &mut HeaderMap) {
        headers.insert(ETAG, ascii(etag));
        headers.insert(DOCKER_CONTENT_DIGEST, ascii(digest));
        headers.insert(CACHE_CONTROL, self.caching.clone());
    }
}

/// Says what content is opened for.
pub(crate) fn wanted(method: &Method) -> Wanted {
    if method == Method::GET {
        Wanted::Bytes
    } else {
        Wanted::Size
    }
}

/// Returns bytes of content that is as long as that.
fn part(bytes: &Bytes, first: u64, length: u64) -> Bytes {
    let at = |position| {
        usize::try_from(position)
            .unwrap_or(usize::MAX)
            .min(bytes.len())
    };
    bytes.slice(at(first)..at(first.saturating_add(length)))
}

/// Makes a header of text that is known to be plain.
pub(crate) fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
