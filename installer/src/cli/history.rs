//! `bulla-installer history PROJECT`

use std::process::ExitCode;

use bulla_schemas::{Name, ProjectName};
use bulla_terminal::{Failure, Table, stdout};
use clap::Args;

use super::terminal::Terminal;
use super::text::short_revision;
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
        let activations = history(server, &self.project, &Terminal::new("history", server))?;
        if self.json {
            stdout::json(&activations)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new(&[
            "#",
            "ACTIVATED",
            "ACTION",
            "HASH",
            "REVISION",
            "CHANNEL",
            "BY",
            "REASON",
        ])
        .wrap(&["REASON"]);
        for activation in &activations {
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
            table.row([
                activation.number.to_string(),
                activation.activated_at.to_string(),
                activation.action.to_string(),
                activation.hash.short(),
                short_revision(&activation.revision),
                activation.promotion.channel.to_string(),
                people.join(", "),
                reason,
            ]);
        }
        table.print()?;
        Ok(ExitCode::SUCCESS)
    }
}
