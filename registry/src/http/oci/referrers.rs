//! `referrers/<digest>`: the manifests that are about a manifest (OCI Distribution 1.1, "Listing
//! Referrers"). A repository that does not exist has none.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::{ProjectName, media_type};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::database::ManifestRow;
use crate::http::content::ascii;
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::oci::digest::OciDigest;

/// Most manifests in one answer.
const MOST: u32 = 500;

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
    let mut rows = app
        .catalog
        .database
        .referrers(project, subject, filter, &last, MOST + 1)
        .await?;
    let more = rows.len() > MOST as usize;
    rows.truncate(MOST as usize);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": rows.iter().map(describe).collect::<Vec<_>>(),
    });
    let mut response = index.to_string().into_response();
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

fn describe(row: &ManifestRow) -> Value {
    let mut descriptor = json!({
        "mediaType": row.media_type,
        "digest": row.digest.to_string(),
        "size": row.size,
    });
    if let Some(kind) = &row.artifact_type {
        descriptor["artifactType"] = json!(kind);
    }
    let annotations: Map<String, Value> =
        serde_json::from_str(&row.annotations).unwrap_or_default();
    if !annotations.is_empty() {
        descriptor["annotations"] = Value::Object(annotations);
    }
    descriptor
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
