//! `bulla-installer config check|show`

use std::path::PathBuf;
use std::process::ExitCode;

use bulla_schemas::report::server::HostProject;
use bulla_schemas::units::count;
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::{Args, Subcommand};

use super::host::{HostArguments, Needed};
use super::path::whole_path;
use crate::config::{ConfigError, HostFile};

/// Check or show the host file
///
/// The host file, /etc/bulla/server.toml, says which registries this server reads and which projects
/// it follows.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Show(Show),
}

/// Check a host file and name every mistake
///
/// Also looks at the users, files and programs of this server that it names: whether they are there,
/// and who else could change them. Ends with 0 if everything is right, and with 2 otherwise.
#[derive(Debug, Args)]
struct Check {
    /// The file; without it the one that counts for the other commands
    #[arg(value_parser = whole_path())]
    file: Option<PathBuf>,
}

/// Show what holds on this server: what the host file says, and the defaults
#[derive(Debug, Args)]
struct Show {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, host: HostArguments) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Check(arguments) => arguments.run(&host),
            Command::Show(arguments) => arguments.run(host),
        }
    }
}

impl Check {
    fn run(self, host: &HostArguments) -> Result<ExitCode, Failure> {
        let file = match &self.file {
            Some(path) => Some(HostFile::named(path.clone())),
            None => host.file(),
        };
        let file = file.ok_or_else(|| {
            Failure::usage("no host file counts for these directories")
                .with_hint("name one: `bulla-installer config check FILE`")
        })?;
        let path = file.path().display();
        let checked = file.check();
        for warning in &checked.warnings {
            stderr::warn(format_args!("`{path}`, {}", warning.in_a_line()));
        }
        let config = match checked.config {
            // Its hint would be this command.
            Err(error @ ConfigError::Wrong { .. }) => {
                return Err(Failure::from(error).without_hint());
            }
            checked => checked?,
        };
        stderr::say(if file.path().exists() {
            format!(
                "`{path}` is right: {}, {}, {} of them followed",
                count(config.registries.len() as u64, "registry", "registries"),
                count(config.projects.len() as u64, "project", "projects"),
                config.followed().count(),
            )
        } else {
            format!("`{path}` does not exist, so the defaults apply")
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self, host: HostArguments) -> Result<ExitCode, Failure> {
        let host = host.open(Needed::Read)?;
        let file = host.file().filter(|file| file.path().exists());
        let report = host.config().report(file, host.server());
        if self.json {
            stdout::json(&report)?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = |path: &std::path::Path| path.display().to_string();
        let mut table = Table::new(&["SETTING", "VALUE"]).wrap(&["VALUE"]);
        let none = || "-".to_owned();
        table.row([
            "host file".to_owned(),
            report.file.as_deref().map_or_else(none, path),
        ]);
        table.row(["root".to_owned(), path(&report.root)]);
        table.row(["state".to_owned(), path(&report.state)]);
        if let Some(installer) = &report.installer {
            table.row(["installer".to_owned(), installer.to_string()]);
        }
        for registry in &report.registries {
            table.row(["registry".to_owned(), registry.url.clone()]);
        }
        table.print()?;
        if !report.projects.is_empty() {
            stdout::line("")?;
            let header = [
                "PROJECT", "CHANNEL", "FOLDER", "KEEP", "LINK", "HOOKS", "USER", "DRIFT", "HOLD",
                "WAVE", "WINDOWS",
            ];
            let mut table = Table::new(&header).wrap(&["FOLDER", "WINDOWS"]);
            for project in &report.projects {
                table.row(row(project));
            }
            table.print()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(project: &HostProject) -> Vec<String> {
    let none = || "-".to_owned();
    vec![
        project.project.to_string(),
        project
            .channel
            .as_ref()
            .map_or_else(none, ToString::to_string),
        project.folder.display().to_string(),
        project.keep.count.to_string(),
        project.link.to_string(),
        project.hooks.to_string(),
        project.user.clone().unwrap_or_else(none),
        project.drift.to_string(),
        project.hold.to_string(),
        project.wave.to_string(),
        match project.windows.as_slice() {
            [] => none(),
            windows => format!("{} {}", windows.join("; "), project.time_zone),
        },
    ]
}
