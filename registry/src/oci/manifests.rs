//! `manifests/<tag or digest>`: reading, and pushing with all that must hold before.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::policy::matches;
use bytes::Bytes;

use super::document::{Document, DocumentError};
use crate::admit::{AdmitError, admit};
use crate::app::{App, blocking};
use crate::body::read_all;
use crate::content::{Content, ascii};
use crate::database::ManifestRow;
use crate::oci_digest::{Algorithm, OciDigest};
use crate::problem::Problem;
use crate::reference::{Reference, Tag};
use crate::repositories::ManifestRecord;

/// Answers GET and HEAD. Whatever `Accept` says, the manifest comes as it was pushed.
pub(crate) async fn read(
    app: &Arc<App>,
    project: &ProjectName,
    reference: &Reference,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let unknown = || Problem::ManifestUnknown {
        reference: match reference {
            Reference::Tag(tag) => tag.to_string(),
            Reference::Digest(digest) => digest.to_string(),
        },
    };
    let digest = match reference {
        Reference::Digest(digest) => Some(digest.clone()),
        Reference::Tag(tag) => app.tagged(project, tag).await?,
    };
    let digest = digest.ok_or_else(unknown)?;
    let manifest = app.database.manifest(project, &digest).await?;
    let manifest = manifest.ok_or_else(unknown)?;
    let (store, wanted) = (app.blobs.clone(), digest.clone());
    let (file, size) = blocking(move || Ok(store.open(&wanted)?))
        .await?
        .ok_or_else(unknown)?;
    let content = Content {
        file,
        size,
        digest,
        media_type: ascii(&manifest.media_type),
    };
    let mut response = content.answer(method, headers)?;
    if matches!(reference, Reference::Tag(_)) {
        // The tag may be a channel's and move.
        response
            .headers_mut()
            .insert("cache-control", HeaderValue::from_static("no-cache"));
    }
    Ok(response)
}

/// Answers PUT.
pub(crate) async fn push(
    app: &Arc<App>,
    project: &ProjectName,
    reference: Reference,
    request: Request,
) -> Result<Response, Problem> {
    let pushed = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(ToOwned::to_owned);
    let bytes = read_all(request.into_body(), Manifest::MAX_LEN).await?;
    let (document, media_type) = Document::read(&bytes, pushed.as_deref()).map_err(invalid)?;
    let (digest, tag) = match reference {
        Reference::Digest(digest) => (digest, None),
        Reference::Tag(tag) => (OciDigest::of(Algorithm::Sha256, &bytes), Some(tag)),
    };
    let found = OciDigest::of(digest.algorithm(), &bytes);
    if found != digest {
        return Err(Problem::DigestMismatch {
            expected: digest.to_string(),
            found: found.to_string(),
        });
    }
    if let Some(tag) = &tag {
        check_tag(app, project, tag, &digest).await?;
    }
    check_parts(app, project, &document).await?;
    if document.is_bundle() {
        check_bundle(app, project, &digest, &bytes).await?;
    }
    let manifest = document
        .row(digest.clone(), media_type, bytes.len())
        .map_err(invalid)?;
    app.add_manifest(project, bytes.into(), manifest.clone())
        .await?;
    if let Some(tag) = tag {
        set_tag(app, project, tag, &digest).await?;
    }
    Ok(created(project, &manifest))
}

/// Answers DELETE: nothing is deleted through this interface, a channel's tag least of all.
pub(crate) fn delete(
    app: &Arc<App>,
    project: &ProjectName,
    reference: &Reference,
) -> Result<Response, Problem> {
    match reference {
        Reference::Tag(tag) if app.is_channel(project, tag) => Err(Problem::TagIsChannel {
            tag: tag.to_string(),
        }),
        _ => Err(Problem::Unsupported {
            allow: "GET, HEAD, PUT",
        }),
    }
}

/// Refuses to move a tag: before anything is stored, and again when the tag is set.
async fn check_tag(
    app: &Arc<App>,
    project: &ProjectName,
    tag: &Tag,
    digest: &OciDigest,
) -> Result<(), Problem> {
    if app.is_channel(project, tag) {
        return Err(Problem::TagIsChannel {
            tag: tag.to_string(),
        });
    }
    match app.database.tag(project, tag).await? {
        Some(found) if found != *digest => Err(Problem::TagImmutable {
            tag: tag.to_string(),
            digest: found.to_string(),
        }),
        _ => Ok(()),
    }
}

async fn check_parts(
    app: &Arc<App>,
    project: &ProjectName,
    document: &Document,
) -> Result<(), Problem> {
    for blob in document.blobs().map_err(invalid)? {
        if !app.database.has_blob(project, &blob).await? {
            return Err(Problem::ManifestBlobUnknown {
                digest: blob.to_string(),
            });
        }
    }
    for manifest in document.manifests().map_err(invalid)? {
        if app.database.manifest(project, &manifest).await?.is_none() {
            return Err(Problem::ManifestBlobUnknown {
                digest: manifest.to_string(),
            });
        }
    }
    Ok(())
}

/// A bundle is named by its sha256 everywhere, so it cannot be pushed under another digest.
async fn check_bundle(
    app: &Arc<App>,
    project: &ProjectName,
    digest: &OciDigest,
    bytes: &Bytes,
) -> Result<(), Problem> {
    let hash = digest.sha256().ok_or_else(|| Problem::DigestMismatch {
        expected: Digest::of(bytes).to_string(),
        found: digest.to_string(),
    })?;
    let (blobs, project, manifest) = (app.blobs.clone(), project.clone(), bytes.to_vec());
    blocking(move || {
        admit(&blobs, &project, hash, manifest).map_err(|error| match error {
            AdmitError::File(error) => error.into(),
            AdmitError::Payload(error) => Problem::internal(error),
            error => Problem::NotAdmitted(error.into()),
        })
    })
    .await
}

async fn set_tag(
    app: &Arc<App>,
    project: &ProjectName,
    tag: Tag,
    digest: &OciDigest,
) -> Result<(), Problem> {
    let _pointers = app.pointers.lock().await;
    check_tag(app, project, &tag, digest).await?;
    let (repositories, name) = (app.repositories.clone(), project.clone());
    let (pointer, target) = (tag.clone(), digest.clone());
    blocking(move || Ok(repositories.record_tag(&name, &pointer, &target)?)).await?;
    Ok(app.database.set_tag(project, &tag, digest).await?)
}

fn created(project: &ProjectName, manifest: &ManifestRow) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let digest = &manifest.digest;
    headers.insert(
        LOCATION,
        ascii(&format!("/v2/{project}/manifests/{digest}")),
    );
    headers.insert("docker-content-digest", ascii(&digest.to_string()));
    if let Some(subject) = &manifest.subject {
        headers.insert("oci-subject", ascii(&subject.to_string()));
    }
    response
}

fn invalid(error: DocumentError) -> Problem {
    Problem::ManifestInvalid(error.into())
}

impl App {
    /// Returns what a tag names: a channel's head, or what was pushed under it.
    pub(crate) async fn tagged(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<Option<OciDigest>, Problem> {
        let published = self.log.published();
        let channel = tag.as_str().parse().ok();
        if let Some(head) = channel.and_then(|channel| published.state.head(project, &channel)) {
            return Ok(Some(head.hash.into()));
        }
        Ok(self.database.tag(project, tag).await?)
    }

    /// Tells whether a tag has the name of one of the project's channels: one that points
    /// somewhere, or one that the policy names.
    pub(crate) fn is_channel(&self, project: &ProjectName, tag: &Tag) -> bool {
        let Ok(channel) = tag.as_str().parse::<ChannelName>() else {
            return false;
        };
        let published = self.log.published();
        let named = || {
            published.state.policy().is_some_and(|policy| {
                policy.channels.iter().any(|rule| {
                    rule.channel == channel.as_str() && matches(&rule.project, project.as_str())
                })
            })
        };
        published.state.head(project, &channel).is_some() || named()
    }

    /// Gives a repository a manifest: the bytes, the record, the index.
    pub(crate) async fn add_manifest(
        self: &Arc<Self>,
        project: &ProjectName,
        bytes: Vec<u8>,
        manifest: ManifestRow,
    ) -> Result<(), Problem> {
        let (app, name, row) = (Arc::clone(self), project.clone(), manifest.clone());
        blocking(move || {
            app.blobs.put(&row.digest, &bytes)?;
            let record = ManifestRecord {
                media_type: row.media_type,
            };
            app.repositories
                .record_manifest(&name, &row.digest, &record)?;
            Ok(())
        })
        .await?;
        Ok(self.database.add_manifest(project, &manifest).await?)
    }
}
