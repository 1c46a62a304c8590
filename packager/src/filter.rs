//! `Filter`: `include` and `exclude` of a recipe, as one question.

mod patterns;

use bulla_schemas::recipe::BundleSection;

use self::patterns::Judge;
pub use self::patterns::{PatternError, Patterns};

/// Which paths of a checkout belong to a release.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Everything when absent.
    include: Option<Patterns>,
    exclude: Patterns,
}

impl Filter {
    /// Reads the patterns of a recipe.
    pub fn new(section: &BundleSection) -> Result<Self, PatternError> {
        Ok(Self {
            include: Some(Patterns::new(&section.include)?),
            exclude: Patterns::new(&section.exclude)?,
        })
    }

    /// Takes every path.
    pub fn everything() -> Self {
        Self {
            include: None,
            exclude: Patterns::none(),
        }
    }

    /// Returns a judge that remembers what it decided about directories.
    pub(crate) fn judge(&self) -> FilterJudge<'_> {
        FilterJudge {
            include: self.include.as_ref().map(Patterns::judge),
            exclude: self.exclude.judge(),
        }
    }
}

/// Judges many paths of one tree.
pub(crate) struct FilterJudge<'a> {
    include: Option<Judge<'a>>,
    exclude: Judge<'a>,
}

impl FilterJudge<'_> {
    /// Tells whether `path` belongs to the release.
    pub(crate) fn takes(&mut self, path: &str, is_directory: bool) -> bool {
        let include = self.include.as_mut();
        include.is_none_or(|include| include.matches(path, is_directory))
            && !self.exclude.matches(path, is_directory)
    }

    /// Tells whether something below `directory` may belong to the release. It may say so of a
    /// directory that has nothing of it.
    pub(crate) fn may_take_below(&mut self, directory: &str) -> bool {
        let include = self.include.as_mut();
        include.is_none_or(|include| include.may_match_below(directory))
            && !self.exclude.matches_all_below(directory)
    }
}
