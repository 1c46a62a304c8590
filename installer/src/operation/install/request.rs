//! What an install is asked for, and what it says afterwards.

use std::num::NonZeroUsize;

use bulla_schemas::report::server::Waiting;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, Timestamp};

use crate::config::ProjectConfig;
use crate::live::HookSettings;
use crate::state::Hold;

/// What to install, and how.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct InstallRequest {
    /// The channel to follow.
    pub channel: ChannelName,
    /// The release that the channel is expected to point to, or an earlier head.
    pub hash: Option<DigestPrefix>,
    /// Whether an earlier head may be installed.
    pub pin_old: bool,
    /// Whether the server may leave the channel that it followed so far.
    pub switch_channel: bool,
    /// Whether an edited live tree may be left where the host file says that it may not.
    pub over_edits: bool,
    /// Whether a hold is ended.
    pub release_hold: bool,
    /// A person on this server, who says that neither waves nor windows are waited for.
    pub at_once: Option<AtOnce>,
    /// A person on this server, who takes a log that witnesses have not vouched for lately.
    pub allow_stale: Option<AtOnce>,
    /// What holds for the project on this server.
    pub config: ProjectConfig,
    /// What of that counts for hooks, and what the command says about them.
    pub hooks: HookSettings,
    /// How many threads write files.
    pub threads: NonZeroUsize,
    /// The time, fixed once for the whole install.
    pub now: Timestamp,
}

/// Who does not want to wait: for waves and windows, or for witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtOnce {
    /// The person, as this server knows them.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

impl AtOnce {
    /// Says for the history why, and what was passed over. Where neither is there to say, a person
    /// did what any install does.
    pub(super) fn reason(&self, passed_over: &[String]) -> Option<String> {
        let passed_over = (!passed_over.is_empty()).then(|| passed_over.join(", "));
        match (&self.reason, passed_over) {
            (Some(reason), Some(at_once)) => Some(format!("{reason} ({at_once})")),
            (reason, at_once) => reason.clone().or(at_once),
        }
    }
}

/// What an install did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The release that is live.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// The release that was live before.
    pub from: Option<Digest>,
    /// How it came to be live.
    pub outcome: Outcome,
    /// What the channel's head is not made live before, where it is what the channel was rolled back
    /// to before that.
    pub meanwhile: Option<Waiting>,
}

/// How a release came to be live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was live already, and its tree is as it was written.
    AlreadyLive,
    /// Nothing was done: a person keeps the server on what is live.
    Held(Box<Hold>),
    /// Nothing was done: the server's wave or window has not come. Where nothing is live, `hash` is
    /// what is waited with.
    Waiting(Box<Waiting>),
    /// Its tree was on this disk.
    OnDisk,
    /// Its tree was written.
    Written {
        /// Files in the release.
        files: u64,
        /// Files that stayed in a recycled tree.
        in_place: u64,
        /// Files that were cloned, copied and hard-linked from other releases.
        shared: [u64; 3],
        /// Bytes of the payload that came over the network, and of a whole delta.
        downloaded: u64,
        /// Bytes of the payload that an interrupted download had left.
        resumed: u64,
    },
}
