//! `bulla policy witness`: who cosigns checkpoints, and how many have to.

use bulla_terminal::{Failure, stderr};
use bulla_trust::VerifierKey;
use clap::{Args, Subcommand};

use super::super::session::Session;
use super::{ChangeArguments, change};
use crate::policy::{Change, WitnessChange};

/// Say who cosigns the log, and how many servers ask for
#[derive(Debug, Args)]
pub(in super::super) struct PolicyWitnessArguments {
    #[command(subcommand)]
    command: PolicyWitnessCommand,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a command line has one of them")]
enum PolicyWitnessCommand {
    Add(AddArguments),
    Remove(RemoveArguments),
    Quorum(QuorumArguments),
}

/// Name a witness
///
/// From then on servers take nothing new before as many witnesses have cosigned it as have to. Start
/// it right after that.
#[derive(Debug, Args)]
struct AddArguments {
    /// The line that `bulla witness init` printed
    #[arg(value_name = "NAME+ID+KEY")]
    key: VerifierKey,
    /// How many witnesses have to cosign; by default as many as before, and one where none had to
    #[arg(long, value_name = "NUMBER")]
    quorum: Option<u32>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Take a witness out
///
/// Servers that know it take this in when it has cosigned it too, where it has to: have it run until
/// they did, or once more where one comes late. One that is lost for ever is why there should be two, and a
/// quorum of one: a server that knows only that one needs a new anchor.
#[derive(Debug, Args)]
struct RemoveArguments {
    /// The name of the witness
    #[arg(value_name = "NAME")]
    name: String,
    /// How many witnesses have to cosign from then on; by default as many as before, or all that are
    /// left
    #[arg(long, value_name = "NUMBER")]
    quorum: Option<u32>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Say how many witnesses have to cosign; 0 asks for none
#[derive(Debug, Args)]
struct QuorumArguments {
    /// How many
    #[arg(value_name = "NUMBER")]
    quorum: u32,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(in super::super) async fn run(
    session: &Session,
    arguments: &PolicyWitnessArguments,
) -> Result<(), Failure> {
    let (witnesses, arguments) = match &arguments.command {
        PolicyWitnessCommand::Add(arguments) => {
            let AddArguments { key, quorum, .. } = arguments;
            let (key, quorum) = (key.clone(), *quorum);
            (WitnessChange::Add { key, quorum }, &arguments.change)
        }
        PolicyWitnessCommand::Remove(arguments) => {
            let RemoveArguments { name, quorum, .. } = arguments;
            let (name, quorum) = (name.clone(), *quorum);
            (WitnessChange::Remove { name, quorum }, &arguments.change)
        }
        PolicyWitnessCommand::Quorum(arguments) => {
            (WitnessChange::Quorum(arguments.quorum), &arguments.change)
        }
    };
    if let WitnessChange::Remove { name, .. } = &witnesses {
        stderr::note(format_args!(
            "servers that know `{name}` ask for it once more: run its `bulla witness` after this, and keep it \
             until they have all come by; one that finds it gone and too few others that it knows needs a new \
             anchor"
        ));
    }
    change(session, arguments, &Change::Witnesses(witnesses)).await
}
