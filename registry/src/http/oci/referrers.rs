//! `referrers/<digest>`: the manifests that are about a manifest (OCI Distribution 1.1, "Listing
//! Referrers"). A repository that does not exist has none.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::{ProjectName, media_type};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::app::App;
use crate::database::{ManifestRow, Referrers};
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::oci::digest::OciDigest;

/// Most manifests in one answer.
const MOST: u32 = 500;
/// Most bytes of annotations in one answer, unless a single manifest has more. Annotations may be
/// as long as a manifest, and all of them are in memory while an answer is sent.
const MOST_BYTES: u64 = 512 * 1024;

#[derive(Deserialize)]
struct ReferrersQuery {
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    last: Option<String>,
}

/// Answers GET.
pub(crate) async fn list(
    app: &Arc<App>,
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
    let database = &app.catalog.database;
    let sizes = database.referrer_sizes(&asked, MOST + 1).await?;
    let count = page(&sizes);
    let more = sizes.len() > count;
    #[expect(clippy::cast_possible_truncation, reason = "at most MOST")]
    let rows = database.referrers(&asked, count as u32).await?;
    let index = Index {
        schema_version: 2,
        media_type: media_type::OCI_INDEX,
        manifests: rows.iter().map(describe).collect(),
    };
    let mut response = Json(index).into_response();
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
    if let Some(last) = rows.last().filter(|_| more) {
        let path = format!("/v2/{project}/referrers/{subject}");
        let filter = filter.map_or_else(String::new, |kind| {
            format!("&artifactType={}", encode(kind))
        });
        let link = format!("<{path}?last={}{filter}>; rel=\"next\"", last.digest);
        headers.insert(LINK, ascii(&link));
    }
    Ok(response)
}

/// Returns how many manifests, of which each has so many bytes of annotations, fit an answer.
fn page(sizes: &[u64]) -> usize {
    let mut bytes = 0_u64;
    sizes
        .iter()
        .take(MOST as usize)
        .enumerate()
        .take_while(|&(position, size)| {
            bytes = bytes.saturating_add(*size);
            position == 0 || bytes <= MOST_BYTES
        })
        .count()
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

fn describe(row: &ManifestRow) -> Descriptor<'_> {
    Descriptor {
        media_type: &row.media_type,
        digest: row.digest.to_string(),
        size: row.size,
        artifact_type: row.artifact_type.as_deref(),
        annotations: serde_json::from_str(&row.annotations)
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
        assert_eq!(page(&[]), 0);
        assert_eq!(page(&[4 * MOST_BYTES, 2]), 1);
        assert_eq!(page(&[2, MOST_BYTES, 2]), 1);
        assert_eq!(page(&[2, MOST_BYTES - 2, 2]), 2);
        assert_eq!(page(&[2; 501]), 500);
    }
}
