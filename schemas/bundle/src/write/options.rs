//! What the writer is given besides a tree.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bulla_schemas::install::Install;
use bulla_schemas::recipe::Platform;
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest, ProjectName};

use crate::limits::Limits;

/// What a bundle says about itself beside its files.
#[derive(Debug, Clone)]
pub struct ReleaseSeed {
    /// The project.
    pub project: ProjectName,
    /// The revision that the tree was taken from.
    pub source: Source,
    /// The sha256 of the recipe as it stands in the revision.
    pub recipe: Digest,
    /// The compressor; must be the one of this program.
    pub codec: Codec,
    /// How the release wants to be installed.
    pub install: Install,
    /// Platforms whose file names the release must fit. Not part of the bundle.
    pub platforms: Vec<Platform>,
}

/// How to write, without influence on what is written.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// How many threads read and compress.
    pub threads: NonZeroUsize,
    /// The directory for the payload's temporary file.
    pub spool: PathBuf,
    /// What a reader will accept.
    pub limits: Limits,
}
