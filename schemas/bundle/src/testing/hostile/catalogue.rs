//! One bundle per attack, named after it.

mod attack;
mod documents;
mod frames;
mod headers;
mod limits;
mod paths;
mod tables;
mod trees;

pub use attack::{Attack, CaughtBy};

/// Every attack.
pub fn catalogue() -> Vec<Attack> {
    let mut attacks = Vec::new();
    attacks.extend(paths::attacks());
    attacks.extend(trees::attacks());
    attacks.extend(headers::attacks());
    attacks.extend(frames::attacks());
    attacks.extend(tables::attacks());
    attacks.extend(documents::attacks());
    attacks.extend(limits::attacks());
    attacks
}
