//! `bulla person`: who the people are.

use std::path::PathBuf;

use bulla_schemas::Name;
use bulla_terminal::Failure;
use clap::{Args, Subcommand};

use super::policy::{ChangeArguments, change};
use super::session::Session;
use crate::policy::Change;
use crate::ssh::PersonalKey;

/// Add people to the policy, or take them out
#[derive(Debug, Args)]
pub(super) struct PersonArguments {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, Subcommand)]
enum PersonCommand {
    Add(AddArguments),
    Remove(RemoveArguments),
}

/// Add a person, who may then do what is everybody's
///
/// The name is permanent: the log shows by it who signed.
#[derive(Debug, Args)]
struct AddArguments {
    /// The name
    #[arg(value_name = "NAME")]
    name: Name,
    /// The file with their SSH public key (Ed25519, also in a FIDO token)
    #[arg(value_name = "KEY.pub")]
    key: PathBuf,
    /// Let the person change the policy, too
    #[arg(long)]
    root: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Take a person out, with all keys and rights
///
/// What the person signed before stays in effect.
#[derive(Debug, Args)]
struct RemoveArguments {
    /// The name
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(session: &Session, arguments: &PersonArguments) -> Result<(), Failure> {
    match &arguments.command {
        PersonCommand::Add(arguments) => {
            let person = Change::AddPerson {
                name: arguments.name.clone(),
                key: PersonalKey::read(&arguments.key)?.public,
                is_root: arguments.root,
            };
            change(session, &arguments.change, &person).await
        }
        PersonCommand::Remove(arguments) => {
            let name = arguments.name.clone();
            change(session, &arguments.change, &Change::RemovePerson { name }).await
        }
    }
}
