//! What the agent needs of the program around it: someone to speak to, a clock, and its orders.

use bulla_schemas::{ChannelName, Digest, ProjectName, Timestamp};

use super::orders::Orders;
use crate::operation::Installed;

/// Hears what the agent has to say.
pub trait Voice: Send + Sync {
    /// Something of one project, or of the server as a whole.
    fn say(&self, message: &Message<'_>);
    /// A project was brought to its channel.
    fn installed(&self, project: &ProjectName, channel: &ChannelName, installed: &Installed);
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Reads the host file and the tokens again.
    fn reload(&self) -> Result<Orders, String>;
}

/// A sentence, and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What happened.
    pub topic: Topic,
    /// How much it matters.
    pub level: Level,
    /// The project, where it is about one.
    pub about: Option<About<'a>>,
    /// The sentence.
    pub sentence: &'a str,
}

/// The project, and perhaps the release, that a message is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// The channel that it follows.
    pub channel: Option<&'a ChannelName>,
    /// The release.
    pub hash: Option<Digest>,
    /// The release that was live before.
    pub previous: Option<Digest>,
}

impl<'a> About<'a> {
    /// A project, and no release of it in particular.
    pub const fn project(project: &'a ProjectName) -> Self {
        Self {
            project,
            channel: None,
            hash: None,
            previous: None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The agent itself: its log, its reports, its host file, its program.
    Agent,
    /// A project was brought to its channel.
    Installed,
    /// It could not be.
    Failed,
    /// It waits.
    Waiting,
    /// Something on the way that a person should know.
    Note,
}

impl Topic {
    /// Returns its name, as journald keeps it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Installed => "installed",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Note => "note",
        }
    }
}

/// How much a sentence matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What was done.
    Done,
    /// What a person should know.
    Warning,
    /// What did not work.
    Error,
}
