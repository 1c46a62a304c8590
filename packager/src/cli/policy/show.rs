//! `bulla policy show`: who may do what.

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::policy::Policy;
use bulla_terminal::{Failure, stderr, stdout};
use clap::Args;

use super::super::session::Session;
use crate::policy::{self, Rules};

/// Show the people, builders and channels, and who may do what
///
/// Read from the verified log: it is what servers go by.
#[derive(Debug, Args)]
pub(in super::super) struct ShowArguments {
    /// An earlier version instead of the one in effect
    #[arg(value_name = "VERSION")]
    version: Option<u64>,
    /// Show the document as JSON
    #[arg(long, group = "form")]
    json: bool,
    /// Show what can be changed, as `bulla policy edit` takes it
    #[arg(long, group = "form")]
    toml: bool,
    /// Show the people's keys as `ssh-keygen -Y verify -f` takes them
    #[arg(long, group = "form")]
    allowed_signers: bool,
}

pub(in super::super) async fn run(
    session: &Session,
    arguments: &ShowArguments,
) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let newest = policy::in_effect(log.state())?;
    let wanted = arguments.version.unwrap_or(newest.version);
    let mut versions = log.state().policies();
    let version = versions.find(|one| one.checked.policy().version == wanted);
    let version = version.ok_or_else(|| {
        let message = format_args!("the log has no policy {wanted}");
        Failure::new(FailureKind::Failed, message)
            .with_hint(format!("versions: 1 to {}", newest.version))
    })?;
    let policy = version.checked.policy();
    if arguments.json {
        return Ok(stdout::json(policy)?);
    }
    if arguments.toml {
        return Ok(stdout::write(&Rules::of(policy).to_text())?);
    }
    if arguments.allowed_signers {
        return Ok(stdout::write(&allowed_signers(policy))?);
    }
    stderr::say(format_args!(
        "policy {} of {}, entry {} of the log",
        policy.version, policy.origin, version.entry
    ));
    for line in policy::describe(policy) {
        stdout::words("", line)?;
    }
    Ok(())
}

/// Writes the file of ssh-keygen(1), "ALLOWED SIGNERS": whose signatures count, for nothing else than
/// what Bulla signs.
fn allowed_signers(policy: &Policy) -> String {
    let people = policy.people.iter();
    let lines = people.flat_map(|person| {
        let keys = person.keys.iter();
        keys.map(|key| format!("{} namespaces=\"bulla\" {key}\n", person.name))
    });
    lines.collect()
}
