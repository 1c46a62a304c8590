//! The agent as a service of systemd.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bulla_schemas::ProjectName;
use bulla_schemas::report::{Finding, Step};

use super::failed::failed;
use crate::agent::{Question, SOCKET, ask};
use crate::operation::ProjectStatus;
use crate::operation::program::{Choice, Chosen, Purpose, choose, version};
use crate::platform::child::{self, Output, PATH, Program, find};
use crate::setup::Step as SetupStep;
use crate::setup::{Setup, is_booted};
use crate::site::Server;

const STEP: Step = Step::Agent;
const UNIT: &str = "bulla-agent.service";

/// Looks whether the agent runs.
pub(crate) fn service() -> Finding {
    let systemctl = match find("systemctl") {
        Some(systemctl) if is_booted() => systemctl,
        _ => {
            return Finding::warning(
                STEP,
                "systemd does not run here, so nothing tells whether an agent does",
                "let a service manager run `bulla-installer agent`, or cron \
                 `bulla-installer agent --once`",
            );
        }
    };
    let hint = "`bulla-installer setup` starts it; `journalctl -u bulla-agent` says why it ended";
    match state(&systemctl) {
        Ok(state) if state == "active" => Finding::ok(STEP, format_args!("{UNIT} is active")),
        Ok(state) => Finding::failed(
            STEP,
            format_args!("{UNIT} is {state}"),
            Some(hint.to_owned()),
        ),
        Err(error) => Finding::failed(
            STEP,
            format_args!("cannot ask systemd for {UNIT}: {error}"),
            None,
        ),
    }
}

fn state(systemctl: &Path) -> std::io::Result<String> {
    let arguments = ["is-active", UNIT].map(str::to_owned);
    let program = Program {
        path: systemctl,
        arguments: &arguments,
        directory: Path::new("/"),
        environment: Some(&BTreeMap::from([("PATH".to_owned(), PATH.to_owned())])),
        user: None,
        timeout: Duration::from_secs(10),
    };
    let mut output = Output::default();
    child::run(&program, &mut output)?;
    let text = output.text();
    let line = text.lines().find_map(|line| line.strip_prefix("out| "));
    Ok(line.unwrap_or("in an unknown state").to_owned())
}

/// Looks whether the agent answers. A socket that nobody named is only looked at where it is.
pub(crate) fn socket(named: Option<&Path>) -> Option<Finding> {
    let path = named.unwrap_or(Path::new(SOCKET));
    if named.is_none() && !path.exists() {
        return None;
    }
    let asked = ask::<Vec<ProjectStatus>>(path, &Question::Status);
    Some(match asked {
        Ok(_) => Finding::ok(STEP, format_args!("it answers at `{}`", path.display())),
        Err(error) => failed(STEP, &error),
    })
}

/// Looks which program the agent is, where releases carry one.
pub(crate) fn program(server: &Server, project: &ProjectName) -> Finding {
    match choose(server, project, Purpose::Doctor, &version()) {
        Choice::Own { why: None } => Finding::ok(
            STEP,
            format_args!("it is this program, since nothing of {project} is live yet"),
        ),
        Choice::Own { why: Some(why) } => Finding::warning(
            STEP,
            format_args!("it is this program: {why}"),
            format!("`bulla-installer history {project}` says what became of each release"),
        ),
        Choice::Release(Chosen { hash, is_trial, .. }) => {
            let hash = hash.short();
            Finding::ok(
                STEP,
                if is_trial {
                    format!("it is this program until that of {hash} of {project} has been tried")
                } else {
                    format!("it is the program of {hash} of {project}")
                },
            )
        }
    }
}

/// Looks whether the units are those of this program.
pub(crate) fn units(setup: &Setup<'_>) -> Option<Finding> {
    if !is_booted() {
        return None;
    }
    let steps = match setup.plan() {
        Ok(steps) => steps,
        Err(error) => return Some(failed(STEP, &error)),
    };
    let old = steps.iter().find(|step| {
        let is_file = matches!(step, SetupStep::Write { .. } | SetupStep::Remove { .. });
        is_file && step.is_needed()
    });
    Some(match old {
        None => Finding::ok(STEP, "its units are those of this program"),
        Some(step) => Finding::warning(
            STEP,
            format_args!("its units are not those of this program: `setup` would {step}"),
            "`bulla-installer setup`",
        ),
    })
}
