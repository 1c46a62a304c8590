//! `bulla pack`: a bundle from a revision.

use std::path::{Path, PathBuf};

use bulla_files::{Draft, Readers};
use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use super::session::Session;
use super::source::{CacheArguments, SourceArguments};
use super::{bundle_file, packing};
use crate::pack::Packed;

/// Pack a revision into a bundle and print its hash
///
/// The bundle is a function of the revision and its `bulla.toml`: every other pack of the revision
/// gives the same hash.
#[derive(Debug, Args)]
pub(super) struct PackArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    cache: CacheArguments,
    /// Write the bundle to this file; without it only the hash is computed
    #[arg(long, short, value_name = "FILE.bulla")]
    output: Option<PathBuf>,
}

pub(super) fn run(session: &Session, arguments: &PackArguments) -> Result<(), Failure> {
    let spool = arguments.output.as_deref().and_then(Path::parent);
    let packed = packing::pack(session, &arguments.source, &arguments.cache, spool)?;
    if let Some(path) = &arguments.output {
        write_file(&packed, path)?;
        stderr::say(format_args!("wrote `{}`", path.display()));
        bundle_file::warn_of_name(path);
    }
    Ok(stdout::line(packed.bundle.hash())?)
}

/// Writes the bundle under a temporary name and puts it in place when it is complete.
fn write_file(packed: &Packed, path: &Path) -> Result<(), Failure> {
    let mut draft = Draft::begin(path, Readers::Umask)?;
    let bundle = &packed.bundle;
    bulla_bundle::write_bundle_file(draft.file(), bundle.manifest_bytes(), bundle, None)?;
    Ok(draft.put()?)
}
