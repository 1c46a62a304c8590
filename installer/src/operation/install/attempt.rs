//! An install that is under way: what it works with.

use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;

use super::request::InstallRequest;
use crate::fetch::Supply;
use crate::observer::Observer;
use crate::operation::resolve::Resolved;
use crate::site::Site;
use crate::state::history::{Activation, ActivationAction, History};
use crate::state::hold::Hold;

/// An install that is under way.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) supply: &'a Supply,
    pub(super) request: &'a InstallRequest,
    pub(super) resolved: &'a Resolved,
    pub(super) history: &'a History,
    pub(super) live: Option<Digest>,
    pub(super) hold: Option<&'a Hold>,
    pub(super) observer: &'a dyn Observer,
}

impl Attempt<'_> {
    /// Returns what the journal will say about it.
    pub(super) fn activation(&self, revision: String, log: LogPosition) -> Activation {
        Activation {
            number: self.history.next_number(),
            action: if self.resolved.is_pinned {
                ActivationAction::PinOld
            } else {
                ActivationAction::Install
            },
            hash: self.resolved.hash,
            from: self.live,
            revision,
            activated_at: self.request.now,
            promotion: self.resolved.promotion.clone(),
            log,
        }
    }
}
