//! `referrers/<digest>`: the manifests that are about a manifest (OCI Distribution 1.1, "Listing
//! Referrers"). A repository that does not exist has none.

use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use bulla_schemas::{ProjectName, media_type};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::app::App;
use crate::blocking::blocking;
use crate::database::{ListedReferrer, Referrers};
use crate::http::bounded;
use crate::http::caller::Caller;
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::oci::digest::OciDigest;

/// Most manifests in one answer.
const MOST: u32 = 500;
/// Most bytes of annotations in one answer, unless a single manifest has more. Annotations may be
/// as long as a manifest, and all of them are in memory while an answer is sent.
const MOST_BYTES: u64 = 512 * 1024;
/// Bytes of a descriptor besides its annotations and its type, and more.
const DESCRIPTOR: u64 = 512;

#[derive(Deserialize)]
struct ReferrersQuery {
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    last: Option<String>,
}

/// Answers GET.
pub(crate) async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    subject: &OciDigest,
    uri: &Uri,
) -> Result<Response, Problem> {
    let query: ReferrersQuery = query(uri)?;
    let filter = query
        .artifact_type
        .as_deref()
        .filter(|kind| !kind.is_empty());
    let last = query.last.unwrap_or_default();
    let asked = Referrers {
        project,
        subject,
        artifact_type: filter,
        after: &last,
    };
    let _turn = bounded::turn(app, caller).await?;
    let database = &app.catalog.database;
    let sizes = database.referrer_sizes(&asked, MOST + 1).await?;
    let (count, bytes) = page(&sizes);
    let more = sizes.len() > count;
    // Before any of it is read.
    let share = bounded::share(app, caller, bytes)?;
    #[expect(clippy::cast_possible_truncation, reason = "at most MOST")]
    let manifests = database.referrers(&asked, count as u32).await?;
    let last = manifests.last().filter(|_| more);
    let last = last.map(|last| last.row.digest.clone());
    let index = blocking(move || write(&manifests)).await?;
    let mut response = Response::new(bounded::body(index.into(), share));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(media_type::OCI_INDEX),
    );
    if filter.is_some() {
        headers.insert(
            "oci-filters-applied",
            HeaderValue::from_static("artifactType"),
        );
    }
    if let Some(last) = last {
        let path = format!("/v2/{project}/referrers/{subject}");
        let filter = filter.map_or_else(String::new, |kind| {
            format!("&artifactType={}", encode(kind))
        });
        let link = format!("<{path}?last={last}{filter}>; rel=\"next\"");
        headers.insert(LINK, ascii(&link));
    }
    Ok(response)
}

/// Returns how many manifests, of which each adds so many bytes, fit an answer, and how long it
/// will be at most.
fn page(sizes: &[u64]) -> (usize, u64) {
    let (mut count, mut bytes) = (0, 0_u64);
    for size in sizes.iter().take(MOST as usize) {
        let longer = bytes.saturating_add(*size);
        if count > 0 && longer > MOST_BYTES {
            break;
        }
        (count, bytes) = (count + 1, longer);
    }
    (count, bytes.saturating_add((count as u64 + 1) * DESCRIPTOR))
}

/// Writes the list of some manifests.
fn write(manifests: &[ListedReferrer]) -> Result<Vec<u8>, Problem> {
    let index = Index {
        schema_version: 2,
        media_type: media_type::OCI_INDEX,
        manifests: manifests.iter().map(describe).collect(),
    };
    serde_json::to_vec(&index).map_err(Problem::internal)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    /// As the index keeps them, which is JSON already.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

fn describe(manifest: &ListedReferrer) -> Descriptor<'_> {
    let row = &manifest.row;
    Descriptor {
        media_type: &row.media_type,
        digest: row.digest.to_string(),
        size: row.size,
        artifact_type: row.artifact_type.as_deref(),
        annotations: serde_json::from_str(&manifest.annotations)
            .ok()
            .filter(|annotations: &&RawValue| annotations.get() != "{}"),
    }
}

/// Percent-encodes what is not plain in a query.
fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_bounded_number_of_bytes_and_at_least_one_manifest() {
        assert_eq!(page(&[]), (0, DESCRIPTOR));
        assert_eq!(page(&[4 * MOST_BYTES, 2]).0, 1);
        assert_eq!(page(&[2, MOST_BYTES, 2]).0, 1);
        assert_eq!(page(&[2, MOST_BYTES - 2, 2]).0, 2);
        assert_eq!(page(&[2; 501]), (500, 1000 + 501 * DESCRIPTOR));
    }
}
