//! `bulla-installer verify PROJECT`

use std::process::ExitCode;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, escape, stderr, stdout};
use clap::Args;

use super::text::files;
use crate::operation::verify;
use crate::site::Server;

/// Hash the live tree and compare it with its signed index
///
/// Ends with 0 when every path is as it should be, with 1 when one is not, and with 3 when the
/// index that is kept here does not match the release's hash.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        let found = verify(server, &self.project)?;
        if self.json {
            stdout::json(&found)?;
        } else {
            for difference in &found.differences {
                let path = escape(&difference.path);
                stdout::line(format_args!("{:<10} {path}", difference.difference))?;
            }
        }
        for missing in &found.missing {
            stderr::say(format_args!("{}: {missing}", found.project));
        }
        let hash = found.hash.short();
        let project = &found.project;
        for point in &found.mounted {
            stderr::say(format_args!(
                "{project}: something is mounted on `{point}`, and what it covers is not compared"
            ));
        }
        if found.differences.is_empty() {
            stderr::say(format_args!(
                "{project}: {hash} is intact, {}",
                files(found.files)
            ));
            return Ok(ExitCode::SUCCESS);
        }
        stderr::say(format_args!(
            "{project}: {hash} differs in {}",
            match found.differences.len() {
                1 => "1 path".to_owned(),
                count => format!("{count} paths"),
            }
        ));
        Ok(ExitCode::from(FailureKind::Failed.exit_status()))
    }
}
