//! One side of a diff: a release of the registry, or a bundle file.

use std::path::PathBuf;
use std::str::FromStr;

use bulla_bundle::{BundleFile, VerifiedBundle};
use bulla_registry_client::Client;
use bulla_schemas::ProjectName;
use bulla_terminal::Failure;
use bulla_trust::LogState;

use super::super::bundle_file;
use super::super::session::Session;
use crate::contents;
use crate::resolve::{ReleaseName, ReleaseNameError};

/// A release, or a bundle file. A channel may have a dot in its name, but not this ending.
#[derive(Debug, Clone)]
pub(super) enum SideName {
    Release(ReleaseName),
    File(PathBuf),
}

impl FromStr for SideName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        if std::path::Path::new(text).extension() == Some("bulla".as_ref()) || text.contains('/') {
            return Ok(Self::File(text.into()));
        }
        text.parse().map(Self::Release)
    }
}

/// A verified release.
pub(super) enum Opened {
    /// In the registry.
    Registry {
        client: Box<Client>,
        project: ProjectName,
        bundle: Box<VerifiedBundle>,
    },
    /// In a file.
    File(Box<BundleFile>),
}

impl Opened {
    pub(super) fn bundle(&self) -> &VerifiedBundle {
        match self {
            Self::Registry { bundle, .. } => bundle,
            Self::File(file) => file.bundle(),
        }
    }

    pub(super) fn project(&self) -> &ProjectName {
        &self.bundle().release().project
    }
}

/// Opens both sides; a registry is asked only for what lies there.
pub(super) async fn open(session: &Session, names: [&SideName; 2]) -> Result<[Opened; 2], Failure> {
    let is_release = |name: &&SideName| matches!(name, SideName::Release(_));
    let registry = if names.iter().any(is_release) {
        let client = session.client()?;
        let log = session.log(&client).await?;
        Some((client, log))
    } else {
        None
    };
    let open = async |name: &SideName| match (name, &registry) {
        (SideName::Release(name), Some((client, log))) => {
            from_registry(session, client, log.state(), name).await
        }
        (SideName::Release(_), None) => Err(Failure::usage("no registry is named")),
        (SideName::File(path), _) => Ok(Opened::File(Box::new(bundle_file::open(path)?))),
    };
    let [from, to] = names;
    let (from, to) = tokio::try_join!(open(from), open(to))?;
    Ok([from, to])
}

async fn from_registry(
    session: &Session,
    client: &Client,
    state: &LogState,
    name: &ReleaseName,
) -> Result<Opened, Failure> {
    let (project, hash) = session.find(state, name)?;
    Ok(Opened::Registry {
        bundle: Box::new(contents::fetch(client, &project, hash).await?),
        client: Box::new(client.clone()),
        project,
    })
}
