//! `bulla-installer verify PROJECT`

use std::process::ExitCode;

use bulla_schemas::ProjectName;
use bulla_schemas::escape::escape;
use bulla_schemas::outcome::FailureKind;
use clap::Args;

use super::failure::Failure;
use super::output::{self, DONE};
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
            output::json(&found)?;
        } else {
            output::lines(found.differences.iter().map(|difference| {
                format!("{:<10} {}", difference.difference, escape(&difference.path))
            }));
        }
        let hash = found.hash.short();
        let project = &found.project;
        for point in &found.mounted {
            output::say(&format!(
                "{project}: something is mounted on `{point}`, and what it covers is not compared"
            ));
        }
        if found.differences.is_empty() {
            output::say(&format!(
                "{project}: {hash} is intact, {} files",
                found.files
            ));
            return Ok(DONE);
        }
        output::say(&format!(
            "{project}: {hash} differs in {}",
            match found.differences.len() {
                1 => "1 path".to_owned(),
                count => format!("{count} paths"),
            }
        ));
        Ok(ExitCode::from(FailureKind::Failed.exit_status()))
    }
}
