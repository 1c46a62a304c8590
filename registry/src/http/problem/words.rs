//! The status of each problem, and its words in both error forms.

use axum::http::StatusCode;
use bulla_schemas::api::ErrorCode;

use super::Problem;
use crate::log::LogError;
use crate::publish::PublishError;
use crate::store::StoreError;

/// The status, the word below `/v2/`, and that everywhere else.
pub(super) type Words = (StatusCode, &'static str, ErrorCode);

const INEFFECTIVE: Words = (
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

/// Returns the status and the words of both error forms.
pub(super) fn words(problem: &Problem) -> Words {
    use ErrorCode as Api;
    use StatusCode as Http;
    match problem {
        Problem::Unauthenticated | Problem::TokenRefused => {
            (Http::UNAUTHORIZED, "UNAUTHORIZED", Api::Unauthorized)
        }
        Problem::Forbidden { .. } => (Http::FORBIDDEN, "DENIED", Api::Forbidden),
        Problem::Malformed(_) | Problem::Framing { .. } | Problem::GrantType => {
            (Http::BAD_REQUEST, "UNSUPPORTED", Api::Malformed)
        }
        Problem::Name(_) => (Http::BAD_REQUEST, "NAME_INVALID", Api::Malformed),
        Problem::Digest(_) => (Http::BAD_REQUEST, "DIGEST_INVALID", Api::Malformed),
        Problem::Tag(_) | Problem::TagTwice => {
            (Http::BAD_REQUEST, "MANIFEST_INVALID", Api::Malformed)
        }
        Problem::TooManyTags { .. } => (Http::URI_TOO_LONG, "UNSUPPORTED", Api::Malformed),
        Problem::NoSuchPath | Problem::NotFound { .. } | Problem::NameUnknown { .. } => {
            (Http::NOT_FOUND, "NAME_UNKNOWN", Api::NotFound)
        }
        Problem::Ambiguous { .. } => (Http::CONFLICT, "NAME_UNKNOWN", Api::Ambiguous),
        Problem::BlobUnknown { .. } => (Http::NOT_FOUND, "BLOB_UNKNOWN", Api::NotFound),
        Problem::ManifestUnknown { .. } | Problem::ManifestRemoved { .. } => {
            (Http::NOT_FOUND, "MANIFEST_UNKNOWN", Api::NotFound)
        }
        Problem::UploadOutOfOrder { .. } => (
            Http::RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            Api::Malformed,
        ),
        Problem::ContentRange { .. } | Problem::BodyBroken(_) | Problem::Frames => {
            (Http::BAD_REQUEST, "BLOB_UPLOAD_INVALID", Api::Malformed)
        }
        Problem::RangeNotSatisfiable { .. } => {
            (Http::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", Api::Malformed)
        }
        Problem::Unsupported { .. } | Problem::Immutable { .. } => {
            (Http::METHOD_NOT_ALLOWED, "UNSUPPORTED", Api::Malformed)
        }
        Problem::TooLarge { .. } => (Http::PAYLOAD_TOO_LARGE, "SIZE_INVALID", Api::TooLarge),
        Problem::BodySlow { .. } => (Http::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", Api::Malformed),
        Problem::TransferCoding { .. } => (Http::NOT_IMPLEMENTED, "UNSUPPORTED", Api::Malformed),
        Problem::TooManyRequests | Problem::TooManyReports(_) => (
            Http::TOO_MANY_REQUESTS,
            "TOOMANYREQUESTS",
            Api::TooManyRequests,
        ),
        Problem::TooManyWatches | Problem::Busy => (
            Http::SERVICE_UNAVAILABLE,
            "TOOMANYREQUESTS",
            Api::TooManyRequests,
        ),
        Problem::NoPolicy => (Http::NOT_FOUND, "UNSUPPORTED", Api::NoPolicy),
        Problem::Full(_) => (Http::INSUFFICIENT_STORAGE, "UNKNOWN", Api::Internal),
        Problem::NotReady(_) | Problem::Away { .. } | Problem::Stopping => {
            (Http::SERVICE_UNAVAILABLE, "UNKNOWN", Api::Internal)
        }
        Problem::Store(error) => store_words(error),
        Problem::Publish(error) => publish_words(error),
        Problem::Internal(_) => INTERNAL,
    }
}

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
        PublishError::TagImmutable { .. }
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
            LogError::Ineffective(_) | LogError::NoLogKey { .. } => INEFFECTIVE,
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
