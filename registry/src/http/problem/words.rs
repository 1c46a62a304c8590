//! The status of what the rooms below fail with, and its words in both error forms.

use axum::http::StatusCode;
use bulla_schemas::api::ErrorCode;

use crate::log::LogError;
use crate::publish::PublishError;
use crate::store::StoreError;

/// The status, the word below `/v2/`, and that everywhere else.
pub(super) type Words = (StatusCode, &'static str, ErrorCode);

pub(super) const INEFFECTIVE: Words = (
    StatusCode::UNPROCESSABLE_ENTITY,
    "UNSUPPORTED",
    ErrorCode::Ineffective,
);

/// What is said where the registry failed.
pub(super) const INTERNAL: Words = (
    StatusCode::INTERNAL_SERVER_ERROR,
    "UNKNOWN",
    ErrorCode::Internal,
);

pub(super) fn store_words(error: &StoreError) -> Words {
    use ErrorCode as Api;
    use StatusCode as Http;
    match error {
        StoreError::Digest { .. } => (Http::BAD_REQUEST, "DIGEST_INVALID", Api::Malformed),
        StoreError::NoSuchUpload => (Http::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", Api::NotFound),
        StoreError::TooManyUploads => (
            Http::TOO_MANY_REQUESTS,
            "TOOMANYREQUESTS",
            Api::TooManyRequests,
        ),
        StoreError::File(_) | StoreError::Random(_) => INTERNAL,
    }
}

pub(super) fn publish_words(error: &PublishError) -> Words {
    use ErrorCode as Api;
    use StatusCode as Http;
    match error.itself() {
        PublishError::Digest { .. } => (Http::BAD_REQUEST, "DIGEST_INVALID", Api::Malformed),
        PublishError::Manifest(_) | PublishError::NotAdmitted(_) => {
            (Http::BAD_REQUEST, "MANIFEST_INVALID", Api::Malformed)
        }
        PublishError::FrameUnknown { .. } => (Http::NOT_FOUND, "BLOB_UNKNOWN", Api::NotFound),
        PublishError::PartSize { .. } => (Http::BAD_REQUEST, "MANIFEST_INVALID", Api::Malformed),
        PublishError::PartUnknown { .. } | PublishError::PartDamaged { .. } => {
            (Http::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", Api::Malformed)
        }
        PublishError::Forgotten { .. }
        | PublishError::TagImmutable { .. }
        | PublishError::TagIsChannel { .. }
        | PublishError::InLog { .. } => (Http::FORBIDDEN, "DENIED", Api::Forbidden),
        PublishError::BlobInUse { .. } | PublishError::ManifestInUse { .. } => {
            (Http::METHOD_NOT_ALLOWED, "UNSUPPORTED", Api::Forbidden)
        }
        PublishError::NoBundle { .. } | PublishError::BundleSize { .. } => INEFFECTIVE,
        PublishError::TooManyHosts { .. } => (
            Http::TOO_MANY_REQUESTS,
            "TOOMANYREQUESTS",
            Api::TooManyRequests,
        ),
        PublishError::Log(error) => match **error {
            LogError::Ineffective(_) | LogError::NoLogKey { .. } | LogError::AwaitsKey { .. } => {
                INEFFECTIVE
            }
            LogError::TooManyEntries { .. } => (
                Http::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                Api::TooManyRequests,
            ),
            LogError::Stopping => (Http::SERVICE_UNAVAILABLE, "UNKNOWN", Api::Internal),
            _ => INTERNAL,
        },
        PublishError::Delta(_) => (Http::BAD_REQUEST, "BLOB_UPLOAD_INVALID", Api::Malformed),
        PublishError::DeltaTooLarge { .. } => {
            (Http::UNPROCESSABLE_ENTITY, "UNSUPPORTED", Api::TooLarge)
        }
        PublishError::File(_)
        | PublishError::Database(_)
        | PublishError::Shared(_)
        | PublishError::Damaged { .. } => INTERNAL,
    }
}
