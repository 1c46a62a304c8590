//! `Listing`: what a message names one line each.

use std::fmt;

use bulla_schemas::escape::escape;
use bulla_schemas::line::few;

/// Names with a word each, of which a message shows the first ten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(pub Vec<(String, String)>);

impl Listing {
    const SHOWN: usize = 10;
}

impl fmt::Display for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter();
        let lines = lines.map(|(what, name)| format!("{what}: {}", escape(name)));
        formatter.write_str(&few(lines, Self::SHOWN, "\n", "\nand"))
    }
}
