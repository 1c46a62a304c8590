//! `bulla-installer history PROJECT`

use std::process::ExitCode;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::short_revision;
use bulla_schemas::{Name, ProjectName};
use bulla_terminal::{Failure, Table, stdout};
use clap::Args;

use super::host::Host;
use super::socket::SocketArguments;
use super::terminal::Terminal;
use crate::agent::Question;
use crate::operation::{history, output};
use crate::site::Server;
use crate::state::history::is_local;
use crate::state::{Activation, ActivationAction};

/// List what was made live on this server, the latest last
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project
    project: ProjectName,
    /// Print what the hooks and checks of an activation wrote; without a number, of the latest
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, conflicts_with = "json")]
    #[expect(clippy::option_option, reason = "a flag whose value may be left out")]
    output: Option<Option<u64>>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArguments,
}

impl Arguments {
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        if let Some(number) = self.output {
            return print_output(server, &self.project, number);
        }
        let activations = history(server, &self.project, &Terminal::new("history", server))?;
        self.print(&activations)
    }

    /// Prints what the agent says. What hooks wrote, it keeps to itself.
    pub(super) fn ask(&self, host: &Host) -> Result<ExitCode, Failure> {
        if self.output.is_some() {
            let message = "only root may read what hooks wrote: it may have secrets in it";
            return Err(Failure::new(FailureKind::Refused, message).with_hint("run it with `sudo`"));
        }
        let project = self.project.clone();
        let question = Question::History { project };
        let activations: Vec<Activation> = self.socket.ask(&question, host.server())?;
        self.print(&activations)
    }

    fn print(&self, activations: &[Activation]) -> Result<ExitCode, Failure> {
        if self.json {
            stdout::json(&activations)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new(&[
            "#",
            "ACTIVATED",
            "ACTION",
            "RESULT",
            "HASH",
            "REVISION",
            "CHANNEL",
            "BY",
            "REASON",
        ])
        .wrap(&["REASON"]);
        for (number, activation) in activations.iter().enumerate() {
            let (people, reason) = who_and_why(activation, &activations[..number]);
            table.row([
                activation.number.to_string(),
                activation.activated_at.to_string(),
                activation.action.to_string(),
                activation.result.to_string(),
                activation.hash.short(),
                short_revision(&activation.revision),
                activation.promotion.channel.to_string(),
                people,
                reason,
            ]);
        }
        table.print()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Says who made a release live and why: those who promoted it, and who on this server did not wait;
/// of a rollback on this server, only who went back.
fn who_and_why(activation: &Activation, before: &[Activation]) -> (String, String) {
    let promotion = &activation.promotion;
    let (by, why) = (activation.by.as_deref(), activation.reason.as_deref());
    let is_ours = match activation.action {
        ActivationAction::Rollback => is_local(activation, before),
        ActivationAction::Return => true,
        _ => false,
    };
    let mut people: Vec<_> = promotion.people.iter().map(Name::as_str).collect();
    if is_ours && by.is_some() {
        people.clear();
    }
    people.extend(by);
    let reason = match (&activation.failure, by) {
        (Some(failure), _) => failure.clone(),
        (None, _) if is_ours => why.unwrap_or_default().to_owned(),
        (None, Some(by)) => format!("{}; {by}: {}", promotion.reason, why.unwrap_or_default()),
        (None, None) => promotion.reason.clone(),
    };
    (people.join(", "), reason)
}

fn print_output(
    server: &Server,
    project: &ProjectName,
    number: Option<u64>,
) -> Result<ExitCode, Failure> {
    let Some((number, text)) = output(server, project, number)? else {
        let which = number.map_or_else(String::new, |number| format!(" of activation {number}"));
        let message = format!("no output{which} of `{project}` is kept");
        return Err(Failure::new(FailureKind::Failed, message).with_hint(
            "only hooks and health checks write some, and that of the last 20 activations is kept, and of \
             20 attempts",
        ));
    };
    stdout::line(format_args!("activation {number}"))?;
    for line in text.lines() {
        stdout::line(escape(line))?;
    }
    Ok(ExitCode::SUCCESS)
}
