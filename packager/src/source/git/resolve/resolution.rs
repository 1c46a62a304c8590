//! `Resolution`: what the recipe says, where the tree at hand is mounted, and how many submodules
//! there were.

use bulla_schemas::recipe::Lfs;

use crate::filter::FilterJudge;
use crate::source::git::error::GitContentError;
use crate::source::{SourceError, Tracked, join};

/// Most submodules of a commit, in all.
const MOST_SUBMODULES: usize = 10_000;
/// Submodules in submodules in submodules. Each has a stack frame.
const DEEPEST: usize = 32;

/// What the recipe says, and where the tree at hand is mounted.
pub(super) struct Resolution<'a> {
    pub(super) lfs: Lfs,
    pub(super) judge: FilterJudge<'a>,
    pub(super) prefix: Vec<u8>,
    /// How many submodules the tree at hand lies in.
    pub(super) depth: usize,
    /// How many submodules there were so far.
    submodules: usize,
}

impl<'a> Resolution<'a> {
    /// Begins at the top.
    pub(super) const fn new(lfs: Lfs, judge: FilterJudge<'a>) -> Self {
        Self {
            lfs,
            judge,
            prefix: Vec::new(),
            depth: 0,
            submodules: 0,
        }
    }

    /// Returns the path from the top of the checkout, for patterns and messages.
    pub(super) fn shown(&self, path: &[u8]) -> String {
        String::from_utf8_lossy(&join(&self.prefix, path)).into_owned()
    }

    pub(super) fn takes(&mut self, tracked: &Tracked) -> bool {
        let path = self.shown(&tracked.path);
        self.judge.takes(&path, false)
    }

    /// Counts the submodule at `path`, whose commit anyone may have made.
    pub(super) fn count(&mut self, path: &str) -> Result<(), SourceError> {
        self.submodules += 1;
        let (most, what) = if self.depth == DEEPEST {
            (DEEPEST, "may lie in each other")
        } else if self.submodules > MOST_SUBMODULES {
            (MOST_SUBMODULES, "are allowed")
        } else {
            return Ok(());
        };
        Err(GitContentError::TooManySubmodules {
            path: path.to_owned(),
            most,
            what,
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn refuses_more_submodules_than_anybody_has() {
        let filter = Filter::everything();
        let mut resolution = Resolution::new(Lfs::Content, filter.judge());
        resolution.depth = 1;
        resolution.submodules = MOST_SUBMODULES - 1;
        resolution.count("last").unwrap();
        let error = resolution.count("lib").unwrap_err();
        let said = "the submodule `lib` is refused: at most 10000 are allowed";
        assert!(error.to_string().contains(said), "{error}");
    }
}
