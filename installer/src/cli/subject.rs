//! The project that a person decides about, and who that is.

use bulla_schemas::ProjectName;
use clap::Args;

use super::clock;
use super::hooks::HookArguments;
use super::host::Host;
use super::person::PersonArguments;
use crate::operation::HoldRequest;

#[derive(Debug, Args)]
pub(super) struct SubjectArguments {
    /// The project
    project: ProjectName,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    hooks: HookArguments,
}

impl SubjectArguments {
    /// Makes the request about the project.
    pub(super) fn request(self, host: &Host) -> HoldRequest {
        HoldRequest {
            by: self.person.name(),
            hooks: self.hooks.settings(&host.project(&self.project)),
            project: self.project,
            now: clock::now(),
        }
    }
}
