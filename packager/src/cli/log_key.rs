//! `bulla log-key`: which key signs the log.

use bulla_terminal::Failure;
use bulla_trust::VerifierKey;
use clap::{Args, Subcommand};

use super::policy::{ChangeArguments, change};
use super::session::Session;
use crate::policy::{Change, LogKeyChange};

/// Say in the policy which key signs the log
#[derive(Debug, Args)]
pub(super) struct LogKeyArguments {
    #[command(subcommand)]
    command: LogKeyCommand,
}

#[derive(Debug, Subcommand)]
enum LogKeyCommand {
    Rotate(RotateArguments),
}

/// Put the registry's next key in the place of the one that signs its log
///
/// `bulla-registry log-key --next` makes it. The registry signs with it as soon as this policy is in
/// effect; what was signed before stays valid, and servers and colleagues go on without doing anything.
#[derive(Debug, Args)]
struct RotateArguments {
    /// The line that `bulla-registry log-key --next` printed
    #[arg(value_name = "ORIGIN+ID+KEY")]
    key: VerifierKey,
    /// Leave the key before it in the policy, too: whoever has that can go on signing
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(session: &Session, arguments: &LogKeyArguments) -> Result<(), Failure> {
    let LogKeyCommand::Rotate(arguments) = &arguments.command;
    let rotated = Change::LogKey(LogKeyChange {
        to: arguments.key.clone(),
        keep: arguments.keep,
    });
    change(session, &arguments.change, &rotated).await
}
