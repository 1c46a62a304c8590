//! What can go wrong between here and a registry, and whether it is worth another try.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bulla_schemas::api::ErrorCode;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::cause::Cause;
use crate::patience::Patience;

/// Why a registry did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address cannot be a registry's.
    #[error("`{url}` is not a registry's URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The HTTP client could not be made; without certificate authorities for example.
    #[error("cannot set up HTTP")]
    Setup(#[source] Arc<reqwest::Error>),
    /// The token has characters that no token has.
    #[error("the token has characters that cannot be sent")]
    Token,
    /// No connection, or none in time.
    #[error("cannot reach the registry at {url}{}", through(.proxy.as_deref()))]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// The proxy that the environment names for it.
        proxy: Option<String>,
        /// The reason.
        #[source]
        source: Cause,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection broke during {url}")]
    Interrupted {
        /// The address.
        url: String,
        /// The reason.
        #[source]
        source: Cause,
    },
    /// Nothing moved for a while.
    #[error("nothing moved for {} seconds during {url}", .idle.as_secs())]
    Stalled {
        /// The address.
        url: String,
        /// How long was waited.
        idle: Duration,
    },
    /// An answer that comes, but takes too long.
    #[error("the answer to {url} was not complete after {} seconds", .limit.as_secs())]
    Slow {
        /// The address.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The registry answered with a status that says no.
    #[error(transparent)]
    Answer(Box<Answer>),
    /// Something answers at the address, and shows no log.
    #[error("there is no registry at {url}")]
    NoRegistry {
        /// The address.
        url: String,
        /// The same without its path, where it has one.
        origin: Option<String>,
        /// The answer.
        #[source]
        source: Box<Answer>,
    },
    /// The answer does not have the form that it should.
    #[error("the answer to {url} is not {expected}")]
    Malformed {
        /// The address.
        url: String,
        /// What it should be, in words.
        expected: &'static str,
        /// The reason, if a parser knows more.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The answer is larger than anything that may stand there.
    #[error("the answer to {url} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The most bytes that were expected.
        limit: u64,
    },
    /// The answer has another size than the descriptor says.
    #[error("expected {expected} bytes from {url}, the registry offers {found}")]
    Size {
        /// The address.
        url: String,
        /// Bytes that the descriptor announces.
        expected: u64,
        /// Bytes that the registry announces.
        found: u64,
    },
    /// The answer ended early.
    #[error("expected {expected} bytes from {url}, the answer ended after {found}")]
    Short {
        /// The address.
        url: String,
        /// Bytes that were announced.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// A part that was not asked for.
    #[error("asked {url} for {expected}, the registry sent {found:?}")]
    Range {
        /// The address.
        url: String,
        /// The `Content-Range` that belongs to the request.
        expected: String,
        /// The `Content-Range` of the answer.
        found: String,
    },
    /// A log that does not fit into memory as a whole.
    #[error("the log has more than the {limit} bytes that a copy of it may have")]
    LogTooLarge {
        /// How many bytes of entries.
        limit: u64,
    },
    /// What should be pushed could not be read.
    #[error("cannot read the content to push to {url}")]
    Content {
        /// Where it was to go.
        url: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// An answer that says no, as a sentence of the registry.
#[derive(Debug)]
pub struct Answer {
    /// The request, `GET https://...`.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable word, when the answer had the form of Bulla's errors.
    pub code: Option<ErrorCode>,
    /// The word of OCI Distribution, when the answer had that form. Untrusted.
    pub oci_code: Option<String>,
    /// What the registry says, cut to a readable length. Untrusted.
    pub message: String,
    /// What the registry advises. Untrusted.
    pub hint: Option<String>,
    /// How long the registry asks to wait.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the registry answered {} to {}",
            self.status, self.request
        )?;
        if !self.message.is_empty() {
            let message = bulla_schemas::escape::escape(&self.message);
            write!(formatter, ": {message}")?;
        }
        Ok(())
    }
}

impl Error for Answer {}

impl ClientError {
    /// Tells whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::Stalled { .. }
            | Self::Short { .. } => true,
            Self::Answer(answer) => {
                matches!(answer.status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 507)
            }
            _ => false,
        }
    }

    /// Tells whether the registry said nothing, or too little, in the time that it was given.
    pub(crate) const fn is_silence(&self) -> bool {
        matches!(self, Self::Stalled { .. } | Self::Slow { .. })
    }

    /// Tells whether a registry that was waited for shortly may do it when it is given more time.
    pub fn wants_patience(&self) -> bool {
        let asked = match self {
            Self::Answer(answer) => answer.retry_after,
            _ => None,
        };
        self.is_silence() || asked.is_some_and(|asked| asked > Patience::Short.pause())
    }

    /// Tells whether the registry cannot have acted on the request, so that even a request that
    /// must not happen twice may be sent again.
    pub(crate) fn is_unsent(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_connect(),
            Self::Answer(answer) => matches!(answer.status, 429 | 503),
            _ => false,
        }
    }

    /// Returns the HTTP status, when there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(answer) | Self::NoRegistry { source: answer, .. } => Some(answer.status),
            _ => None,
        }
    }

    /// Returns the registry's stable word for the error, when it gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Answer(answer) => answer.code,
            _ => None,
        }
    }

    /// Tells whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

impl Outcome for ClientError {
    fn kind(&self) -> FailureKind {
        match self {
            _ if self.is_temporary() => FailureKind::Temporary,
            Self::Slow { .. } => FailureKind::Temporary,
            // All of them were asked for or sent before.
            Self::Answer(answer) if answer.lacks_blob() => FailureKind::Temporary,
            Self::Url { .. } => FailureKind::Usage,
            Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::Size { .. }
            | Self::Range { .. } => FailureKind::Refused,
            Self::Answer(answer) if answer.code == Some(ErrorCode::Ineffective) => {
                FailureKind::Refused
            }
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Url { .. } => "a registry's URL looks like `https://releases.acme.example`",
            Self::Setup(_) => "install the system's certificates (`ca-certificates`)",
            Self::Unreachable { proxy: Some(_), .. } => {
                "check the proxy: HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name it, and NO_PROXY the \
                 hosts that need none"
            }
            Self::Unreachable { source, .. } if source.is_refused() => {
                "nothing listens at that port: check the URL, or start the registry"
            }
            Self::Unreachable { .. } => {
                "check the URL and the network; the same command can be run again"
            }
            Self::Interrupted { .. }
            | Self::Stalled { .. }
            | Self::Slow { .. }
            | Self::Short { .. } => {
                "run the same command again; what has arrived is not sent twice"
            }
            Self::Answer(answer) => return answer.hint(),
            Self::NoRegistry {
                origin: Some(origin),
                ..
            } => return Some(format!("its URL may be without the path: {origin}")),
            Self::NoRegistry { origin: None, .. } | Self::Malformed { .. } => {
                "check that the URL is a Bulla registry's"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

impl Answer {
    /// Tells whether it is about a manifest or a blob.
    fn is_about_content(&self) -> bool {
        let code = self.oci_code.as_deref();
        matches!(code, Some("BLOB_UNKNOWN" | "MANIFEST_UNKNOWN"))
    }

    /// Tells whether the registry lacks what a manifest names that was pushed.
    fn lacks_blob(&self) -> bool {
        self.oci_code.as_deref() == Some("MANIFEST_BLOB_UNKNOWN")
    }

    /// Says what to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        // The registry knows what it wants; where a token comes from, this side knows better.
        if self.hint.is_some() && self.status != 401 {
            return self.hint.clone();
        }
        let hint = match (self.status, self.code) {
            (_, Some(ErrorCode::NoPolicy)) => "`bulla init` makes the first policy",
            _ if self.lacks_blob() => {
                "run the same command again: what it had sent has been removed meanwhile, as \
                 `bulla-registry gc` does where a push takes longer than its `--grace`"
            }
            (404, _) if self.is_about_content() => {
                "the registry has lost some of what it had, as a damaged disk does; `bulla publish` of \
                 the same revision brings it back, or `bulla import` of its file"
            }
            (401, _) => {
                "give a valid token with --token-file or BULLA_TOKEN, or in the file that `token-file` of \
                 the configuration or host file names: the first of them that is there is used"
            }
            (403, _) => {
                "the token does not allow this; `bulla-registry token create` makes another"
            }
            (408 | 425 | 429 | 500 | 502 | 503 | 504 | 507, _) => {
                "run the same command again later"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
