//! How long a registry is waited for: long where nobody else is left to be asked, and shortly where
//! another one has the same.

use std::time::Duration;

/// How long a registry is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as waiting may help: nobody else is left to be asked.
    Full,
    /// A few seconds: another registry can be asked for the same.
    Short,
}

impl Patience {
    /// How long a registry may think before it answers, and a body may stand still.
    pub(crate) const fn idle(self) -> Duration {
        match self {
            Self::Full => Duration::from_mins(1),
            Self::Short => Duration::from_secs(5),
        }
    }

    /// How long a body that is read into memory may take, however steadily it drips; and so a piece
    /// of a blob, for which a line of 30 kbit/s is then fast enough, or one of 300.
    pub(crate) const fn whole(self) -> Duration {
        match self {
            Self::Full => Duration::from_mins(5),
            Self::Short => Duration::from_secs(30),
        }
    }

    /// The longest pause before a request is sent again that is worth it; a registry that asks for
    /// more is asked again by a person.
    pub(crate) const fn pause(self) -> Duration {
        match self {
            Self::Full => Duration::from_secs(30),
            Self::Short => Duration::from_secs(5),
        }
    }
}
