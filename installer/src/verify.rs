//! Compares a tree with what it should be: in full, every content hashed against the signed
//! index, or quickly, every path looked at and compared with the installer's own record.

mod full;
mod quick;

use serde::Serialize;

use crate::bundles;
use crate::current;
use crate::error::Error;
use crate::layout::Server;
use bulla_schemas::{Digest, ProjectName};

pub(crate) use quick::changed;

/// One path that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The path in the tree.
    pub path: String,
    /// What is wrong with it.
    pub difference: DifferenceKind,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Nothing is there.
    Missing,
    /// Something is there that the release does not have.
    Extra,
    /// Other bytes.
    Changed,
    /// A directory instead of a file, or the like.
    Kind,
    /// Other permissions.
    Mode,
    /// A link that points elsewhere.
    Target,
    /// It cannot be read.
    Unreadable,
}

impl std::fmt::Display for DifferenceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
            Self::Kind => "other kind",
            Self::Mode => "mode",
            Self::Target => "target",
            Self::Unreadable => "unreadable",
        })
    }
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The project.
    pub project: ProjectName,
    /// The live release.
    pub hash: Digest,
    /// How many files the release has.
    pub files: u64,
    /// What is not as it should be, by path.
    pub differences: Vec<Difference>,
}

/// Hashes the live tree against the signed index.
pub fn verify(server: &Server, project: &ProjectName) -> Result<Verification, Error> {
    let place = server.place(project);
    let hash = current::read(&place)?.ok_or_else(|| Error::NotInstalled {
        project: project.clone(),
    })?;
    let bundle = match bundles::read(server, &hash) {
        Ok(kept) => kept.ok_or(Error::BundleNotKept { hash })?,
        Err(Error::Bundle(source)) => {
            return Err(Error::KeptBundle {
                hash,
                directory: server.bundle(&hash),
                source,
            });
        }
        Err(error) => return Err(error),
    };
    Ok(Verification {
        project: project.clone(),
        hash,
        files: bundle.release().files,
        differences: full::compare(&bundle, &place.tree(&hash))?,
    })
}
