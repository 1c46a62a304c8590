//! What can go wrong on a server, with the exit status and the next step for each.
//!
//! Every refusal here leaves the live release untouched: nothing is switched before everything
//! was checked.

use std::io;
use std::path::{Path, PathBuf};

use bulla_bundle::{BundleFileError, VerifyError};
use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName};

use crate::rollback::Candidate;

/// Why an installer's command did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// What has been downloaded cannot be read back.
    #[error("cannot read back what has been downloaded")]
    ReadSpool(#[source] io::Error),
    /// The bundle file's payload cannot be read.
    #[error("cannot read the payload in the bundle file")]
    ReadFile(#[source] io::Error),
    /// A file of the installer's own state cannot be understood.
    #[error("`{}` is damaged in line {line}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// A value that has no JSON.
    #[error("cannot write down the state")]
    Unwritable(#[source] serde_json::Error),
    /// A thread ended by itself.
    #[error("a thread ended unexpectedly")]
    ThreadDied,
    /// The asynchronous part cannot start.
    #[error("cannot start the network's thread")]
    Runtime(#[source] io::Error),

    /// No log is known.
    #[error("this server is not enrolled: `{}` holds no log", state.display())]
    NotEnrolled {
        /// The state directory.
        state: PathBuf,
    },
    /// Another registry or log is followed.
    #[error("this server is enrolled with the log `{origin}` of {url} already")]
    EnrolledElsewhere {
        /// The registry.
        url: Box<url::Url>,
        /// The log.
        origin: String,
    },
    /// The registry, or the way there.
    #[error(transparent)]
    Registry(Box<ClientError>),
    /// The log, or what remembers it.
    #[error(transparent)]
    Log(Box<FollowError>),
    /// The bundle is not what it says.
    #[error(transparent)]
    Bundle(Box<VerifyError>),
    /// The bundle file is not one.
    #[error(transparent)]
    BundleFile(Box<BundleFileError>),
    /// A bundle file with another release.
    #[error("expected the release {expected} in the bundle file, found {found}")]
    OtherBundle {
        /// What was asked for.
        expected: Digest,
        /// What the file holds.
        found: Digest,
    },
    /// A bundle file without a copy of the log.
    #[error("the bundle file `{}` brings no copy of the log", path.display())]
    NoLogCopy {
        /// The file.
        path: PathBuf,
    },

    /// A channel that points to nothing.
    #[error("the channel `{channel}` of `{project}` points to no release")]
    NoHead {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The channels that point to something.
        known: Vec<ChannelName>,
    },
    /// People stopped the channel.
    #[error("the channel `{channel}` is paused by {people}: {reason}")]
    Paused {
        /// The channel.
        channel: ChannelName,
        /// Who paused it.
        people: String,
        /// Why.
        reason: String,
    },
    /// A hash that the channel never pointed to.
    #[error("`{asked}` was never the head of `{channel}`, which points to {head}")]
    NeverHead {
        /// What was asked for.
        asked: DigestPrefix,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        head: Digest,
    },
    /// A hash that the channel pointed to earlier.
    #[error("{hash} is an earlier head of `{channel}`, which now points to {head}")]
    EarlierHead {
        /// What was asked for.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        head: Digest,
    },
    /// A shortened hash that several releases have.
    #[error("`{asked}` stands for more than one release: {first}, {second}")]
    AmbiguousHash {
        /// What was asked for.
        asked: DigestPrefix,
        /// One of them.
        first: Digest,
        /// Another.
        second: Digest,
    },
    /// A release that must not be activated.
    #[error("{hash} is revoked: {reason}")]
    Revoked {
        /// The release.
        hash: Digest,
        /// Why, in the words of who revoked it.
        reason: String,
    },
    /// The log has less than what this server has already installed.
    #[error(
        "promotion {installed} of `{channel}` was installed here, the log only knows {offered}"
    )]
    SeqWentBack {
        /// The channel.
        channel: ChannelName,
        /// The promotion that was installed.
        installed: u64,
        /// The promotion that the log offers.
        offered: u64,
    },
    /// The bundle is larger or smaller than its release statement says.
    #[error(
        "the release statement says that the bundle has {expected} bytes, its manifest names {found}"
    )]
    BundleSize {
        /// What the statement says.
        expected: u64,
        /// What the manifest adds up to.
        found: u64,
    },
    /// A part of the bundle that is too large to be one.
    #[error("the {what} may have at most {limit} bytes, found {found}")]
    PartSize {
        /// Which part.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// Its size.
        found: u64,
    },
    /// A bundle of another project.
    #[error("expected a bundle of `{expected}`, found one of `{found}`")]
    OtherProject {
        /// The project that is installed.
        expected: ProjectName,
        /// The project that the bundle names.
        found: ProjectName,
    },
    /// The release asks for something that this version does not do.
    #[error("the release {wants}, which this version of bulla-installer does not do")]
    Unsupported {
        /// What it wants.
        wants: String,
    },

    /// A file of the payload is not what the index says.
    #[error("the index says `{path}` is {expected}, the payload has {found}")]
    Content {
        /// The file.
        path: String,
        /// The digest in the index.
        expected: Digest,
        /// The digest of what was there.
        found: Digest,
    },
    /// A file on this disk is not what it was.
    #[error("the copy of `{path}` on this disk has changed")]
    LocalContent {
        /// The file.
        path: String,
        /// Which of the trees it is in.
        tree: usize,
    },
    /// The tree is not complete.
    #[error("`{path}` was not written")]
    NotWritten {
        /// The file.
        path: String,
    },
    /// Not enough bytes.
    #[error(
        "the release needs {needed} bytes on the file system of `{}`, {free} are free",
        path.display()
    )]
    NoSpace {
        /// A directory on the file system.
        path: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Not enough inodes.
    #[error(
        "the release needs {needed} inodes on the file system of `{}`, {free} are free",
        path.display()
    )]
    NoInodes {
        /// A directory on the file system.
        path: PathBuf,
        /// Inodes that are needed.
        needed: u64,
        /// Inodes that are free.
        free: u64,
    },

    /// `current` is a directory or a file.
    #[error("`{}` is a {found}, not a link that bulla-installer made", path.display())]
    CurrentIsNoLink {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// `current` points to something else than a release.
    #[error(
        "`{}` points to `{}`, not to a release that bulla-installer made",
        path.display(),
        target.display()
    )]
    CurrentIsForeign {
        /// The path.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// The live tree was changed by hand and cannot be exchanged in one step here.
    #[error(
        "`{}` is live and was changed by hand, and this file system cannot exchange two directories in one step",
        path.display()
    )]
    CannotExchange {
        /// The tree.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },

    /// Nothing of this project was ever installed here.
    #[error("nothing of `{project}` is installed here")]
    NotInstalled {
        /// The project.
        project: ProjectName,
    },
    /// The bundle of the live release is not kept here.
    #[error(
        "the bundle of {hash} is not in the state directory, so there is nothing to verify against"
    )]
    BundleNotKept {
        /// The release.
        hash: Digest,
    },
    /// What is kept of the live release's bundle is damaged.
    #[error("the index in `{}` does not match {hash}", directory.display())]
    KeptBundle {
        /// The release.
        hash: Digest,
        /// Where its bundle is kept.
        directory: PathBuf,
        /// What does not match.
        #[source]
        source: Box<VerifyError>,
    },
    /// No release to go back to.
    #[error("there is no release to go back to")]
    NothingBefore {
        /// What else was live here.
        candidates: Vec<Candidate>,
    },
    /// A hash that was never live here.
    #[error("`{asked}` was never live here")]
    NeverLive {
        /// What was asked for.
        asked: DigestPrefix,
        /// What was.
        candidates: Vec<Candidate>,
    },
    /// The release is not on this disk any more.
    #[error("the tree of {hash} is not on this disk any more")]
    TreeGone {
        /// The release.
        hash: Digest,
        /// What else was live here.
        candidates: Vec<Candidate>,
    },
    /// The tree is not as it was installed.
    #[error(
        "the tree of {hash} was changed since it was installed: {}",
        first_few(paths)
    )]
    TreeChanged {
        /// The release.
        hash: Digest,
        /// What differs.
        paths: Vec<String>,
    },
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<FollowError> for Error {
    fn from(error: FollowError) -> Self {
        Self::Log(Box::new(error))
    }
}

impl From<BundleFileError> for Error {
    fn from(error: BundleFileError) -> Self {
        Self::BundleFile(Box::new(error))
    }
}

impl From<VerifyError> for Error {
    fn from(error: VerifyError) -> Self {
        Self::Bundle(Box::new(error))
    }
}

impl Error {
    /// Returns the exit status' kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Registry(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::BundleFile(error) => error.kind(),
            Self::Bundle(_)
            | Self::OtherBundle { .. }
            | Self::Paused { .. }
            | Self::NeverHead { .. }
            | Self::EarlierHead { .. }
            | Self::Revoked { .. }
            | Self::SeqWentBack { .. }
            | Self::BundleSize { .. }
            | Self::PartSize { .. }
            | Self::OtherProject { .. }
            | Self::Unsupported { .. }
            | Self::KeptBundle { .. }
            | Self::Content { .. } => FailureKind::Refused,
            Self::NotEnrolled { .. }
            | Self::EnrolledElsewhere { .. }
            | Self::NoLogCopy { .. }
            | Self::AmbiguousHash { .. } => FailureKind::Usage,
            _ => FailureKind::Failed,
        }
    }

    /// Returns what a person can do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Registry(error) => return error.hint(),
            Self::Log(error) => return error.hint(),
            Self::BundleFile(error) => return error.hint(),
            Self::OtherBundle { .. } => "leave the HASH away, or take the file that holds it",
            Self::NoLogCopy { .. } => "`bulla export` writes files that do",
            Self::NoHead { known, .. } if known.is_empty() => {
                "nothing of this project was ever promoted; `bulla promote` does that"
            }
            Self::NoHead { known, .. } => {
                let known: Vec<_> = known.iter().map(ChannelName::as_str).collect();
                return Some(format!("its channels are: {}", known.join(", ")));
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room and run the same command again"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run it as the user who owns the root and the state directory, usually root"
            }
            Self::Damaged { .. } => {
                "look at the file, it is text; the live release is not affected"
            }
            Self::NotEnrolled { .. } => {
                "`bulla-installer enroll URL ANCHOR`; `bulla anchor` prints the anchor"
            }
            Self::Bundle(_)
            | Self::Content { .. }
            | Self::BundleSize { .. }
            | Self::PartSize { .. }
            | Self::OtherProject { .. } => {
                "the registry or the builder is at fault; nothing was installed"
            }
            Self::EnrolledElsewhere { .. } => {
                "a server follows one log; use another --state for another registry"
            }
            Self::KeptBundle { .. } | Self::BundleNotKept { .. } => {
                "`bulla-installer install` fetches it again"
            }
            Self::EarlierHead { .. } => "--pin-old installs it anyway, and the history says so",
            Self::NeverHead { .. } => "promote it first, with `bulla promote`",
            Self::SeqWentBack { .. } => {
                "the state directory was restored from an old copy, or the log is not the one that was installed from"
            }
            Self::NoSpace { .. } | Self::NoInodes { .. } => {
                "make room, or keep fewer releases with --keep"
            }
            Self::CurrentIsNoLink { .. } | Self::CurrentIsForeign { .. } => {
                "move it away; bulla-installer replaces only what it made itself"
            }
            Self::CannotExchange { .. } => {
                "move the changed files away by hand, or install another release"
            }
            Self::NothingBefore { .. } | Self::TreeGone { .. } => {
                "promote the release you want back, with `bulla rollback`, and install it"
            }
            Self::TreeChanged { .. } => {
                "`bulla-installer install` writes it anew and moves the changed tree aside"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Returns the releases that a person may want instead.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::NothingBefore { candidates }
            | Self::NeverLive { candidates, .. }
            | Self::TreeGone { candidates, .. } => candidates,
            _ => &[],
        }
    }

    /// For `map_err` on what serde cannot write.
    pub(crate) fn unwritable(source: serde_json::Error) -> Self {
        Self::Unwritable(source)
    }
}

/// Says on which path something was tried.
pub(crate) trait OnPath<T> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, operation: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            operation,
            path: path.as_ref().to_owned(),
            source,
        })
    }
}

fn first_few(paths: &[String]) -> String {
    const FEW: usize = 3;
    let shown: Vec<_> = paths
        .iter()
        .take(FEW)
        .map(|path| format!("`{path}`"))
        .collect();
    match paths.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
