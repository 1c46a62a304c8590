//! Which revision is packed, and with what of earlier packs: the arguments that several commands
//! have.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::environment;
use crate::source::{CiRevision, GivenReference, Location, SourceSpec};

/// Which revision, and how.
#[derive(Debug, Args)]
pub(super) struct SourceArguments {
    /// A git or svn checkout, a bare git repository, or an svn URL
    #[arg(value_name = "CHECKOUT", default_value = ".")]
    checkout: OsString,
    /// The revision: what `git rev-parse` understands, or what `svn -r` does (`4711`, `r4711`,
    /// `HEAD`, `{2026-11-20}`); by default the one that is checked out
    #[arg(long, short, value_name = "REV")]
    revision: Option<String>,
    /// The branch or tag in full, such as `refs/heads/main`; by default what is checked out, else what
    /// the CI service says, else the tag at the commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Pack a checkout with changes that are in no revision; such a release cannot be promoted
    #[arg(long)]
    allow_dirty: bool,
    #[command(flatten)]
    pub(super) work: WorkArguments,
}

/// How to build and compress.
#[derive(Debug, Args)]
pub(super) struct WorkArguments {
    /// Run the recipe's build without a sandbox; the release statement says so
    #[arg(long)]
    pub(super) no_sandbox: bool,
    /// How many threads compress; the hash does not depend on it
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

/// What is used of earlier packs.
#[derive(Debug, Args)]
pub(super) struct CacheArguments {
    /// Where packs leave what makes the next one fast; by default `~/.cache/bulla`
    #[arg(long, value_name = "DIR", env = "BULLA_CACHE")]
    cache: Option<PathBuf>,
    /// Read and compress everything again, without the cache
    #[arg(long)]
    fresh: bool,
}

impl SourceArguments {
    /// Returns which revision is meant.
    pub(super) fn spec(&self, spool: PathBuf) -> SourceSpec {
        SourceSpec {
            location: Location::parse(&self.checkout),
            revision: self.revision.clone(),
            allow_dirty: self.allow_dirty,
            reference: GivenReference {
                named: self.reference.clone(),
                ci: CiRevision::of_variables(environment::variable),
            },
            spool,
        }
    }
}

impl CacheArguments {
    pub(super) fn directory(&self) -> Option<PathBuf> {
        if self.fresh {
            return None;
        }
        self.cache.clone().or_else(environment::cache_directory)
    }
}
