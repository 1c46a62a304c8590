//! Packing as several commands do it: options from arguments, a bar, and what there is to say.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bulla_bundle::Limits;
use bulla_schemas::statement::Build;
use bulla_terminal::{Bar, Failure, bytes, count, stderr};

use super::environment;
use super::session::Session;
use super::source::{CacheArguments, SourceArguments, WorkArguments};
use crate::build::{self, BuildOptions, Listener, Surroundings, Tools};
use crate::pack::{self, PackOptions, Packed};

/// Returns how to build, in the usual surroundings.
pub(super) fn build_options(
    no_sandbox: bool,
    spool: &Path,
    bar: &Bar,
) -> Result<BuildOptions, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("cannot find the program itself", error))?;
    Ok(BuildOptions {
        program,
        tools: Tools {
            bubblewrap: environment::find_program("bwrap"),
            unshare: environment::find_program("unshare"),
        },
        no_sandbox,
        spool: spool.to_owned(),
        reserve: build::reserve(spool),
        // Without a home the output stays beside the temporary files.
        logs: environment::state_directory()
            .map_or_else(|| spool.to_owned(), |state| state.join("builds")),
        surroundings: Surroundings::usual(),
        listener: Listener::new(bar.speaker()),
    })
}

/// Returns how to pack.
pub(super) fn options(
    arguments: &WorkArguments,
    cache: Option<PathBuf>,
    spool: PathBuf,
    bar: &Bar,
) -> Result<PackOptions, Failure> {
    let available = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Ok(PackOptions {
        build: build_options(arguments.no_sandbox, &spool, bar)?,
        threads: arguments.threads.unwrap_or(available),
        spool,
        limits: Limits::default(),
        cache,
    })
}

/// Packs a revision, shows a bar, and says what there is to say.
pub(super) fn pack(
    session: &Session,
    arguments: &SourceArguments,
    cache: &CacheArguments,
    spool: Option<&Path>,
) -> Result<Packed, Failure> {
    let spool = spool
        .filter(|path| !path.as_os_str().is_empty())
        .map_or_else(std::env::temp_dir, Path::to_owned);
    let (checkout, recipe) = pack::begin(&arguments.spec(spool.clone()))?;
    let project = &recipe.recipe.bundle.project;
    session.require_project(project)?;
    let revision = checkout.source.short_revision();
    let bar = Bar::new("pack");
    let options = options(&arguments.work, cache.directory(), spool, &bar)?;
    let packed = pack::pack(checkout, &recipe, &options, &bar)?;
    drop(bar);
    for warning in &packed.warnings {
        stderr::warn(warning);
    }
    if packed.provenance.dirty {
        stderr::warn("packed with changes that are in no revision; cannot be promoted");
    }
    if packed.provenance.build == Build::NoSandbox {
        stderr::warn("built without a sandbox; the release statement says so");
    }
    if recipe.recipe.build.is_some() {
        let log = build::log_of(&options.build.logs, project);
        stderr::say(format_args!("the build's output is in `{}`", log.display()));
    }
    let release = packed.bundle.release();
    stderr::say(format_args!(
        "packed {project} {revision}: {}, {}, bundle {}",
        count(release.files, "file", "files"),
        bytes(release.bytes),
        bytes(packed.bundle.total_size()),
    ));
    Ok(packed)
}
