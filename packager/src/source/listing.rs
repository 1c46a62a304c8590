//! `Listing`: what a message names one line each.

use std::fmt;

use bulla_schemas::escape::escape;

/// Names with a word each, of which a message shows the first ten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(pub Vec<(String, String)>);

impl Listing {
    const SHOWN: usize = 10;
}

impl fmt::Display for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (what, name)) in self.0.iter().take(Self::SHOWN).enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{what}: {}", escape(name))?;
        }
        match self.0.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "\nand {more} more"),
        }
    }
}
