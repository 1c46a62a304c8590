//! What wakes the agent.

use super::worker::Brought;

#[derive(Debug)]
pub(super) enum Event {
    /// A registry says that its log has grown.
    Grown,
    /// A worker has ended.
    Brought(Box<Brought>),
    /// A person changed the host file.
    Reload,
    /// The agent is to end.
    Stop,
}
