//! What a host file names of this machine, each with its place in the file.

use std::path::PathBuf;

use super::problem::Problem;
use super::values::{Owner, UserName, plain_path};

/// One thing that is named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// Where, without a message.
    pub(super) place: Problem,
    pub(super) thing: Thing,
}

/// What there has to be.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    User(UserName),
    Owner(Owner),
    MetricsFile(PathBuf),
    TokenFile(PathBuf),
    EnvironmentFile(PathBuf),
    Program {
        path: PathBuf,
        /// Whom it is run as, where the file says so.
        user: Option<UserName>,
    },
}

impl Thing {
    /// Returns what the value of a host file's own key names.
    pub(super) fn of_host(key: &str, text: &str) -> Option<Self> {
        (key == "metrics").then(|| path(text).map(Self::MetricsFile))?
    }

    /// Returns what the value of a registry's key names.
    pub(super) fn of_registry(key: &str, text: &str) -> Option<Self> {
        (key == "token-file").then(|| path(text).map(Self::TokenFile))?
    }

    /// Returns what the value of a project's key names.
    pub(super) fn of_project(key: &str, text: &str) -> Option<Self> {
        match key {
            "user" => text.parse().ok().map(Self::User),
            "environment-file" => path(text).map(Self::EnvironmentFile),
            _ => None,
        }
    }

    /// Returns what the value of a key for persistent directories names.
    pub(super) fn of_persist(key: &str, text: &str) -> Option<Self> {
        (key == "owner").then(|| text.parse().ok().map(Self::Owner))?
    }
}

fn path(text: &str) -> Option<PathBuf> {
    plain_path(text).map(Into::into)
}
