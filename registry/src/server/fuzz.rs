//! What must hold of the heads of requests, for the fuzz targets.
#![expect(clippy::missing_panics_doc, reason = "a panic is what is looked for")]

use axum::http::header::TRANSFER_ENCODING;
use axum::http::{HeaderMap, HeaderValue};

use super::heads::Heads;

/// The heads of a connection's requests say the same however its bytes come: the first byte is how
/// many of the others come at once.
pub fn request_heads(bytes: &[u8]) {
    let Some((size, connection)) = bytes.split_first() else {
        return;
    };
    let size = usize::from(*size).max(1);
    let at_once = has_two_lengths(connection, connection.len().max(1));
    assert_eq!(has_two_lengths(connection, size), at_once);
}

fn has_two_lengths(connection: &[u8], size: usize) -> bool {
    let mut heads = Heads::new();
    for piece in connection.chunks(size) {
        heads.read(piece);
    }
    let chunked = [(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))];
    heads
        .verdict()
        .has_two_lengths(&HeaderMap::from_iter(chunked))
}
