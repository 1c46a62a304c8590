//! Tallies: who decides about a statement, and who of them has signed.

use bulla_schemas::Name;

/// Who decides about something, and who of them has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// What is decided about.
    pub what: String,
    /// How many of them have to sign.
    pub needed: u32,
    /// Who has signed, by name.
    pub signed: Vec<Name>,
    /// Who may, by name.
    pub may: Vec<Name>,
}

impl Tally {
    /// Tells whether enough have signed.
    pub fn is_met(&self) -> bool {
        self.signed.len() >= self.needed as usize
    }

    /// Returns who may and has not signed; nobody once enough have.
    pub fn asked(&self) -> impl Iterator<Item = &Name> {
        let is_open = !self.is_met();
        let may = self.may.iter();
        may.filter(move |name| is_open && !self.signed.contains(name))
    }
}
