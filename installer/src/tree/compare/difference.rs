//! How a path can differ from what the release has there.

pub use bulla_schemas::report::server::{Difference, DifferenceKind};

/// Names the first few differences in a sentence: ``changed `a`, added `b` and 3 more``.
pub(crate) fn in_words(differences: &[Difference]) -> String {
    const FEW: usize = 5;
    let shown: Vec<_> = differences
        .iter()
        .take(FEW)
        .map(|difference| format!("{} `{}`", difference.difference, difference.path))
        .collect();
    match differences.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
