//! `bulla anchor`: the line that a new server or a new colleague starts from.

use bulla_terminal::{Failure, stdout};
use clap::Args;

use super::session::Session;

/// Print the anchor of the registry's log: everything up to now, in one line
///
/// Hand it to a new server or colleague where it cannot be changed on the way: it is what they
/// trust.
#[derive(Debug, Args)]
pub(super) struct AnchorArguments {}

pub(super) async fn run(session: &Session, _: &AnchorArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    match log.state().anchor() {
        Some(anchor) => Ok(stdout::line(anchor)?),
        None => {
            Err(Failure::usage("the log has no first policy yet")
                .with_hint("`bulla init` makes it"))
        }
    }
}
