//! `Terms`: what is kept of one project.

/// What is kept of a project, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Of each channel so many of its last heads, the present one among them.
    pub(crate) heads: Option<u32>,
    /// What was the head of a channel within this time. All that ever was when neither this nor
    /// `heads` is set.
    pub(crate) promoted: Option<i64>,
    /// What was published, and pushed or asked for within this time, and never promoted.
    pub(crate) unpromoted: i64,
}

impl Terms {
    /// How long a release is kept that was never promoted, where nothing is said: 90 days.
    pub(crate) const UNPROMOTED: i64 = 90 * 24 * 60 * 60;

    /// Tells whether everything is kept that a channel ever pointed to.
    pub(crate) const fn keeps_all_promoted(&self) -> bool {
        self.heads.is_none() && self.promoted.is_none()
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            heads: None,
            promoted: None,
            unpromoted: Self::UNPROMOTED,
        }
    }
}
