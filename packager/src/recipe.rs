//! `bulla.toml`, read from the revision that is packed and never from beside it.
//!
//! What the recipe may say is [`bulla_schemas::recipe::Recipe`]; here it is found, read, checked
//! as a whole, and its errors are told with key, line and column.

mod error;
mod place;

use bulla_schemas::install::{InstallError, PersistentPath};
use bulla_schemas::recipe::{RECIPE_FILE, Recipe};
use bulla_schemas::{Codec, Digest};

use crate::filter::Patterns;
use crate::source::{Checkout, TrackedKind};
pub use error::RecipeError;
use place::Place;

/// A recipe that has been checked, and the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRecipe {
    /// What it says.
    pub recipe: Recipe,
    /// The compressor that it asks for.
    pub codec: Codec,
    /// The sha256 of the file.
    pub digest: Digest,
}

impl CheckedRecipe {
    /// Returns the persistent paths that may be files or directories. Of one that is required that
    /// makes no difference: a person puts it there.
    pub fn unclear_paths(&self) -> impl Iterator<Item = &PersistentPath> {
        let section = &self.recipe.install;
        let is_required = |path: &PersistentPath| {
            let mut required = section.require.iter();
            required.any(|required| required.path() == path.path())
        };
        let persist = section.persist.iter();
        persist.filter(move |path| path.is_unclear() && !is_required(path))
    }

    /// Returns what a person should know, one sentence each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.unclear_paths().map(|path| {
            format!(
                "the persistent path `{path}` may be a file or a directory; {}",
                make_clear(path)
            )
        })
    }
}

/// Says how a persistent path is made clear.
pub fn make_clear(path: &PersistentPath) -> String {
    format!("write `{path}/` for a directory, or list a file in `[install] require` too")
}

/// Most bytes in a recipe.
pub const MAX_LEN: u64 = 1024 * 1024;

/// Reads the recipe of a revision.
pub fn load(checkout: &Checkout) -> Result<CheckedRecipe, RecipeError> {
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == RECIPE_FILE.as_bytes())
        .ok_or_else(|| RecipeError::Missing {
            revision: checkout.source.short_revision(),
            untracked: checkout.has_beside(RECIPE_FILE),
        })?;
    if !matches!(checkout.tracked()[position].kind, TrackedKind::File { .. }) {
        return Err(RecipeError::NotFile);
    }
    let bytes = checkout
        .read(position, MAX_LEN)
        .map_err(RecipeError::Read)?;
    parse(&bytes)
}

/// Reads the recipe in `bytes`.
pub fn parse(bytes: &[u8]) -> Result<CheckedRecipe, RecipeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        RecipeError::NotUtf8 {
            place: Place::behind(&String::from_utf8_lossy(valid)),
            byte: rest.first().copied().unwrap_or_default(),
        }
    })?;
    let recipe: Recipe = toml::from_str(text).map_err(|error| RecipeError::Invalid {
        place: Place::of_error(text, &error),
        message: error.message().to_owned(),
    })?;
    let codec = check(&recipe, text)?;
    Ok(CheckedRecipe {
        recipe,
        codec,
        digest: Digest::of(bytes),
    })
}

/// Checks what the types alone cannot.
fn check(recipe: &Recipe, text: &str) -> Result<Codec, RecipeError> {
    let at = |keys: &[&str]| Place::of_key(text, keys);
    let codec = Codec::current(recipe.bundle.compression).map_err(|source| RecipeError::Codec {
        place: at(&["bundle", "compression"]),
        source,
    })?;
    let bundle = &recipe.bundle;
    let mut lists = vec![
        ("bundle", "include", &bundle.include),
        ("bundle", "exclude", &bundle.exclude),
    ];
    if let Some(build) = &recipe.build {
        lists.push(("build", "outputs", &build.outputs));
        if build.outputs.is_empty() {
            return Err(RecipeError::NoOutputs {
                place: at(&["build", "outputs"]),
            });
        }
    }
    for (section, key, patterns) in lists {
        Patterns::new(patterns).map_err(|source| RecipeError::Pattern {
            place: Place::of_item(text, &[section, key], source.pattern()),
            source,
        })?;
    }
    recipe
        .install()
        .validate()
        .map_err(|source| RecipeError::Install {
            place: match &source {
                InstallError::NestedPersist { inner, .. } => {
                    Place::of_item(text, &["install", "persist"], inner.as_str())
                }
                InstallError::RequireNotPersistent { path } => {
                    Place::of_item(text, &["install", "require"], path.as_str())
                }
                InstallError::NoCheck => at(&["health"]),
                _ => at(&["install"]),
            },
            source,
        })?;
    Ok(codec)
}
