//! What can be typed: the commands and the options that all of them take.

pub(super) mod source;

use std::path::PathBuf;

use bulla_schemas::ProjectName;
use bulla_schemas::log::Anchor;
use bulla_terminal::{CompletionsArguments, ManPagesArguments};
use clap::{Args, Parser, Subcommand};
use url::Url;

use super::{
    anchor, check, diff, doctor, enter, export, history, identify, import, init, key, pack,
    promote, publish, releases, reproduce, rollback, show, status,
};

/// Pack revisions into bundles, sign and publish them, and move channels
///
/// One hash names a release everywhere. It may be shortened to 8 or more hex digits; `sha256:` in
/// front is optional. The exit status is 0 when all is done, 1 when something failed, 2 for wrong
/// usage, 3 when verification or policy refuses, and 4 when the same command may work later.
#[derive(Debug, Parser)]
#[command(name = "bulla", version)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Pack(pack::PackArguments),
    Check(check::CheckArguments),
    Publish(publish::PublishArguments),
    Reproduce(reproduce::ReproduceArguments),
    Promote(promote::PromoteArguments),
    Rollback(rollback::RollbackArguments),
    Status(status::StatusArguments),
    Releases(releases::ReleasesArguments),
    Show(show::ShowArguments),
    Diff(diff::DiffArguments),
    History(history::HistoryArguments),
    Identify(identify::IdentifyArguments),
    Export(export::ExportArguments),
    Import(import::ImportArguments),
    Anchor(anchor::AnchorArguments),
    Init(init::InitArguments),
    Key(key::KeyArguments),
    Doctor(doctor::DoctorArguments),
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
    #[command(hide = true)]
    Enter(enter::EnterArguments),
}

/// Options of every command. The command line wins over the environment, and that over the
/// configuration file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Options {
    /// The registry, such as `https://releases.acme.example`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "BULLA_REGISTRY",
        value_parser = registry
    )]
    pub(super) registry: Option<Url>,
    /// The project; by default the one that `bulla.toml` names, here or in a directory above
    #[arg(long, global = true, value_name = "PROJECT")]
    pub(super) project: Option<ProjectName>,
    /// A file with the token for the registry; `BULLA_TOKEN` is the token itself
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Where the registry's log is trusted from, as `bulla anchor` prints it
    #[arg(
        long,
        global = true,
        value_name = "ORIGIN+SIZE+ROOT",
        env = "BULLA_ANCHOR"
    )]
    pub(super) anchor: Option<Anchor>,
    /// Trust whatever log the registry shows the first time, and only that log from then on
    #[arg(long, global = true, conflicts_with = "anchor")]
    pub(super) trust_first_use: bool,
}

fn registry(text: &str) -> Result<Url, String> {
    text.parse()
        .map_err(|error| format!("{error}; expected such as `https://releases.acme.example`"))
}
