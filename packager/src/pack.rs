//! The arrow from a checkout to a bundle.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bulla_bundle::{Bundle, Limits, Progress, ReleaseSeed, WriteError, WriteOptions};
use bulla_schemas::outcome::FailureKind;

use crate::recipe::CheckedRecipe;
use crate::select::{Filter, SelectError, select};
use crate::source::{Checkout, Provenance, SourceError};

/// How to pack; no option changes a byte of the bundle.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// How many threads compress.
    pub threads: NonZeroUsize,
    /// The directory for the payload's temporary file.
    pub spool: PathBuf,
    /// What a bundle may hold at most.
    pub limits: Limits,
}

/// A bundle and what the release statement says about its source.
pub struct Packed {
    /// The bundle.
    pub bundle: Bundle,
    /// The facts for the statement.
    pub provenance: Provenance,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Packs what `recipe` selects of `checkout`.
pub fn pack(
    checkout: Checkout,
    recipe: &CheckedRecipe,
    options: &PackOptions,
    progress: &dyn Progress,
) -> Result<Packed, PackError> {
    let seed = ReleaseSeed {
        project: recipe.recipe.bundle.project.clone(),
        source: checkout.source.clone(),
        recipe: recipe.digest,
        codec: recipe.codec.clone(),
        install: recipe.recipe.install(),
        platforms: recipe.recipe.bundle.platforms.clone(),
    };
    let options = WriteOptions {
        threads: options.threads,
        spool: options.spool.clone(),
        limits: options.limits.clone(),
    };
    let filter = Filter::new(&recipe.recipe.bundle).map_err(SelectError::Pattern)?;
    let checkout = checkout.resolve(&recipe.recipe.source, &filter)?;
    let selection = select(checkout, &recipe.recipe)?;
    let bundle = bulla_bundle::write(&selection, seed, &options, progress)?;
    let checkout = selection.into_checkout();
    let mut warnings = checkout.warnings;
    if recipe.recipe.bundle.platforms.is_empty() {
        warnings.extend(windows_warning(&bundle));
    }
    Ok(Packed {
        bundle,
        provenance: checkout.provenance,
        warnings,
    })
}

/// A recipe that names its platforms has decided; any other should know.
fn windows_warning(bundle: &Bundle) -> Option<String> {
    let problems = bundle.problems();
    let first = problems.first()?;
    Some(match problems.len() {
        1 => format!("a name does not fit Windows: {first}"),
        count => format!("{count} names do not fit Windows, the first: {first}"),
    })
}

/// Why a checkout cannot be packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// What stands for content elsewhere cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An entry that cannot be released.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl PackError {
    /// Returns the kind of failure, which decides the exit status.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Source(error) => error.kind(),
            Self::Select(error) => error.kind(),
            Self::Write(error) => error.kind(),
        }
    }

    /// Returns what the user can do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Select(error) => error.hint(),
            Self::Write(error) => error.hint(),
        }
    }
}
