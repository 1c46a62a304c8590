//! The program of a release in place of the one that a package installed, where the host file names
//! the project that carries it. The one that a person or systemd started chooses, and becomes the
//! other one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bulla_schemas::{Digest, ProjectName};
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::host::Host;
use crate::observer::with_hint;
use crate::operation::program::{self, Choice, Chosen, Launched, Purpose, version};
use crate::platform::files::Attempt as _;
use crate::platform::replace::{lift_deadline, replace, set_deadline};

/// How long a program that is tried may take until it has read the log and looked at the projects.
const DEADLINE: Duration = Duration::from_mins(2);

/// What the program that became this one said in the environment.
const LAUNCHER: &str = "BULLA_LAUNCHER";
const RELEASE: &str = "BULLA_LAUNCHED";

#[derive(Debug, Clone, Args)]
pub(super) struct LaunchArguments {
    /// The program that became this one
    #[arg(long = "launcher-from-environment", env = LAUNCHER, hide = true, global = true)]
    launcher: Option<PathBuf>,
    /// The release that this program is from
    #[arg(long = "release-from-environment", env = RELEASE, hide = true, global = true)]
    release: Option<Digest>,
}

impl LaunchArguments {
    /// Becomes the program that is to be the agent. Returns where this one is.
    pub(super) fn as_agent(&self, host: &Host, arguments: &[OsString]) -> Launched {
        let mut launched = Launched::default();
        let Some(project) = &host.config().installer else {
            return launched;
        };
        if self.launcher.is_some() {
            launched.release = self.release;
            return launched;
        }
        // One turn for each program that may fail to start, and no more.
        for _ in 0..3 {
            // Before the choice: what changes after that is news to the agent.
            launched.seen = Some(program::see(host.server(), Some(project)));
            match program::choose(host.server(), project, Purpose::Agent, &version()) {
                Choice::Own { why } => {
                    if let Some(why) = why {
                        let why = host.server().complete(&why);
                        stderr::warn(format_args!("{project}: {why}"));
                    }
                    break;
                }
                Choice::Release(chosen) => launch(host, project, &chosen, arguments),
            }
        }
        launched
    }

    /// Becomes the program that the agent is, so that a person and the agent are of one version.
    pub(super) fn as_command(&self, host: &Host, arguments: &[OsString]) {
        if self.launcher.is_none()
            && let Some(project) = &host.config().installer
            && let Choice::Release(chosen) =
                program::choose(host.server(), project, Purpose::Command, &version())
        {
            // This one does it as well.
            let _ = become_it(&chosen, arguments);
        }
    }

    /// Becomes the program that chooses who is the agent.
    pub(super) fn start_again(&self, arguments: &[OsString]) -> Result<ExitCode, Failure> {
        let path = match &self.launcher {
            Some(path) => path.clone(),
            None => std::env::current_exe().attempt("find", "/proc/self/exe")?,
        };
        let error = replace(&path, arguments, &[(LAUNCHER, None), (RELEASE, None)]);
        Ok(Err(error).attempt("start", &path)?)
    }
}

/// Becomes the program of a release. Comes back where that cannot be, and it is not chosen again.
fn launch(host: &Host, project: &ProjectName, chosen: &Chosen, arguments: &[OsString]) {
    let (server, hash) = (host.server(), chosen.hash);
    let mut problems = Vec::new();
    match program::begin(server, hash) {
        Ok(false) => return,
        Ok(true) => {}
        // One that works need not be counted.
        Err(_) if !chosen.is_trial => {}
        Err(error) => problems.push(with_hint(&error)),
    }
    if problems.is_empty() {
        if chosen.is_trial {
            stderr::say(format_args!(
                "{project}: the program of {} is tried as the agent",
                hash.short()
            ));
            set_deadline(DEADLINE);
        }
        problems.push(become_it(chosen, arguments));
        lift_deadline();
    }
    for problem in &problems {
        stderr::warn(format_args!(
            "{project}: the program of {} cannot be started: {problem}",
            hash.short()
        ));
        // Where this cannot be written either, the turns of the caller end it.
        let _ = program::cannot_start(server, hash, problem.clone());
    }
}

/// Returns why it did not work.
fn become_it(chosen: &Chosen, arguments: &[OsString]) -> String {
    let own = match std::env::current_exe() {
        Ok(own) => own.into_os_string(),
        Err(error) => return error.to_string(),
    };
    let environment = [
        (LAUNCHER, Some(own)),
        (RELEASE, Some(chosen.hash.to_string().into())),
    ];
    let error = replace(&chosen.path, arguments, &environment);
    format!("`{}`: {error}", chosen.path.display())
}
