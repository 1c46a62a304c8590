//! The writer.
use crate::{Bundle, Limits, Progress, SourceTree, TreeError};
use bulla_schemas::install::Install;
use bulla_schemas::recipe::Platform;
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest, ProjectName};
use std::num::NonZeroUsize;
use std::path::PathBuf;
/// What a bundle says about itself beside its files.
#[derive(Debug, Clone)]
pub struct ReleaseSeed {
    /// The project.
    pub project: ProjectName,
    /// The revision.
    pub source: Source,
    /// The sha256 of the recipe.
    pub recipe: Digest,
    /// The compressor; must be this program's.
    pub codec: Codec,
    /// How the release wants to be installed.
    pub install: Install,
    /// Platforms whose file names the release must fit; not part of the bundle.
    pub platforms: Vec<Platform>,
}
/// How to write, without influence on what is written.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// How many threads read and compress.
    pub threads: NonZeroUsize,
    /// The directory for the payload's temporary file.
    pub spool: PathBuf,
    /// What the reader will accept.
    pub limits: Limits,
}
/// Why a tree cannot be packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
/// Packs `tree`.
pub fn write(
    tree: &dyn SourceTree,
    seed: ReleaseSeed,
    options: &WriteOptions,
    progress: &dyn Progress,
) -> Result<Bundle, WriteError> {
    let _ = (tree, seed, options, progress);
    unimplemented!()
}
