//! `bulla policy`: what there is to see and to change of the policy.

use bulla_terminal::Failure;
use clap::{Args, Subcommand};

use super::policy::edit::{self, EditArguments};
use super::policy::history::{self, HistoryArguments};
use super::policy::show::{self, ShowArguments};
use super::policy::threshold::{self, ThresholdArguments};
use super::policy::witness::{self, PolicyWitnessArguments};
use super::session::Session;

/// Show who may do what, change it, and say who cosigns the log and how many people change the policy
#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a command line has one of them")]
enum PolicyCommand {
    Show(ShowArguments),
    Edit(EditArguments),
    History(HistoryArguments),
    Threshold(ThresholdArguments),
    Witness(PolicyWitnessArguments),
}

pub(super) async fn run(session: &Session, arguments: &PolicyArguments) -> Result<(), Failure> {
    match &arguments.command {
        PolicyCommand::Show(arguments) => show::run(session, arguments).await,
        PolicyCommand::Edit(arguments) => edit::run(session, arguments).await,
        PolicyCommand::History(arguments) => history::run(session, arguments).await,
        PolicyCommand::Threshold(arguments) => threshold::run(session, arguments).await,
        PolicyCommand::Witness(arguments) => witness::run(session, arguments).await,
    }
}
