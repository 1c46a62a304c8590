//! `Attack`: one bundle, what it is called and where it is caught.

use crate::limits::Limits;
use crate::testing::hostile::{Forge, ForgedBundle, ForgedEntry};

/// A bundle that must not do what it was made for.
#[derive(Debug)]
pub struct Attack {
    /// What the attack is.
    pub name: &'static str,
    /// Where it is caught.
    pub caught_by: CaughtBy,
    /// The limits under which it is one.
    pub limits: Limits,
    /// The bundle.
    pub bundle: ForgedBundle,
}

/// Where an attack is caught at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtBy {
    /// The steps to a `VerifiedBundle`: nothing of the payload is read.
    Verify,
    /// Decoding a frame: nothing of it is written.
    Decode,
    /// The digest of a file while it is written to the staging directory.
    Extract,
    /// `verify_payload` only. An installer never looks at what this attack changed, so what it
    /// installs is the harmless tree of the index.
    PayloadCheck,
    /// The check of names, on Windows or for a release that is for Windows.
    WindowsNames,
}

pub(super) fn attack(name: &'static str, caught_by: CaughtBy, forge: Forge) -> Attack {
    Attack {
        name,
        caught_by,
        limits: Limits::default(),
        bundle: forge.build(),
    }
}

pub(super) fn entries(name: &'static str, entries: Vec<ForgedEntry>) -> Attack {
    attack(name, CaughtBy::Verify, Forge::new(entries))
}

pub(super) fn file(path: &str) -> ForgedEntry {
    ForgedEntry::file(path, b"owned\n")
}

/// Replaces the first `from`, which must be there.
pub(super) fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "no {from} in {text}");
    *text = text.replacen(from, to, 1);
}
