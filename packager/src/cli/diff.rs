//! `bulla diff`: what changes from one release to another.

mod patch;
mod side;
mod table;

use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use self::side::{Opened, SideName};
use super::session::Session;
use crate::compare::{self, PathLimit};

/// Show what changes from release A to release B: files, and how they are installed
///
/// Computed here, from indexes verified against the two hashes. The exit status is 0 whether they
/// differ or not.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// A hash, channel, revision or label, or a bundle file (`*.bulla`, or any path with a `/`)
    #[arg(value_name = "A")]
    from: SideName,
    /// The same
    #[arg(value_name = "B")]
    to: SideName,
    /// Only these: a path with everything below it, or a pattern in gitignore syntax
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Print a patch for `git apply` or `patch -p1`; only the frames that hold its files are
    /// fetched
    #[arg(long, short, conflicts_with = "json")]
    patch: bool,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &DiffArguments) -> Result<(), Failure> {
    let limits = arguments.paths.iter().map(|path| PathLimit::new(path));
    let limits: Vec<PathLimit> = limits.collect::<Result<_, _>>().map_err(Failure::usage)?;
    let [from, to] = Box::pin(side::open(session, [&arguments.from, &arguments.to])).await?;
    require_matches(&limits, arguments, [&from, &to])?;
    let mut diff = bulla_bundle::compare(from.bundle(), to.bundle());
    compare::limit(&mut diff, &limits);
    if arguments.json {
        return Ok(stdout::json(&diff)?);
    }
    stderr::say(format_args!(
        "{} {} -> {}",
        from.project(),
        diff.from.short(),
        diff.to.short()
    ));
    if arguments.patch {
        patch::print(&diff.changes, [&from, &to]).await
    } else {
        table::print(&diff)
    }
}

/// A PATH that neither release has is a slip of the pen, and must not look like "no changes".
fn require_matches(
    limits: &[PathLimit],
    arguments: &DiffArguments,
    releases: [&Opened; 2],
) -> Result<(), Failure> {
    let matches = |limit: &PathLimit| {
        let mut bundles = releases.iter().map(|release| release.bundle());
        bundles.any(|bundle| compare::has_any(bundle, limit))
    };
    match limits.iter().position(|limit| !matches(limit)) {
        None => Ok(()),
        Some(position) => Err(Failure::usage(format_args!(
            "`{}` is in neither release",
            arguments.paths[position]
        ))),
    }
}
