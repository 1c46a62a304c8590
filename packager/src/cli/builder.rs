//! `bulla builder`: which CI may release what.

use std::path::PathBuf;

use bulla_schemas::Name;
use bulla_schemas::policy::BuilderRule;
use bulla_terminal::Failure;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::policy::{ChangeArguments, change};
use super::session::Session;
use crate::policy::Change;
use crate::ssh::PersonalKey;

/// Add builders (CI) to the policy, or take them out
#[derive(Debug, Args)]
pub(super) struct BuilderArguments {
    #[command(subcommand)]
    command: BuilderCommand,
}

#[derive(Debug, Subcommand)]
enum BuilderCommand {
    Add(AddArguments),
    Remove(RemoveArguments),
}

/// Let a builder release projects
///
/// Patterns may end in `*`. Without one it may release every project, from every source and ref.
#[derive(Debug, Args)]
struct AddArguments {
    /// The name
    #[arg(value_name = "NAME")]
    name: Name,
    /// The file with its public key, see `bulla key generate`
    #[arg(value_name = "KEY.pub")]
    key: PathBuf,
    /// Projects that it may release
    #[arg(long, value_name = "PATTERN", default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    of: Vec<String>,
    /// Sources that it may release from, such as `git+https://git.acme.example/*`; `bulla show` names
    /// the source of a release
    #[arg(long = "source", value_name = "PATTERN", default_value = "*", value_parser = source)]
    sources: Vec<String>,
    /// Refs that it may release, such as `refs/heads/main`
    #[arg(long = "ref", value_name = "PATTERN", default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    refs: Vec<String>,
    /// What its statements say as `builder.id`; `urn:bulla:builder:NAME` where nothing is said
    #[arg(long, value_name = "URI")]
    builder_id: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Take a builder out
///
/// What it has released stays released; `bulla revoke` stops a release.
#[derive(Debug, Args)]
struct RemoveArguments {
    /// The name
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(session: &Session, arguments: &BuilderArguments) -> Result<(), Failure> {
    match &arguments.command {
        BuilderCommand::Add(arguments) => {
            let builder = Change::AddBuilder(rule(arguments)?);
            change(session, &arguments.change, &builder).await
        }
        BuilderCommand::Remove(arguments) => {
            let name = arguments.name.clone();
            change(session, &arguments.change, &Change::RemoveBuilder { name }).await
        }
    }
}

/// A pattern that no source can have would let the builder release nothing.
fn source(text: &str) -> Result<String, String> {
    let schemes = ["git+", "svn+"];
    if text == "*" || schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected `*`, or `git+` or `svn+` and a URL, as sources are named: `git+{text}`?"
    ))
}

fn rule(arguments: &AddArguments) -> Result<BuilderRule, Failure> {
    let name = &arguments.name;
    let builder_id = arguments.builder_id.clone();
    Ok(BuilderRule {
        name: name.clone(),
        key: PersonalKey::read(&arguments.key)?.public.to_openssh(),
        builder_id: builder_id.unwrap_or_else(|| BuilderRule::usual_id(name)),
        projects: arguments.of.clone(),
        sources: arguments.sources.clone(),
        refs: arguments.refs.clone(),
    })
}
