//! The options that every command takes.

use std::path::PathBuf;

use bulla_schemas::ProjectName;
use bulla_schemas::log::Anchor;
use clap::Args;

/// Options of every command. The command line wins over the environment, and that over the
/// configuration file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Options {
    /// The registry, such as `https://releases.acme.example`
    #[arg(long, global = true, value_name = "URL", env = "BULLA_REGISTRY")]
    pub(super) registry: Option<String>,
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
