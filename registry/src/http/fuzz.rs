//! What must hold of all that is read of a request, for the fuzz targets: each function takes any
//! bytes, and panics where it does not hold.
#![expect(clippy::missing_panics_doc, reason = "a panic is what is looked for")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Uri, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_bundle::is_worth_cutting;
use bulla_schemas::api::{BlobFrames, DeltaRequest};
use ipnet::IpNet;
use serde_json::Value;
use zeroize::Zeroizing;

use super::api::page::PageQuery;
use super::extract::query as read_query;
use super::oci::frames::repeats_too_often;
use super::oci::target::{Target, parse};
use super::range::{Selection, chunk, select};
use super::{address, body, caller, framing, slashes};
use crate::oci::digest::OciDigest;
use crate::oci::document::Document;
use crate::oci::reference::Reference;

/// `Range` and `Content-Range`: eight bytes are the size of the content, the others a header.
pub fn range(bytes: &[u8]) {
    let Some((size, header)) = bytes.split_first_chunk() else {
        return;
    };
    let Ok(header) = std::str::from_utf8(header) else {
        return;
    };
    let size = u64::from_le_bytes(*size);
    if let Selection::Part { first, last } = select(header, size) {
        assert!(first <= last && last < size, "a part of the content");
    }
    if let Some((first, last)) = chunk(header) {
        assert!(first <= last, "a chunk ends after it begins");
        let written = format!("bytes {first}-{last}/*");
        assert_eq!(chunk(&written), Some((first, last)));
    }
}

/// A tag or a digest.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text, "a reference has one text");
    }
    if let Ok(digest) = text.parse::<OciDigest>() {
        assert_eq!(digest.to_string(), text, "a digest has one text");
    }
}

/// A path below `/v2/`, and one of the API in which the name of a project has slashes.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok((name, target)) = parse(text) {
        let written = match &target {
            Target::Blob(digest) => format!("{name}/blobs/{digest}"),
            Target::Uploads => format!("{name}/blobs/uploads/"),
            Target::Upload(id) => format!("{name}/blobs/uploads/{id}"),
            Target::Frames => format!("{name}/_bulla/frames"),
            Target::Delta => format!("{name}/_bulla/delta"),
            Target::Manifest(reference) => format!("{name}/manifests/{reference}"),
            Target::Tags => format!("{name}/tags/list"),
            Target::Referrers(digest) => format!("{name}/referrers/{digest}"),
        };
        let again = parse(&written).ok();
        assert_eq!(again, Some((name, target)), "{text:?} means two things");
    }
    if let Some(encoded) = slashes::encoded(text) {
        assert_eq!(slashes::encoded(&encoded), None, "{text:?} is encoded once");
    }
}

/// The query of a list, and of a delta that is sent.
pub fn query(bytes: &[u8]) {
    let uri = [b"/?", bytes].concat();
    let Ok(uri) = Uri::try_from(uri) else {
        return;
    };
    if let Ok(page) = read_query::<PageQuery>(&uri) {
        // A number or a problem, whatever it is.
        drop(page.before_entry());
        let items = (0..5_u32).map(|item| item.to_string());
        let taken = page.at_most(3).take(items, Clone::clone);
        let shown = taken.map_or(0, |page| page.items.len());
        assert!((1..=3).contains(&shown), "{shown} of at most 3 items");
    }
    if let Ok(delta) = read_query::<DeltaRequest>(&uri) {
        let DeltaRequest { have, want } = delta;
        let written = Uri::try_from(format!("/?have={have}&want={want}"));
        let again = written.map(|uri| read_query::<DeltaRequest>(&uri).ok());
        assert_eq!(again.ok().flatten(), Some(delta));
    }
}

/// The headers of a request: whom it is from and for, and where its body ends.
pub fn request_headers(bytes: &[u8]) {
    let Some(headers) = headers(bytes) else {
        return;
    };
    if framing::check(Version::HTTP_11, &headers, &Extensions::new()).is_ok() {
        let hosts = headers.get_all("host").iter().count();
        assert_eq!(hosts, 1, "a request for one host");
    }
    if body::announced_length(&headers).is_some_and(|length| length > 1 << 20) {
        assert!(framing::is_long(&headers), "a body of a megabyte is long");
    }
    check_address(&headers);
    check_token(headers);
}

/// Only a proxy that is trusted says who is behind it.
fn check_address(headers: &HeaderMap) {
    let [client, proxy] = [[198, 51, 100, 7], [10, 0, 0, 1]].map(IpAddr::from);
    let trusted = IpNet::new(proxy, 8).into_iter().collect::<Vec<_>>();
    assert_eq!(address::of_client(client, headers, &trusted), client);
    assert_eq!(address::of_client(proxy, headers, &[]), proxy);
    let said = address::of_client(proxy, headers, &trusted);
    assert_eq!(said, said.to_canonical(), "an address has one form");
}

/// A token is the same one as Bearer and as the password of Basic.
fn check_token(headers: HeaderMap) {
    let token = |headers: HeaderMap| -> Option<Zeroizing<String>> {
        let mut request = Request::new(());
        *request.headers_mut() = headers;
        caller::secret(request.headers()).ok().flatten()
    };
    if let Some(found) = token(headers) {
        let basic = STANDARD.encode(format!("anyone:{}", found.as_str()));
        let basic = HeaderValue::try_from(format!("Basic {basic}"));
        let basic = basic.map(|value| HeaderMap::from_iter([(AUTHORIZATION, value)]));
        assert_eq!(basic.ok().and_then(token), Some(found));
    }
}

/// Reads headers as HTTP's own reader does.
fn headers(bytes: &[u8]) -> Option<HeaderMap> {
    let mut parsed = [httparse::EMPTY_HEADER; 100];
    let parsed = httparse::parse_headers(bytes, &mut parsed);
    let Ok(httparse::Status::Complete((_, parsed))) = parsed else {
        return None;
    };
    let mut headers = HeaderMap::new();
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(headers)
}

/// A list of frames.
pub fn frame_list(bytes: &[u8]) {
    let Ok(list) = serde_json::from_slice::<BlobFrames>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&list).unwrap_or_default();
    let again = serde_json::from_slice::<BlobFrames>(&written).ok();
    assert_eq!(again.as_ref(), Some(&list));
    if is_worth_cutting(&list.frames) && !repeats_too_often(&list.frames) {
        let sizes = |frames: &mut dyn Iterator<Item = u64>| frames.fold(0, u64::saturating_add);
        let once: BTreeSet<_> = list.frames.iter().map(|frame| frame.digest).collect();
        let largest = list.frames.iter().map(|frame| frame.size).max();
        let once = (once.len() as u64).saturating_mul(largest.unwrap_or(0));
        let all = sizes(&mut list.frames.iter().map(|frame| frame.size));
        assert!(
            all <= (64 << 20) || all / 8 <= once,
            "{all} bytes are read of {once}"
        );
    }
}

/// A manifest or an index: any reader of JSON finds the parts that the registry has found.
pub fn manifest(bytes: &[u8]) {
    let Ok(document) = Document::read(bytes, None) else {
        return;
    };
    let json: Value = serde_json::from_slice(bytes).unwrap_or_default();
    assert_eq!(json["mediaType"], document.media_type());
    let digest = |descriptor: &Value| descriptor["digest"].as_str().map(str::to_owned);
    let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    let named = [
        list("layers"),
        list("manifests"),
        vec![json["config"].clone()],
    ]
    .concat();
    let named: BTreeSet<String> = named.iter().filter_map(digest).collect();
    let parts = document.parts();
    let parts: BTreeSet<String> = parts.iter().map(ToString::to_string).collect();
    assert!(parts.is_subset(&named), "{parts:?} of {named:?}");
    let subject = document.subject().map(ToString::to_string);
    assert_eq!(subject, digest(&json["subject"]));
}
