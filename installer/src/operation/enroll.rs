//! Enroll: from when on, and by which anchor, a server follows a registry's log.

use std::path::{Path, PathBuf};

use bulla_registry_client::{FollowError, LogFollower};
use bulla_schemas::Timestamp;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::LogState;
use secrecy::SecretString;
use url::Url;

use crate::fetch::log::copied;
use crate::fetch::supply::{Source, Supply};
use crate::fetch::{FetchError, FollowedLog};
use crate::platform::files::FileError;
use crate::site::Server;
use crate::state::StateError;
use crate::state::synced;

/// Why a server cannot follow a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The log, or what brings it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another registry or log is followed.
    #[error("this server is enrolled with the log `{origin}` of {url} already")]
    EnrolledElsewhere {
        /// The registry.
        url: Box<Url>,
        /// The log.
        origin: String,
    },
    /// A bundle file without a copy of the log.
    #[error("the bundle file `{}` contains no copy of the log", path.display())]
    NoLogCopy {
        /// The file.
        path: PathBuf,
    },
}

impl From<FollowError> for EnrollError {
    fn from(error: FollowError) -> Self {
        Self::Fetch(error.into())
    }
}

impl From<FileError> for EnrollError {
    fn from(error: FileError) -> Self {
        Self::Fetch(error.into())
    }
}

impl From<StateError> for EnrollError {
    fn from(error: StateError) -> Self {
        Self::Fetch(error.into())
    }
}

impl Outcome for EnrollError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::EnrolledElsewhere { .. } | Self::NoLogCopy { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fetch(error) => return error.hint(),
            Self::EnrolledElsewhere { .. } => {
                "a server follows one log; use another --state for another registry"
            }
            Self::NoLogCopy { .. } => "`bulla export` writes files with a copy of the log",
        };
        Some(hint.to_owned())
    }
}

/// Begins to follow a registry's log from an anchor. Once is enough; the same again changes
/// nothing, another registry or log is refused. With a bundle file the log is taken from there,
/// and the registry is not asked.
pub fn enroll(
    server: &Server,
    url: Url,
    anchor: Anchor,
    file: Option<&Path>,
    token: Option<SecretString>,
    now: Timestamp,
) -> Result<LogState, EnrollError> {
    bulla_files::create_private_directory(server.state())?;
    if let Some(log) = FollowedLog::remembered(server)? {
        let follower = log.follower();
        if *follower.url() != url {
            return Err(EnrollError::EnrolledElsewhere {
                url: Box::new(follower.url().clone()),
                origin: follower.origin().to_owned(),
            });
        }
        follower.check_anchor(&anchor)?;
        return Ok(follower.state().clone());
    }
    let supply = match file {
        Some(path) => Supply::file(path)?.0,
        None => Supply::registry(url.clone(), token)?,
    };
    let directory = server.log();
    let follower = match (supply.source(), file) {
        (Source::Registry(client), _) => {
            let follower = supply.wait(LogFollower::enroll(&directory, client, Some(anchor)))?;
            synced::write(&server.synced(), now)?;
            follower
        }
        (Source::File(file), path) => {
            let log = file.log().ok_or_else(|| EnrollError::NoLogCopy {
                path: path.unwrap_or(Path::new("")).to_owned(),
            })?;
            let enrolled = LogFollower::enroll_from_copy(&directory, url, anchor, copied(log));
            supply.wait(enrolled)?
        }
    };
    Ok(follower.state().clone())
}
