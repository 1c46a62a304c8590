//! `Retention`: how long a registry keeps what nothing needs. What is the head of a channel, has a tag
//! or is on a host is needed.

/// How long a registry keeps what nothing needs, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retention {
    /// What was pushed or asked for so lately is left alone.
    pub(crate) grace: i64,
    /// Of each channel so many of its last heads, the present one among them.
    pub(crate) heads: Option<u32>,
    /// What was the head of a channel within this time. All that ever was when neither this nor
    /// `heads` is set.
    pub(crate) promoted: Option<i64>,
    /// What was published, and pushed or asked for within this time, and never promoted.
    pub(crate) unpromoted: i64,
}

impl Retention {
    /// Least grace while a registry may be running: it tells whoever pushes what is there, notes that
    /// every ten minutes, and a push may take a while.
    pub(crate) const LEAST_BESIDE_SERVER: i64 = 60 * 60;

    /// Tells whether everything is kept that a channel ever pointed to.
    pub(crate) const fn keeps_all_promoted(&self) -> bool {
        self.heads.is_none() && self.promoted.is_none()
    }
}
