//! Enroll: from when on, by which anchor and at which address a server follows a registry's log.

use std::path::PathBuf;

use bulla_bundle::LogCopy;
use bulla_registry_client::{FollowError, LogDirectory, LogFollower, LogSnapshot};
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::LogState;
use secrecy::SecretString;
use url::Url;

use crate::fetch::FetchError;
use crate::fetch::log::{copied, enrolled};
use crate::fetch::supply::{Source, Supply};
use crate::platform::files::FileError;
use crate::site::Server;
use crate::state::StateError;
use crate::state::{synced, token_file};

/// Why a server cannot follow a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The log, or what brings it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another log is followed.
    #[error("this server is enrolled with the log `{origin}` of {url} already")]
    EnrolledElsewhere {
        /// The registry.
        url: Box<Url>,
        /// The log.
        origin: String,
    },
    /// The host file is about another log.
    #[error("the host file is about the log `{said}`, not `{asked}`")]
    OtherLogSaid {
        /// The log of the host file's anchor.
        said: String,
        /// The log of the anchor that was given.
        asked: String,
    },
    /// A path that cannot be written down.
    #[error("the path of the token file, `{}`, is not UTF-8", path.display())]
    TokenFileName {
        /// The path.
        path: PathBuf,
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
            Self::EnrolledElsewhere { .. }
            | Self::OtherLogSaid { .. }
            | Self::TokenFileName { .. }
            | Self::NoLogCopy { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fetch(error) => return error.hint(),
            Self::EnrolledElsewhere { .. } => {
                "a server follows one log; use another --state for another registry"
            }
            Self::OtherLogSaid { .. } => {
                "a server follows one log; to follow another, remove `anchor` and `[[registry]]` from \
                 the host file, and name another --state"
            }
            Self::TokenFileName { .. } => "give the file another name; nothing was changed",
            Self::NoLogCopy { .. } => "`bulla export` writes files with a copy of the log",
        };
        Some(hint.to_owned())
    }
}

/// Which log a server is to follow.
#[derive(Debug)]
pub struct EnrollRequest {
    /// The registry's address.
    pub url: Url,
    /// What the log must contain.
    pub anchor: Anchor,
    /// The bundle file to take the log from; the registry is then not asked.
    pub file: Option<PathBuf>,
    /// A snapshot to begin with, and its digest, which is trusted as the anchor is.
    pub snapshot: Option<(PathBuf, Digest)>,
    /// What the host file says that the log must contain.
    pub said: Option<Anchor>,
    /// The registry's token.
    pub token: Option<SecretString>,
    /// The file that later commands take the token from.
    pub token_file: Option<PathBuf>,
    /// Told, once each, that the registry is silent, and that another process reads the log.
    pub on_wait: fn(&str),
    /// The time.
    pub now: Timestamp,
}

/// A log that is followed.
#[derive(Debug)]
pub struct Enrolled {
    /// What it says.
    pub log: LogState,
    /// Where it was read before.
    pub moved_from: Option<Url>,
}

/// Begins to follow a registry's log from an anchor. The same log at another address moves the
/// server there, if it passes through what this server has verified; another log is refused. What
/// is lost or damaged of what was remembered is written again; what is left of it still counts.
pub fn enroll(server: &Server, request: EnrollRequest) -> Result<Enrolled, EnrollError> {
    if let Some(path) = &request.token_file
        && path.to_str().is_none()
    {
        return Err(EnrollError::TokenFileName { path: path.clone() });
    }
    if let Some(said) = &request.said
        && said.origin != request.anchor.origin
    {
        return Err(EnrollError::OtherLogSaid {
            said: said.origin.clone(),
            asked: request.anchor.origin.clone(),
        });
    }
    bulla_files::create_private_directory(server.state())?;
    let directory = LogDirectory::from(&server.log());
    let directory = directory.read_by("enroll").on_wait(request.on_wait);
    let (follower, moved_from) = match enrolled(directory.clone())? {
        Some(follower) => {
            let before = follower.url().clone();
            (again(server, follower, &request)?, Some(before))
        }
        None => (first(server, directory, &request)?, None),
    };
    if let Some(path) = request.token_file {
        token_file::write(&server.token_file(), request.url, path)?;
    }
    Ok(Enrolled {
        log: follower.state().clone(),
        moved_from,
    })
}

fn first(
    server: &Server,
    directory: LogDirectory,
    request: &EnrollRequest,
) -> Result<LogFollower, EnrollError> {
    let (supply, anchor) = (supply(request)?, request.anchor.clone());
    match supply.source() {
        Source::Registry(client) => {
            let snapshot = request.snapshot.as_ref();
            let snapshot = snapshot.map(|(path, digest)| LogSnapshot::read(path, digest, &anchor));
            let snapshot = snapshot.transpose()?;
            let enrolled = LogFollower::enroll_after(directory, client, Some(anchor), snapshot);
            let follower = supply.wait(enrolled)?;
            synced::write(server, request.now);
            Ok(follower)
        }
        Source::File(file) => {
            let log = copied(required(file.log(), request)?);
            let url = request.url.clone();
            let enrolled = LogFollower::enroll_from_copy(directory, url, anchor, log);
            Ok(supply.wait(enrolled)?)
        }
    }
}

fn again(
    server: &Server,
    mut follower: LogFollower,
    request: &EnrollRequest,
) -> Result<LogFollower, EnrollError> {
    let is_known = request.anchor.position.size <= follower.state().size();
    if *follower.url() == request.url && is_known {
        follower.check_anchor(&request.anchor)?;
        if request.token_file.is_some() && request.file.is_none() {
            try_token(server, &mut follower, request)?;
        }
        return Ok(follower);
    }
    if follower.origin() != request.anchor.origin {
        return Err(EnrollError::EnrolledElsewhere {
            url: Box::new(follower.url().clone()),
            origin: follower.origin().to_owned(),
        });
    }
    let supply = supply(request)?;
    match supply.source() {
        Source::Registry(client) => {
            supply.wait(follower.move_to(client, &request.anchor))?;
            synced::write(server, request.now);
        }
        Source::File(file) => {
            let log = copied(required(file.log(), request)?);
            supply.wait(follower.move_to_copy(&request.url, &request.anchor, log))?;
        }
    }
    Ok(follower)
}

/// Reads the log with the token that is to be remembered, so that a wrong one is found now. A
/// registry that is away stops nothing.
fn try_token(
    server: &Server,
    follower: &mut LogFollower,
    request: &EnrollRequest,
) -> Result<(), EnrollError> {
    let supply = supply(request)?;
    let Source::Registry(client) = supply.source() else {
        return Ok(());
    };
    match supply.wait(follower.sync(client)).map(|_| ()) {
        Ok(()) => synced::write(server, request.now),
        Err(error) if error.kind() == FailureKind::Temporary => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn supply(request: &EnrollRequest) -> Result<Supply, FetchError> {
    if let Some(path) = &request.file {
        return Ok(Supply::file(path)?.0);
    }
    let supply = Supply::registry(request.url.clone(), request.token.clone())?;
    Ok(supply.on_silence(request.on_wait))
}

fn required<'a>(
    log: Option<&'a LogCopy>,
    request: &EnrollRequest,
) -> Result<&'a LogCopy, EnrollError> {
    log.ok_or_else(|| EnrollError::NoLogCopy {
        path: request.file.clone().unwrap_or_default(),
    })
}
