//! `bulla-installer doctor`: what works on this server and what does not, and what to do about it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulla_registry_client::{clock_findings, fork_findings, witness_findings};
use bulla_schemas::report::{Finding, Step};
use bulla_schemas::units::count;
use bulla_terminal::{Failure, findings};
use clap::Args;

use super::clock;
use super::host::{Host, HostArguments, Needed};
use super::registries::{access, remembered_token};
use super::token::TokenArguments;
use crate::config::{HostConfig, HostFile};
use crate::doctor;
use crate::fetch::FollowedLog;
use crate::setup::Setup;

/// Examine host file, disks, network, registries, log, clock and agent, and say what to do
///
/// Changes nothing. The exit status is 1 when something failed, else 0.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    token: TokenArguments,
    /// The socket of the agent [default: /run/bulla/agent.sock, where it is there]
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, arguments: HostArguments) -> Result<ExitCode, Failure> {
        let mut found = Vec::new();
        match arguments.file() {
            Some(file) => found.extend(configuration(&file)),
            None => found.push(Finding::ok(
                Step::Configuration,
                "no host file counts for these directories",
            )),
        }
        // With a file that is wrong there is nothing else to go by.
        if let Ok(host) = arguments.open(Needed::Read) {
            found.extend(examine(&host, self.token, self.socket.as_deref()));
            for finding in &mut found {
                finding.found = host.server().complete(&finding.found);
                finding.hint = finding
                    .hint
                    .take()
                    .map(|hint| host.server().complete(&hint));
            }
        }
        found.sort_by_key(|finding| finding.step);
        findings::print(&found, self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn configuration(file: &HostFile) -> Vec<Finding> {
    const STEP: Step = Step::Configuration;
    let path = file.path().display();
    let checked = file.check();
    let warnings = checked.warnings.iter().map(|warning| {
        let found = format!("`{path}`, {}", warning.in_a_line());
        Finding::warning(STEP, found, "`bulla-installer config check` shows the line")
    });
    let result = match &checked.config {
        Ok(_) if !file.path().exists() => Finding::warning(
            STEP,
            format_args!("`{path}` does not exist, so nothing is followed"),
            "`bulla-installer enroll URL ANCHOR` and `follow PROJECT --channel CHANNEL` write it",
        ),
        Ok(config) => Finding::ok(
            STEP,
            format_args!(
                "`{path}` is right; {} followed",
                count(followed(config), "project is", "projects are")
            ),
        ),
        Err(error) => doctor::failed(STEP, error),
    };
    [result].into_iter().chain(warnings).collect()
}

fn followed(config: &HostConfig) -> u64 {
    config.followed().count() as u64
}

fn examine(host: &Host, token: TokenArguments, socket: Option<&Path>) -> Vec<Finding> {
    let server = host.server();
    let mut found = doctor::state(server);
    let own_roots: Vec<PathBuf> = host.own_roots();
    for root in [server.root()]
        .into_iter()
        .chain(own_roots.iter().map(PathBuf::as_path))
    {
        found.extend(doctor::root(root));
    }
    found.extend(registries(host, token));
    if let Some(metrics) = &host.config().metrics {
        found.extend(doctor::metrics(metrics));
    }
    found.push(doctor::service());
    found.extend(doctor::socket(socket));
    if let Some(project) = &host.config().installer {
        found.push(doctor::program(server, project));
    }
    if let Ok(program) = std::env::current_exe() {
        found.extend(doctor::units(&Setup {
            program: &program,
            server,
            others: host.written(),
            destination: None,
        }));
    }
    found
}

fn registries(host: &Host, token: TokenArguments) -> Vec<Finding> {
    let server = host.server();
    let log = match FollowedLog::open(server, host.config()) {
        Ok(log) => log,
        Err(error) => return vec![doctor::failed(Step::Log, &error)],
    };
    let mut found = Vec::new();
    let said = format!(
        "the log `{}` of {} is what this server has verified",
        log.state().origin().unwrap_or("that the host file names"),
        count(log.state().size(), "entry", "entries")
    );
    found.push(match log.loss(server) {
        None => Finding::ok(Step::Log, said),
        Some(loss) => Finding::warning(Step::Log, loss, "`bulla-installer install` reads it again"),
    });
    found.extend(fork_findings(Step::Log, &server.log()));
    let registries = match access(&log, host, token) {
        Ok(registries) => registries,
        Err(failure) => {
            let hint = failure.hint().map(str::to_owned);
            found.push(Finding::error(Step::Registry, failure.error(), hint));
            return found;
        }
    };
    let (mut date, mut logs) = (None, Vec::new());
    for (number, access) in registries.iter().enumerate() {
        let said = log.registries().iter().find(|one| one.url == access.url);
        let file = said.and_then(|one| one.token_file.clone());
        let file = file.or_else(|| {
            (number == 0)
                .then(|| remembered_token(&log, server))
                .flatten()
        });
        let examined = doctor::registry(access, file.as_deref().map(Path::new));
        found.extend(examined.findings);
        date = date.or_else(|| examined.greeting.and_then(|greeting| greeting.date));
        if let Some(shown) = examined.checkpoint {
            found.extend(doctor::unwitnessed(log.state(), &access.url, &shown));
            logs.push((&access.url, shown.0));
        }
    }
    found.extend(doctor::behind(log.state(), &logs));
    let note = log.checkpoint();
    // Where nobody has to vouch, people are told by their own doctor.
    if log
        .state()
        .policy()
        .is_some_and(|policy| policy.witnesses.quorum > 0)
    {
        let (state, now) = (log.state(), clock::now());
        found.extend(witness_findings(Step::Log, state, note.as_deref(), now));
    }
    found.extend(clock_findings(
        clock::now(),
        date,
        Some(log.state()),
        "set the clock, for example with NTP: certificates and histories go by it",
    ));
    found
}
