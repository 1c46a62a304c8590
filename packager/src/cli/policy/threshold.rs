//! `bulla policy threshold`: how many people of the root change the policy.

use bulla_terminal::Failure;
use clap::Args;

use super::{ChangeArguments, change};
use crate::cli::session::Session;
use crate::policy::Change;

/// Say how many people of the root have to sign a change of the policy
///
/// From then on each change waits until so many have signed it, with `bulla approve`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ThresholdArguments {
    /// How many
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    threshold: u32,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: &ThresholdArguments,
) -> Result<(), Failure> {
    let threshold = Change::RootThreshold(arguments.threshold);
    change(session, &arguments.change, &threshold).await
}
