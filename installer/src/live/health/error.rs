//! Why health checks cannot be made.

use bulla_schemas::outcome::Outcome;

/// Why a release's checks cannot be made, whatever state it is in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The `http` check.
    #[error("the release's health check of `{url}` cannot be made: {why}")]
    Http {
        /// The URL as the release has it.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The `tcp` check.
    #[error("the release's health check of `{address}` cannot be made: expected `host:port`")]
    Tcp {
        /// What the release has.
        address: String,
    },
    /// The `systemd` check.
    #[error(
        "the release's health check of `{unit}` cannot be made: that is not the name of a unit"
    )]
    Unit {
        /// What the release has.
        unit: String,
    },
}

impl Outcome for CheckError {}
