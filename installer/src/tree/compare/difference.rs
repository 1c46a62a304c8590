//! How a path can differ from what the release has there.

use bulla_schemas::line::few;
pub use bulla_schemas::report::server::{Difference, DifferenceKind};

/// Names the first few differences in a sentence: ``changed `a`, added `b` and 3 more``.
pub(crate) fn in_words(differences: &[Difference]) -> String {
    const FEW: usize = 5;
    let differences = differences.iter();
    let said =
        differences.map(|difference| format!("{} `{}`", difference.difference, difference.path));
    few(said, FEW, ", ", " and")
}
