//! The arrow from a checkout to a bundle.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bulla_bundle::{Bundle, Earlier, Limits, Progress, ReleaseSeed, WriteError, WriteOptions};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::build::{self, BuildError, BuildOptions};
use crate::cache::{Cache, Frames, Record};
use crate::filter::Filter;
use crate::recipe::{self, CheckedRecipe, RecipeError};
use crate::select::{SelectError, Selection, select};
use crate::source::{self, Checkout, Comparison, Provenance, SourceError, SourceSpec};

/// How to pack; no option changes a byte of the bundle.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// How many threads compress.
    pub threads: NonZeroUsize,
    /// The directory for the payload's temporary file.
    pub spool: PathBuf,
    /// What a bundle may hold at most.
    pub limits: Limits,
    /// The directory of what earlier packs left, if it is to be used.
    pub cache: Option<PathBuf>,
    /// How to build, where the recipe has a build.
    pub build: BuildOptions,
}

impl PackOptions {
    fn write(&self) -> WriteOptions {
        WriteOptions {
            threads: self.threads,
            spool: self.spool.clone(),
            limits: self.limits.clone(),
        }
    }
}

/// A bundle and what the release statement says about its source.
pub struct Packed {
    /// The bundle.
    pub bundle: Bundle,
    /// The facts for the statement.
    pub provenance: Provenance,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
    /// What earlier packs left, where there is a cache.
    pub earlier: Option<EarlierFrames>,
}

/// What earlier packs left that a push can use.
#[derive(Debug)]
pub struct EarlierFrames {
    /// The bundle that was packed last before this one.
    pub last: Option<Digest>,
    /// Frames of any bundle with the same codec.
    pub frames: Frames,
}

/// Opens a revision and reads its recipe; the work tree may still be compared with the revision.
pub fn begin(spec: &SourceSpec) -> Result<(Checkout, CheckedRecipe), PackError> {
    let checkout = source::begin(spec)?;
    match recipe::load(&checkout) {
        Ok(recipe) => Ok((checkout, recipe)),
        // A recipe that was mended and not committed is a change that is in no revision.
        Err(error) => {
            checkout.compared()?;
            Err(error.into())
        }
    }
}

/// Opens a revision, reads its recipe and waits until the work tree is compared with the revision.
pub fn open(spec: &SourceSpec) -> Result<(Checkout, CheckedRecipe), PackError> {
    let (checkout, recipe) = begin(spec)?;
    Ok((checkout.compared()?, recipe))
}

/// Packs what `recipe` selects of `checkout`.
pub fn pack(
    mut checkout: Checkout,
    recipe: &CheckedRecipe,
    options: &PackOptions,
    progress: &dyn Progress,
) -> Result<Packed, PackError> {
    let mut warnings: Vec<String> = recipe.warnings().collect();
    let earlier = options
        .cache
        .as_deref()
        .and_then(|directory| match Cache::open(directory) {
            Ok(cache) => Some(EarlierPacks::of(cache, recipe)),
            Err(error) => {
                warnings.push(no_cache(directory, &error));
                None
            }
        });
    // Packing ends as soon as the comparison refuses; a build would not.
    if recipe.recipe.build.is_some() {
        checkout = checkout.compared()?;
    }
    let comparison = checkout.take_comparison();
    let packed = pack_compared(checkout, recipe, options, earlier, progress);
    // A change that is in no revision may be why it cannot be packed.
    let untracked = comparison.map_or_else(|| Ok(Vec::new()), Comparison::end)?;
    let mut packed = packed?;
    packed
        .warnings
        .splice(0..0, warnings.into_iter().chain(untracked));
    Ok(packed)
}

/// The cache and what the last pack of the project left in it.
struct EarlierPacks {
    cache: Cache,
    last: Option<Record>,
}

impl EarlierPacks {
    fn of(cache: Cache, recipe: &CheckedRecipe) -> Self {
        Self {
            last: cache.record(&recipe.recipe.bundle.project),
            cache,
        }
    }
}

/// Packs while the work tree may still be compared with the revision.
fn pack_compared(
    checkout: Checkout,
    recipe: &CheckedRecipe,
    options: &PackOptions,
    earlier: Option<EarlierPacks>,
    progress: &dyn Progress,
) -> Result<Packed, PackError> {
    let mut warnings = Vec::new();
    let frames = earlier.as_ref().map(|earlier| EarlierFrames {
        last: earlier.last.as_ref().map(|last| last.hash),
        frames: earlier.cache.frames(&recipe.codec),
    });
    let mut selection = choose(checkout, recipe, options)?;
    let bundle = match earlier {
        None => write(&selection, recipe, options, progress)?,
        Some(earlier) => {
            let seed = seed(&selection, recipe);
            let options = options.write();
            write_after(
                &earlier,
                &mut selection,
                seed,
                &options,
                progress,
                &mut warnings,
            )?
        }
    };
    let checkout = selection.into_checkout();
    warnings.extend(checkout.warnings);
    if recipe.recipe.bundle.platforms.is_empty() {
        warnings.extend(windows_warning(&bundle));
    }
    Ok(Packed {
        bundle,
        provenance: checkout.provenance,
        warnings,
        earlier: frames,
    })
}

/// Fetches what is missing, builds, and applies the recipe to what there is then.
pub(crate) fn choose(
    checkout: Checkout,
    recipe: &CheckedRecipe,
    options: &PackOptions,
) -> Result<Selection, PackError> {
    let recipe = &recipe.recipe;
    // A build may need what the release leaves out.
    let filter = match &recipe.build {
        None => Filter::new(&recipe.bundle).map_err(SelectError::Pattern)?,
        Some(_) => Filter::everything(),
    };
    let checkout = checkout.resolve(&recipe.source, &filter)?;
    let checkout = build::build(checkout, recipe, &options.limits, &options.build)?;
    Ok(select(checkout, recipe)?)
}

/// Writes the bundle, reading and compressing everything.
pub(crate) fn write(
    selection: &Selection,
    recipe: &CheckedRecipe,
    options: &PackOptions,
    progress: &dyn Progress,
) -> Result<Bundle, PackError> {
    let seed = seed(selection, recipe);
    let options = options.write();
    Ok(bulla_bundle::write(selection, seed, &options, progress)?)
}

fn seed(selection: &Selection, recipe: &CheckedRecipe) -> ReleaseSeed {
    ReleaseSeed {
        project: recipe.recipe.bundle.project.clone(),
        source: selection.checkout().source.clone(),
        recipe: recipe.digest,
        codec: recipe.codec.clone(),
        install: recipe.recipe.install(),
        platforms: recipe.recipe.bundle.platforms.clone(),
    }
}

/// Writes with what the last pack of the project left, and leaves this one for the next.
fn write_after(
    EarlierPacks { cache, last }: &EarlierPacks,
    selection: &mut Selection,
    seed: ReleaseSeed,
    options: &WriteOptions,
    progress: &dyn Progress,
    warnings: &mut Vec<String>,
) -> Result<Bundle, WriteError> {
    if let Some(last) = last {
        selection.know(last);
    }
    let frames = cache.frames(&seed.codec);
    let earlier = Earlier {
        frames: &frames,
        previous: last.as_ref().map(|last| &last.previous),
    };
    let bundle = bulla_bundle::rewrite(selection, seed, options, Some(earlier), progress)?;
    if last.as_ref().is_none_or(|last| last.hash != bundle.hash())
        && let Err(error) = cache.remember(&bundle, selection.ids())
    {
        warnings.push(no_cache(cache.directory(), &error));
    }
    Ok(bundle)
}

/// Without a cache everything is read and compressed again, which takes longer and changes nothing.
fn no_cache(directory: &Path, error: &io::Error) -> String {
    format!("cannot use the cache `{}`: {error}", directory.display())
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
    /// The recipe is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The build gives no release.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An entry that cannot be released.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Outcome for PackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Source(error) => error.kind(),
            Self::Recipe(error) => error.kind(),
            Self::Build(error) => error.kind(),
            Self::Select(error) => error.kind(),
            Self::Write(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Recipe(error) => error.hint(),
            Self::Build(error) => error.hint(),
            Self::Select(error) => error.hint(),
            Self::Write(error) => error.hint(),
        }
    }
}
