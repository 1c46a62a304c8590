//! `bulla anchor`: the line that a new server or a new colleague starts from.

use clap::Args;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Prints the anchor of the registry's log: everything up to now, in one line.
///
/// Give it to a new server or colleague on a way that nobody can change: it is what they trust.
#[derive(Debug, Args)]
pub(super) struct AnchorArguments {}

pub(super) async fn run(session: &Session, _: &AnchorArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    match log.state().anchor() {
        Some(anchor) => output::line(anchor),
        None => {
            Err(Failure::usage("the log has no first policy yet")
                .with_hint("`bulla init` makes it"))
        }
    }
}
