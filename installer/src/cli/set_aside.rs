//! `bulla-installer set-aside list|remove`

use std::process::ExitCode;

use bulla_schemas::ProjectName;
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::{Args, Subcommand};

use crate::drift::SetAside;
use crate::operation::{remove_set_aside, set_aside};
use crate::site::Server;

/// List or remove trees that were changed by hand
///
/// A tree in which files were changed, added or removed is never deleted with its release: it is
/// moved to `set-aside/` in the project's folder and stays there until a person removes it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Remove(Remove),
}

/// List the trees that are set aside
#[derive(Debug, Args)]
struct List {
    /// The project; without it all that were ever installed here
    project: Option<ProjectName>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Remove trees that are set aside
#[derive(Debug, Args)]
struct Remove {
    /// The project
    project: ProjectName,
    /// A tree's name as `set-aside list` shows it, or the beginning of it
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        match self.command {
            Command::List(arguments) => {
                let found = set_aside(server, arguments.project.as_ref())?;
                if arguments.json {
                    stdout::json(&found)?;
                } else {
                    let header = ["PROJECT", "SET ASIDE", "HASH", "DIFFERENCES", "PATH"];
                    let mut table = Table::new(&header).wrap(&["PATH"]);
                    for tree in &found {
                        table.row(row(tree));
                    }
                    table.print()?;
                }
            }
            Command::Remove(arguments) => {
                for name in &arguments.names {
                    let removed = remove_set_aside(server, &arguments.project, name)?;
                    stderr::say(format_args!("removed `{}`", removed.path.display()));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(tree: &SetAside) -> Vec<String> {
    vec![
        tree.project.to_string(),
        tree.set_aside_at.to_string(),
        tree.hash.short(),
        match tree.differences.len() {
            0 => "unknown".to_owned(),
            count => count.to_string(),
        },
        tree.path.display().to_string(),
    ]
}
