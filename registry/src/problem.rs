//! `Problem`: every way in which a request can fail, with its status, its words in both error
//! forms (OCI's below `/v2/`, [`ErrorBody`](bulla_schemas::api::ErrorBody) elsewhere) and a hint.
//!
//! What went wrong inside the registry is in its log, never in an answer: see `answer`.

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bulla_schemas::api::ErrorCode;

use crate::access::Scope;
use crate::database::DatabaseError;
use crate::durable::FileError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A token is needed and none was given.
    #[error("a token is needed")]
    Unauthenticated,
    /// A token was given that is none.
    #[error("the token is unknown, expired or revoked")]
    TokenRefused,
    /// The token is not for this.
    #[error("the token does not allow `{scope}` for `{what}`")]
    Forbidden {
        /// What would be needed.
        scope: Scope,
        /// For what: a project, or a word for what is not one project's.
        what: String,
    },
    /// A part of the request cannot be read as what it must be.
    #[error("the request cannot be understood")]
    Malformed(#[source] Box<dyn Error + Send + Sync>),
    /// Not the name of a repository.
    #[error("not the name of a repository")]
    Name(#[source] bulla_schemas::name::NameError),
    /// Not a digest.
    #[error("not a digest")]
    Digest(#[source] crate::oci_digest::OciDigestError),
    /// The content does not have the digest that the client named.
    #[error("expected content with digest {expected}, found {found}")]
    DigestMismatch {
        /// The digest in the request.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// There is nothing at this path.
    #[error("there is nothing here")]
    NoSuchPath,
    /// There is no such thing; the sentence says what.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A shortened hash that several releases share.
    #[error("`{prefix}` is the beginning of {count} hashes")]
    Ambiguous {
        /// The shortened hash.
        prefix: String,
        /// How many releases begin with it.
        count: usize,
    },
    /// The repository does not have the blob.
    #[error("the repository has no blob {digest}")]
    BlobUnknown {
        /// The blob.
        digest: String,
    },
    /// The repository does not have the manifest.
    #[error("the repository has no manifest `{reference}`")]
    ManifestUnknown {
        /// The tag or digest.
        reference: String,
    },
    /// The repository does not exist.
    #[error("there is no repository `{name}`")]
    NameUnknown {
        /// The repository.
        name: String,
    },
    /// A manifest names a blob that the repository does not have.
    #[error("the manifest names {digest}, which the repository does not have")]
    ManifestBlobUnknown {
        /// The blob or manifest.
        digest: String,
    },
    /// Not a manifest.
    #[error("the manifest is not one")]
    ManifestInvalid(#[source] Box<dyn Error + Send + Sync>),
    /// A bundle that no installer would accept.
    #[error("the bundle is not admitted")]
    NotAdmitted(#[source] Box<dyn Error + Send + Sync>),
    /// No such upload, or it has ended.
    #[error("there is no such upload; it may have ended or timed out")]
    UploadUnknown,
    /// A chunk that does not begin where the upload stands.
    #[error("the upload stands at byte {offset}; the chunk must begin there")]
    UploadOutOfOrder {
        /// Where the next chunk goes.
        location: String,
        /// How many bytes were received.
        offset: u64,
    },
    /// A chunk whose `Content-Range` is not one or does not fit its length.
    #[error("expected `Content-Range: <first>-<last>` that fits the length, found {found:?}")]
    ContentRange {
        /// What the header said.
        found: String,
    },
    /// A `Range` outside the content.
    #[error("the range is outside the content of {size} bytes")]
    RangeNotSatisfiable {
        /// The content's size.
        size: u64,
    },
    /// The tag names another manifest, and tags do not move.
    #[error("the tag `{tag}` already names {digest}; tags do not move here")]
    TagImmutable {
        /// The tag.
        tag: String,
        /// What it names.
        digest: String,
    },
    /// The tag is a channel.
    #[error("`{tag}` is a channel: only a promotion in the log moves it")]
    TagIsChannel {
        /// The tag.
        tag: String,
    },
    /// The registry does not do this.
    #[error("this registry does not do this")]
    Unsupported {
        /// The methods that are answered here.
        allow: &'static str,
    },
    /// More bytes than allowed.
    #[error("at most {limit} bytes are accepted here")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Too much at once.
    #[error("too many uploads at once")]
    TooMany,
    /// The client sent nothing for too long, or went away.
    #[error("the request's body did not arrive")]
    BodyLost,
    /// The log has no first policy.
    #[error("the log has no policy yet")]
    NoPolicy,
    /// The statement would change nothing.
    #[error("the statement would have no effect: {reason}")]
    Ineffective {
        /// Why, as replay says.
        reason: String,
    },
    /// The registry's disk is full.
    #[error("the registry has no space left")]
    Full(#[source] Arc<FileError>),
    /// The registry is stopping.
    #[error("the registry is stopping")]
    Stopping,
    /// The registry failed.
    #[error("the registry failed; its log says why")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Problem {
    /// Wraps a failure inside the registry.
    pub(crate) fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    pub(crate) fn malformed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Malformed(error.into())
    }

    pub(crate) fn not_found(what: &'static str, name: &(impl ToString + ?Sized)) -> Self {
        Self::NotFound {
            what,
            name: name.to_string(),
        }
    }

    /// Returns the status and the words of both error forms.
    fn words(&self) -> (StatusCode, &'static str, ErrorCode) {
        use ErrorCode as Api;
        use StatusCode as Http;
        match self {
            Self::Unauthenticated | Self::TokenRefused => {
                (Http::UNAUTHORIZED, "UNAUTHORIZED", Api::Unauthorized)
            }
            Self::Forbidden { .. } => (Http::FORBIDDEN, "DENIED", Api::Forbidden),
            Self::Malformed(_) => (Http::BAD_REQUEST, "UNSUPPORTED", Api::Malformed),
            Self::Name(_) => (Http::BAD_REQUEST, "NAME_INVALID", Api::Malformed),
            Self::Digest(_) | Self::DigestMismatch { .. } => {
                (Http::BAD_REQUEST, "DIGEST_INVALID", Api::Malformed)
            }
            Self::NoSuchPath | Self::NotFound { .. } => {
                (Http::NOT_FOUND, "NAME_UNKNOWN", Api::NotFound)
            }
            Self::Ambiguous { .. } => (Http::CONFLICT, "NAME_UNKNOWN", Api::Ambiguous),
            Self::BlobUnknown { .. } => (Http::NOT_FOUND, "BLOB_UNKNOWN", Api::NotFound),
            Self::ManifestUnknown { .. } => (Http::NOT_FOUND, "MANIFEST_UNKNOWN", Api::NotFound),
            Self::NameUnknown { .. } => (Http::NOT_FOUND, "NAME_UNKNOWN", Api::NotFound),
            Self::ManifestBlobUnknown { .. } => {
                (Http::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", Api::Malformed)
            }
            Self::ManifestInvalid(_) | Self::NotAdmitted(_) => {
                (Http::BAD_REQUEST, "MANIFEST_INVALID", Api::Malformed)
            }
            Self::UploadUnknown => (Http::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", Api::NotFound),
            Self::UploadOutOfOrder { .. } => (
                Http::RANGE_NOT_SATISFIABLE,
                "BLOB_UPLOAD_INVALID",
                Api::Malformed,
            ),
            Self::ContentRange { .. } => (Http::BAD_REQUEST, "BLOB_UPLOAD_INVALID", Api::Malformed),
            Self::RangeNotSatisfiable { .. } => {
                (Http::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", Api::Malformed)
            }
            Self::TagImmutable { .. } | Self::TagIsChannel { .. } => {
                (Http::FORBIDDEN, "DENIED", Api::Forbidden)
            }
            Self::Unsupported { .. } => (Http::METHOD_NOT_ALLOWED, "UNSUPPORTED", Api::Malformed),
            Self::TooLarge { .. } => (Http::PAYLOAD_TOO_LARGE, "SIZE_INVALID", Api::TooLarge),
            Self::TooMany => (
                Http::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                Api::TooManyRequests,
            ),
            Self::BodyLost => (Http::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", Api::Malformed),
            Self::NoPolicy => (Http::NOT_FOUND, "UNSUPPORTED", Api::NoPolicy),
            Self::Ineffective { .. } => {
                (Http::UNPROCESSABLE_ENTITY, "UNSUPPORTED", Api::Ineffective)
            }
            Self::Full(_) => (Http::INSUFFICIENT_STORAGE, "UNKNOWN", Api::Internal),
            Self::Stopping => (Http::SERVICE_UNAVAILABLE, "UNKNOWN", Api::Internal),
            Self::Internal(_) => (Http::INTERNAL_SERVER_ERROR, "UNKNOWN", Api::Internal),
        }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.words().0
    }

    /// Returns the word below `/v2/` (OCI Distribution 1.1, "Error Codes").
    pub fn oci_code(&self) -> &'static str {
        self.words().1
    }

    /// Returns the word everywhere else.
    pub fn api_code(&self) -> ErrorCode {
        self.words().2
    }

    /// Returns what happened, with the causes that the client can do something about.
    pub fn message(&self) -> String {
        let mut message = self.to_string();
        if !matches!(self, Self::Internal(_) | Self::Full(_)) {
            let mut cause = self.source();
            while let Some(error) = cause {
                message.push_str(": ");
                message.push_str(&error.to_string());
                cause = error.source();
            }
        }
        message
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unauthenticated => {
                "send a token of `bulla-registry token create`, as Bearer or as Basic password"
            }
            Self::Forbidden { .. } => "`bulla-registry token list` shows what a token is for",
            Self::TagImmutable { .. } => "push under another tag, or by digest",
            Self::TagIsChannel { .. } => "use `bulla promote HASH CHANNEL`",
            Self::NoPolicy => "`bulla init` makes the first policy",
            Self::Full(_) => "the registry's operator must make space; the same request works then",
            Self::TooMany | Self::Stopping => "try again in a moment",
            Self::Ambiguous { .. } => "give more digits of the hash",
            _ => return None,
        })
    }
}

impl IntoResponse for Problem {
    /// Hands the problem to `answer`, which knows the request.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        if error.is_full() {
            Self::Full(Arc::new(error))
        } else {
            Self::internal(error)
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error)
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}
