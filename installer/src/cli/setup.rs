//! `bulla-installer setup [--remove]`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::host::Host;
use crate::platform::files::Attempt as _;
use crate::setup::{Setup, Step, is_booted, is_packaged};
use crate::site::Command;

/// Let systemd keep the agent running on this machine
///
/// Creates the user and group `bulla`, the directories, and the units of the agent and of a daily
/// `verify`, and starts them. What is there already stays as it is, so a second run changes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Undo it; the user, the state and everything that is installed stay
    #[arg(long, conflicts_with = "destdir")]
    remove: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Write the files of a package or an image below this directory, as its own host file says, and
    /// change nothing else
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        // What this machine's host file says is nothing to an image.
        let below = match &self.destdir {
            Some(destination) if !host.is_named() => Some(Host::below(destination)?),
            _ => None,
        };
        let host = below.as_ref().unwrap_or(host);
        let is_here = self.destdir.is_none() && !self.dry_run;
        if is_here && !rustix::process::geteuid().is_root() {
            return Err(
                Failure::new(FailureKind::Refused, "only root can set up a machine")
                    .with_hint("run it with `sudo`; `--dry-run` says what it would do"),
            );
        }
        let program = std::env::current_exe();
        let program = program.attempt("find", Path::new("/proc/self/exe"))?;
        let server = host.server();
        let setup = Setup {
            program: &program,
            server,
            others: host.written(),
            destination: self.destdir.as_deref(),
        };
        let steps = if self.remove {
            setup.plan_removal()?
        } else {
            setup.plan()?
        };
        for step in steps.iter().filter(|step| step.is_needed()) {
            if self.dry_run {
                stderr::say(format_args!("would {step}"));
            } else {
                step.take()?;
                stderr::say(format_args!("done: {step}"));
            }
        }
        if !steps.iter().any(Step::is_needed) {
            stderr::say("nothing is to be done");
        }
        if self.destdir.is_none() {
            self.say_rest(host);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Says what stays, or what a person does next.
    fn say_rest(&self, host: &Host) {
        let server = host.server();
        if self.remove {
            stderr::say(format_args!(
                "the user and group `bulla`, `{}`, `{}` and the host file stay",
                server.state().display(),
                server.root().display()
            ));
            if is_packaged() {
                stderr::say("the units belong to a package, which `apt remove` removes");
            }
            return;
        }
        if !is_booted() {
            stderr::say("systemd does not run here; it starts the agent when the machine boots");
        }
        let enroll = Command::new("enroll URL ANCHOR");
        let follow = Command::new("follow PROJECT --channel CHANNEL");
        if host.config().followed().next().is_none() {
            stderr::say(server.complete(&format!(
                "next: {enroll}, then {follow}; the agent does the rest"
            )));
        }
    }
}
