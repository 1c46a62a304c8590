//! What the agent needs of the program around it: someone to speak to, a clock, and its orders.

use bulla_schemas::{ChannelName, ProjectName, Timestamp};

use super::orders::Orders;
use crate::operation::Installed;

/// Hears what the agent has to say.
pub trait Voice: Send + Sync {
    /// Something of one project, or of the server as a whole.
    fn say(&self, project: Option<&ProjectName>, level: Level, sentence: &str);
    /// A project was brought to its channel.
    fn installed(&self, project: &ProjectName, channel: &ChannelName, installed: &Installed);
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Reads the host file and the tokens again.
    fn reload(&self) -> Result<Orders, String>;
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
