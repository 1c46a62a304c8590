//! `bulla-installer history PROJECT`

use std::process::ExitCode;

use bulla_schemas::{Name, ProjectName};
use clap::Args;

use super::failure::Failure;
use super::output::{self, DONE};
use crate::operation::history;
use crate::site::Server;

/// List what was made live on this server, the latest last
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
        let activations = history(server, &self.project)?;
        if self.json {
            output::json(&activations)?;
            return Ok(DONE);
        }
        let rows = activations.iter().map(|activation| {
            let people: Vec<_> = match &activation.by {
                Some(by) => vec![by.as_str()],
                None => activation
                    .promotion
                    .people
                    .iter()
                    .map(Name::as_str)
                    .collect(),
            };
            let reason = match &activation.by {
                Some(_) => activation.reason.clone().unwrap_or_default(),
                None => activation.promotion.reason.clone(),
            };
            vec![
                activation.number.to_string(),
                activation.activated_at.to_string(),
                activation.action.to_string(),
                activation.hash.short(),
                output::short_revision(&activation.revision),
                activation.promotion.channel.to_string(),
                people.join(", "),
                reason,
            ]
        });
        let header = [
            "#",
            "ACTIVATED",
            "ACTION",
            "HASH",
            "REVISION",
            "CHANNEL",
            "BY",
            "REASON",
        ];
        output::table(&header, rows);
        Ok(DONE)
    }
}
