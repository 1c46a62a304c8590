//! `bulla-installer verify [PROJECT]`

use std::process::ExitCode;

use bulla_schemas::ProjectName;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::units::count;
use bulla_terminal::{Failure, escape, stderr, stdout};
use clap::Args;

use crate::operation::{Verification, installed, verify, verify_quickly};
use crate::site::Server;

/// Hash the live tree and compare it with its signed index
///
/// Without a project, every live tree. Ends with 0 when every path is as it should be, with 1 when
/// one is not, and with 3 when the index that is kept here does not match the release's hash.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: Option<ProjectName>,
    /// Hash only files whose inode, size or times changed
    #[arg(long)]
    quick: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        let Some(project) = &self.project else {
            return self.run_all(server);
        };
        let found = self.verify(server, project)?;
        if self.json {
            stdout::json(&found)?;
        }
        self.say(&found)
    }

    /// Looks at every live tree. What is wrong with one hides no other.
    fn run_all(&self, server: &Server) -> Result<ExitCode, Failure> {
        let (mut failures, mut all) = (Vec::new(), Vec::new());
        for project in installed(server)? {
            match self.verify(server, &project) {
                Ok(found) => {
                    if self.say(&found)? != ExitCode::SUCCESS {
                        failures.push(FailureKind::Failed);
                    }
                    all.push(found);
                }
                Err(failure) => {
                    failures.push(failure.kind());
                    let failure = super::hints::complete_failure(failure, server);
                    failure
                        .context(format_args!("`{project}` was not verified"))
                        .report();
                }
            }
        }
        if self.json {
            stdout::json(&all)?;
        }
        let worst = failures.into_iter().max_by_key(|kind| kind.gravity());
        Ok(worst.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_status())))
    }

    fn verify(&self, server: &Server, project: &ProjectName) -> Result<Verification, Failure> {
        Ok(if self.quick {
            verify_quickly(server, project)?
        } else {
            verify(server, project)?
        })
    }

    fn say(&self, found: &Verification) -> Result<ExitCode, Failure> {
        if !self.json {
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
                count(found.files, "file", "files")
            ));
            return Ok(ExitCode::SUCCESS);
        }
        stderr::say(format_args!(
            "{project}: {hash} differs in {}",
            count(found.differences.len() as u64, "path", "paths")
        ));
        Ok(ExitCode::from(FailureKind::Failed.exit_status()))
    }
}
