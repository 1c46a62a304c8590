//! `bulla anchor`: the line that a new server or a new colleague starts from.

use bulla_schemas::log::LogPosition;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, stdout};
use clap::Args;

use super::session::Session;
use super::waiting;

/// Print the anchor of the registry's log: everything up to now, in one line; where witnesses cosign it,
/// everything that they have cosigned
///
/// Hand it to a new server or colleague where it cannot be changed on the way: it is what they
/// trust.
#[derive(Debug, Args)]
pub(super) struct AnchorArguments {}

pub(super) async fn run(session: &Session, _: &AnchorArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let mut anchor = log.state().anchor().ok_or_else(|| {
        let message = "the log has no first policy yet";
        Failure::new(FailureKind::Failed, message).with_hint("`bulla init` makes it")
    })?;
    // A server takes no anchor that goes further than what it is shown.
    if let Some(size) = log.witnessed()
        && let Some(root) = log.state().root_at(size)
    {
        anchor.position = LogPosition { size, root };
        waiting::say(&log);
    }
    Ok(stdout::line(anchor)?)
}
