//! `Problem`: every way in which a request can fail, with its status, its words in both error
//! forms (OCI's below `/v2/`, [`ErrorBody`](bulla_schemas::api::ErrorBody) elsewhere) and a hint.
//!
//! What went wrong inside the registry is in its log, never in an answer: see `answer`.

mod words;

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bulla_files::FileError;
use bulla_schemas::api::ErrorCode;
use bulla_schemas::outcome::with_causes;
use bulla_schemas::{ProjectName, Timestamp};

use self::words::{INEFFECTIVE, INTERNAL, Words, publish_words, store_words};
use crate::access::Scope;
use crate::database::DatabaseError;
use crate::log::{CosignatureError, LogError};
use crate::oci::reference::ReferenceError;
use crate::publish::PublishError;
use crate::quota::Exceeded;
use crate::store::StoreError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
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
    Digest(#[source] crate::oci::digest::OciDigestError),
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
    /// The repository had the manifest until it was removed.
    #[error("`{reference}` was removed by `bulla-registry gc` at {at}: {reason}")]
    ManifestRemoved {
        /// Its digest.
        reference: String,
        /// When.
        at: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// The repository does not exist.
    #[error("there is no repository `{name}`")]
    NameUnknown {
        /// The repository.
        name: String,
    },
    /// A cosignature is not taken.
    #[error(transparent)]
    Cosignature(CosignatureError),
    /// Something could not be stored.
    #[error(transparent)]
    Store(StoreError),
    /// Something was not published.
    #[error(transparent)]
    Publish(PublishError),
    /// Neither a tag nor a digest.
    #[error("not a tag")]
    Tag(#[source] ReferenceError),
    /// Frames that no blob is put together from.
    #[error(
        "expected the frames of a blob of at least 64 KiB, at least two and not too small ones"
    )]
    Frames,
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
    /// The registry does not do this.
    #[error("this registry does not do this")]
    Unsupported {
        /// The methods that are answered here.
        allow: &'static str,
    },
    /// Nothing is deleted in this repository.
    #[error("`{project}` is not mutable, so nothing is deleted in it")]
    Immutable {
        /// The repository.
        project: ProjectName,
        /// The methods that are answered here.
        allow: &'static str,
    },
    /// Nothing is written to a mirror.
    #[error("this registry is a mirror of {origin} and takes nothing in")]
    Mirror {
        /// The address of the registry that is mirrored.
        origin: String,
        /// The methods that are answered here.
        allow: &'static str,
    },
    /// The content of the project is not mirrored.
    #[error("the content of `{project}` is not mirrored here; {origin} has it")]
    NotMirrored {
        /// The project.
        project: ProjectName,
        /// The address of the registry that is mirrored.
        origin: String,
    },
    /// A form of the token endpoint that says nothing of a password or a token.
    #[error("expected `grant_type` to be `password` or `refresh_token`")]
    GrantType,
    /// A manifest that is pushed under a tag, and under others by the query.
    #[error("`tag` in the query is for a manifest that is pushed by its digest")]
    TagTwice,
    /// A manifest is pushed with too many tags at once.
    #[error("a manifest may be pushed with {most} tags at once")]
    TooManyTags {
        /// How many tags are taken.
        most: usize,
    },
    /// More bytes than allowed.
    #[error("at most {limit} bytes are accepted here")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body did not come whole, or not as HTTP says.
    #[error("the body of the request did not arrive as it should")]
    BodyBroken(#[source] Box<dyn Error + Send + Sync>),
    /// The body comes too slowly.
    #[error("expected at least {least} bytes of the body in {seconds} seconds")]
    BodySlow {
        /// Least bytes.
        least: u64,
        /// In how many seconds.
        seconds: u64,
    },
    /// It is not clear for whom a request is, or where it ends.
    #[error("{reason}")]
    Framing {
        /// What is wrong.
        reason: &'static str,
    },
    /// A transfer coding that is not `chunked`.
    #[error("the transfer coding {found:?} is not supported, only `chunked` is")]
    TransferCoding {
        /// What the header said.
        found: String,
    },
    /// As much is under way as may be.
    #[error("the registry has too much to do at once")]
    Busy,
    /// The token's requests, or all together, hold as much memory as they may.
    #[error("too many large requests at once")]
    TooManyRequests,
    /// The token has sent as many reports as it may in an hour.
    #[error("{} reports were sent in the last hour, and no more may be", .0.most)]
    TooManyReports(Exceeded),
    /// As many clients wait for the log to grow as may.
    #[error("too many clients watch the log")]
    TooManyWatches,
    /// The log has no first policy.
    #[error("the log has no policy yet")]
    NoPolicy,
    /// The registry's disk is full.
    #[error("the registry has no space left")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing may be written on the registry's disk.
    #[error("the registry's disk is read-only")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// The registry's disk takes nothing, which a probe asked.
    #[error(transparent)]
    NotReady(Box<Self>),
    /// The registry ends its work, which a probe asked.
    #[error("the registry is stopping")]
    Stopping,
    /// A folder of content is empty, which a probe asked.
    #[error("the registry knows of content in `{folder}` of its data directory, which is empty")]
    Away {
        /// The folder, with a slash at its end.
        folder: &'static str,
    },
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
    fn words(&self) -> Words {
        use ErrorCode as Api;
        use StatusCode as Http;
        match self {
            Self::Unauthenticated | Self::TokenRefused => {
                (Http::UNAUTHORIZED, "UNAUTHORIZED", Api::Unauthorized)
            }
            Self::Forbidden { .. } => (Http::FORBIDDEN, "DENIED", Api::Forbidden),
            Self::Malformed(_) | Self::Framing { .. } | Self::GrantType => {
                (Http::BAD_REQUEST, "UNSUPPORTED", Api::Malformed)
            }
            Self::Name(_) => (Http::BAD_REQUEST, "NAME_INVALID", Api::Malformed),
            Self::Digest(_) => (Http::BAD_REQUEST, "DIGEST_INVALID", Api::Malformed),
            Self::Tag(_) | Self::TagTwice => {
                (Http::BAD_REQUEST, "MANIFEST_INVALID", Api::Malformed)
            }
            Self::TooManyTags { .. } => (Http::URI_TOO_LONG, "UNSUPPORTED", Api::Malformed),
            Self::NoSuchPath | Self::NotFound { .. } | Self::NameUnknown { .. } => {
                (Http::NOT_FOUND, "NAME_UNKNOWN", Api::NotFound)
            }
            Self::Ambiguous { .. } => (Http::CONFLICT, "NAME_UNKNOWN", Api::Ambiguous),
            Self::BlobUnknown { .. } => (Http::NOT_FOUND, "BLOB_UNKNOWN", Api::NotFound),
            Self::ManifestUnknown { .. } | Self::ManifestRemoved { .. } => {
                (Http::NOT_FOUND, "MANIFEST_UNKNOWN", Api::NotFound)
            }
            Self::UploadOutOfOrder { .. } => (
                Http::RANGE_NOT_SATISFIABLE,
                "BLOB_UPLOAD_INVALID",
                Api::Malformed,
            ),
            Self::ContentRange { .. } | Self::BodyBroken(_) | Self::Frames => {
                (Http::BAD_REQUEST, "BLOB_UPLOAD_INVALID", Api::Malformed)
            }
            Self::RangeNotSatisfiable { .. } => {
                (Http::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", Api::Malformed)
            }
            Self::Unsupported { .. } | Self::Immutable { .. } => {
                (Http::METHOD_NOT_ALLOWED, "UNSUPPORTED", Api::Malformed)
            }
            Self::Mirror { .. } => (Http::METHOD_NOT_ALLOWED, "UNSUPPORTED", Api::Forbidden),
            Self::NotMirrored { .. } => (Http::NOT_FOUND, "NAME_UNKNOWN", Api::NotFound),
            Self::TooLarge { .. } => (Http::PAYLOAD_TOO_LARGE, "SIZE_INVALID", Api::TooLarge),
            Self::BodySlow { .. } => (Http::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", Api::Malformed),
            Self::TransferCoding { .. } => (Http::NOT_IMPLEMENTED, "UNSUPPORTED", Api::Malformed),
            Self::TooManyRequests | Self::TooManyReports(_) => (
                Http::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                Api::TooManyRequests,
            ),
            Self::TooManyWatches | Self::Busy => (
                Http::SERVICE_UNAVAILABLE,
                "TOOMANYREQUESTS",
                Api::TooManyRequests,
            ),
            Self::NoPolicy => (Http::NOT_FOUND, "UNSUPPORTED", Api::NoPolicy),
            Self::Cosignature(_) => INEFFECTIVE,
            Self::Full(_) | Self::ReadOnly(_) => {
                (Http::INSUFFICIENT_STORAGE, "UNKNOWN", Api::Internal)
            }
            Self::NotReady(_) | Self::Away { .. } | Self::Stopping => {
                (Http::SERVICE_UNAVAILABLE, "UNKNOWN", Api::Internal)
            }
            Self::Store(error) => store_words(error),
            Self::Publish(error) => publish_words(error),
            Self::Internal(_) => INTERNAL,
        }
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> StatusCode {
        self.words().0
    }

    /// Returns the word below `/v2/` (OCI Distribution 1.1, "Error Codes").
    pub(crate) fn oci_code(&self) -> &'static str {
        self.words().1
    }

    /// Returns the word everywhere else.
    pub(crate) fn api_code(&self) -> ErrorCode {
        self.words().2
    }

    /// Returns after how many seconds the same request may work.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyReports(exceeded) => Some(exceeded.seconds),
            Self::TooManyWatches => Some(30),
            Self::Publish(PublishError::Log(error)) => match **error {
                LogError::TooManyEntries { seconds, .. } => Some(seconds),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the methods that are answered where this one is not.
    pub(crate) fn allow(&self) -> Option<&'static str> {
        match self {
            Self::Unsupported { allow }
            | Self::Immutable { allow, .. }
            | Self::Mirror { allow, .. } => Some(allow),
            Self::Publish(error) => match error.itself() {
                PublishError::BlobInUse { .. } => Some("GET, HEAD"),
                PublishError::ManifestInUse { .. } => Some("GET, HEAD, PUT"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns what happened, with the causes that the client can do something about.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Full(_) | Self::ReadOnly(_) | Self::NotReady(_) | Self::Internal(_) => {
                self.to_string()
            }
            _ => with_causes(self),
        }
    }

    /// Returns what to do next.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unauthenticated => {
                "send a token of `bulla-registry token create`, as Bearer or as Basic password"
            }
            Self::Forbidden { .. } => "`bulla-registry token list` shows what a token is for",
            Self::ManifestRemoved { .. } => "publish the same revision again, or import its file",
            Self::NoPolicy => "`bulla init` makes the first policy",
            Self::Full(_) => "the registry's operator must make space; the same request works then",
            Self::ReadOnly(_) => {
                "the registry's operator must mount its disk read-write; the same request works then"
            }
            Self::NotReady(problem) => return problem.hint(),
            Self::Away { .. } => "the registry's operator must mount the disk that has the content",
            Self::Cosignature(CosignatureError::NoWitness) => {
                "`bulla policy witness add` names a witness in the policy"
            }
            Self::Cosignature(CosignatureError::Ahead { .. }) => "set the clock of the witness",
            Self::Ambiguous { .. } => "give more digits of the hash",
            Self::Immutable { .. } => {
                "`--mutable` of `bulla-registry serve` names the repositories that are"
            }
            Self::Mirror { .. } => "name the registry that is mirrored in place of this one",
            Self::NotMirrored { .. } => {
                "`--project` of `bulla-registry mirror` names the projects that are"
            }
            Self::TooManyTags { .. } => "push it again with the other tags",
            Self::TooManyWatches => {
                "read `/log/checkpoint` now and then; `--most-watches` of `bulla-registry serve` \
                 allows more"
            }
            Self::Busy | Self::TooManyRequests | Self::Store(StoreError::TooManyUploads) => {
                "try again in a moment"
            }
            Self::Publish(error) => return publish_hint(error),
            _ => return None,
        })
    }
}

fn publish_hint(error: &PublishError) -> Option<&'static str> {
    Some(match error.itself() {
        PublishError::DeltaTooLarge { .. } => "fetch the bundle's frames by ranges",
        PublishError::Delta(_) => "push the blobs of the bundle",
        PublishError::TagImmutable { .. } => {
            "push under another tag, or by digest; `--mutable` of `bulla-registry serve` names the \
             repositories whose tags move"
        }
        PublishError::BlobInUse { .. } => "delete the manifest first",
        PublishError::ManifestInUse { .. } => "delete the index first",
        PublishError::PartDamaged { .. } => "push it again",
        PublishError::FrameUnknown { .. } => "ask again which frames are missing, or push the blob",
        PublishError::TooManyHosts { .. } => {
            "`bulla-registry host remove` forgets one; `--most-hosts` of `bulla-registry serve` \
             allows more"
        }
        PublishError::Forgotten { .. } => {
            "propose it with the token that it came with, or with the signature of somebody else"
        }
        PublishError::TagIsChannel { .. } => "use `bulla promote HASH CHANNEL -m TEXT`",
        PublishError::Log(error) => match **error {
            LogError::Stopping => "try again in a moment",
            LogError::TooManyEntries { .. } => {
                "`--most-entries` of `bulla-registry serve` allows more"
            }
            LogError::AwaitsKey { .. } => "`bulla log-key rotate KEY` names it",
            LogError::NoLogKey { .. } => {
                "`bulla-registry log-key` prints the key that signs the log, and with `--next` the one that \
                 may follow it"
            }
            _ => return None,
        },
        _ => return None,
    })
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
        StoreError::File(error).into()
    }
}

impl From<CosignatureError> for Problem {
    fn from(error: CosignatureError) -> Self {
        match error {
            CosignatureError::File(error) => error.into(),
            CosignatureError::Checkpoint(_) => Self::malformed(error),
            error => Self::Cosignature(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::File(error) if error.is_full() => Self::Full(error.into()),
            StoreError::File(error) if error.is_read_only() => Self::ReadOnly(error.into()),
            error if store_words(&error) == INTERNAL => Self::internal(error),
            error => Self::Store(error),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        if error.is_full() {
            Self::Full(error.into())
        } else if error.is_read_only() {
            Self::ReadOnly(error.into())
        } else if matches!(error.itself(), PublishError::Database(error) if error.is_busy()) {
            tracing::warn!(error = &error as &dyn Error, "the database is busy");
            Self::Busy
        } else if publish_words(&error) == INTERNAL {
            Self::internal(error)
        } else {
            Self::Publish(error)
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        PublishError::from(error).into()
    }
}
