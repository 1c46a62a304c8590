//! `bulla pack`: a bundle from a revision, and the part of `publish` that is the same.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bulla_bundle::Limits;
use bulla_schemas::statement::Build;
use clap::Args;

use super::build;
use super::environment;
use super::failure::Failure;
use super::output;
use super::progress::Bar;
use super::session::Session;
use crate::build::log_of;
use crate::draft::Draft;
use crate::pack::{PackOptions, Packed, pack};
use crate::recipe;
use crate::source::{self, Location, SourceSpec};

/// Packs a revision into a bundle and prints its hash.
///
/// The bundle is a function of the revision and its `bulla.toml`: whoever packs the revision
/// again gets the same hash.
#[derive(Debug, Args)]
pub(super) struct PackArguments {
    #[command(flatten)]
    pub(super) source: SourceArguments,
    #[command(flatten)]
    cache: CacheArguments,
    /// Writes the bundle to this file; without it only the hash is worked out.
    #[arg(long, short, value_name = "FILE.bulla")]
    output: Option<PathBuf>,
}

/// Which revision, and how.
#[derive(Debug, Args)]
pub(super) struct SourceArguments {
    /// A git or svn checkout, a bare git repository, or an svn URL.
    #[arg(value_name = "CHECKOUT", default_value = ".")]
    checkout: OsString,
    /// The revision: what `git rev-parse` understands, or an svn revision number. By default what
    /// is checked out.
    #[arg(long, short, value_name = "REV")]
    revision: Option<String>,
    /// Packs a checkout with changes that are in no revision. Such a release cannot be promoted.
    #[arg(long)]
    allow_dirty: bool,
    /// Runs the recipe's build without a sandbox. The release statement says so.
    #[arg(long)]
    pub(super) no_sandbox: bool,
    /// How many threads compress. Does not change the hash.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

/// What is used of earlier packs.
#[derive(Debug, Args)]
pub(super) struct CacheArguments {
    /// Where packs leave what makes the next one fast; by default `~/.cache/bulla`.
    #[arg(long, value_name = "DIRECTORY", env = "BULLA_CACHE")]
    cache: Option<PathBuf>,
    /// Reads and compresses everything anew, without the cache.
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
            spool,
        }
    }
}

impl CacheArguments {
    fn directory(&self) -> Option<PathBuf> {
        if self.fresh {
            return None;
        }
        self.cache.clone().or_else(environment::cache_directory)
    }
}

pub(super) fn run(session: &Session, arguments: &PackArguments) -> Result<(), Failure> {
    let spool = arguments.output.as_deref().and_then(Path::parent);
    let packed = pack_source(session, &arguments.source, &arguments.cache, spool)?;
    if let Some(path) = &arguments.output {
        write_file(&packed, path)?;
        output::say(format_args!("wrote `{}`", path.display()));
    }
    output::line(packed.bundle.hash())
}

/// Opens and packs, shows a bar, and says what there is to say.
pub(super) fn pack_source(
    session: &Session,
    arguments: &SourceArguments,
    cache: &CacheArguments,
    spool: Option<&Path>,
) -> Result<Packed, Failure> {
    let spool = spool
        .filter(|path| !path.as_os_str().is_empty())
        .map_or_else(std::env::temp_dir, Path::to_owned);
    let checkout = source::begin(&arguments.spec(spool.clone()))?;
    let recipe = match recipe::load(&checkout) {
        Ok(recipe) => recipe,
        // A recipe that was mended and not committed is a change that is in no revision.
        Err(error) => {
            checkout.compared()?;
            return Err(error.into());
        }
    };
    let project = &recipe.recipe.bundle.project;
    session.require_project(project)?;
    let revision = checkout.source.short_revision();
    let available = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let bar = Bar::new("pack");
    let options = PackOptions {
        build: build::options(arguments.no_sandbox, &spool, &bar)?,
        threads: arguments.threads.unwrap_or(available),
        spool,
        limits: Limits::default(),
        cache: cache.directory(),
    };
    let packed = pack(checkout, &recipe, &options, &bar)?;
    drop(bar);
    for warning in &packed.warnings {
        output::say(format_args!(
            "warning: {}",
            bulla_schemas::escape::escape(warning)
        ));
    }
    if packed.provenance.dirty {
        output::say("warning: packed with changes that are in no revision; cannot be promoted");
    }
    if packed.provenance.build == Build::NoSandbox {
        output::say("warning: built without a sandbox; the release statement says so");
    }
    if recipe.recipe.build.is_some() {
        let log = log_of(&options.build.logs, project);
        output::say(format_args!(
            "what the build said is in `{}`",
            log.display()
        ));
    }
    let release = packed.bundle.release();
    output::say(format_args!(
        "packed {project} {revision}: {} files, {}, bundle {}",
        release.files,
        output::bytes(release.bytes),
        output::bytes(packed.bundle.total_size()),
    ));
    Ok(packed)
}

/// Writes the bundle under a temporary name and puts it in place when it is complete.
fn write_file(packed: &Packed, path: &Path) -> Result<(), Failure> {
    let mut draft = Draft::begin(path)?;
    let bundle = &packed.bundle;
    bulla_bundle::write_bundle_file(draft.file(), bundle.manifest_bytes(), bundle, None)?;
    Ok(draft.put()?)
}
