//! `bulla doctor`: what works here and what does not, and what to do about it.

use std::path::{Path, PathBuf};

use bulla_registry_client::{
    Client, address_finding, clock_findings, fetch_unverified, witness_findings,
};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::report::{Finding, Step};
use bulla_terminal::{Bar, Failure};
use bulla_trust::LogState;
use clap::Args;

use super::options::Options;
use super::session::Session;
use super::{environment, packing};
use crate::config::Config;
use crate::doctor::{self, Examined, Needed};

/// Examine recipe, tools, keys, clock, registry, configuration and cache, and say what to do
///
/// Changes nothing but what the first use would: with an anchor, the registry's log is remembered.
/// The exit status is 1 when something failed, else 0.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// The checkout whose recipe is examined
    #[arg(value_name = "CHECKOUT", default_value = ".")]
    checkout: PathBuf,
    /// A builder's key to examine
    #[arg(long, value_name = "FILE", env = "BULLA_KEY")]
    key: Option<PathBuf>,
    /// The public half of the SSH key to examine
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// The cache of packs; by default `~/.cache/bulla`
    #[arg(long, value_name = "DIR", env = "BULLA_CACHE")]
    cache: Option<PathBuf>,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: Options, arguments: &DoctorArguments) -> Result<(), Failure> {
    let (config, mut findings) = configuration();
    let session = Session::with_config(options, config);
    let (found, examined) = doctor::recipe(&arguments.checkout, &std::env::temp_dir());
    findings.extend(found);
    findings.extend(tools(&examined)?);
    let is_builder = arguments.key.is_some() && arguments.ssh_key.is_none();
    let (found, log) = registry(&session, &examined, is_builder).await;
    let log = log.as_ref();
    findings.extend(found);
    let configured = match session.configured_builder() {
        (key, None) => key,
        // It is a public half, and the program is not started to be examined.
        (_, Some(_)) => None,
    };
    if let Some(key) = arguments.key.as_deref().or(configured) {
        findings.extend(doctor::builder(key, log));
    }
    match session.personal_key(arguments.ssh_key.as_deref()) {
        Ok(key) => findings.extend(doctor::personal(&key, log)),
        // A builder needs no SSH key.
        Err(_) if is_builder => {}
        Err(failure) => findings.push(finding(Step::Keys, &failure)),
    }
    let cache = arguments.cache.clone();
    if let Some(directory) = cache.or_else(environment::cache_directory) {
        findings.push(doctor::examine_cache(&directory));
    }
    findings.sort_by_key(|finding| finding.step);
    bulla_terminal::findings::print(&findings, arguments.json)
}

fn finding(step: Step, failure: &Failure) -> Finding {
    Finding::error(step, failure.error(), failure.hint().map(str::to_owned))
}

/// Reads the configuration file; the examination goes on without one that is wrong.
fn configuration() -> (Config, Vec<Finding>) {
    const STEP: Step = Step::Configuration;
    let mut findings = Vec::new();
    let mut config = Config::default();
    match environment::configuration_directory().map(|directory| directory.join("config.toml")) {
        None => findings.push(Finding::warning(
            STEP,
            "there is no home directory",
            "set HOME",
        )),
        Some(path) => match Config::load(&path) {
            Ok(_) if !path.exists() => findings.push(Finding::ok(
                STEP,
                format_args!("no `{}`; none is needed", path.display()),
            )),
            Ok(loaded) => {
                config = loaded;
                findings.push(Finding::ok(
                    STEP,
                    format_args!("`{}` is valid", path.display()),
                ));
            }
            Err(error) => findings.push(Finding::error(STEP, &error, error.hint())),
        },
    }
    if let Some(directory) = environment::state_directory() {
        findings.push(doctor::examine_state(&directory));
    }
    (config, findings)
}

fn tools(examined: &Examined) -> Result<Vec<Finding>, Failure> {
    let needed = Needed {
        git: examined.is_git,
        svn: examined.is_svn,
        git_lfs: examined.has_large_files,
        sandbox: examined
            .recipe
            .as_ref()
            .is_some_and(|recipe| recipe.build.is_some()),
    };
    let spool: &Path = &std::env::temp_dir();
    let options = packing::build_options(false, spool, &Bar::new("build"))?;
    Ok(doctor::tools(needed, &options))
}

/// Asks the registry, as far as one gets, and returns its log.
async fn registry(
    session: &Session,
    examined: &Examined,
    is_builder: bool,
) -> (Vec<Finding>, Option<LogState>) {
    const STEP: Step = Step::Registry;
    let mut findings = Vec::new();
    let url = match session.registry() {
        Ok(url) => url,
        Err(failure) => return (vec![finding(STEP, &failure)], None),
    };
    findings.push(address_finding(&url));
    let client = match session.client() {
        Ok(client) => client,
        Err(failure) => {
            findings.push(finding(STEP, &failure));
            return (findings, None);
        }
    };
    let project = session.optional_project().ok().flatten();
    let project = project.as_ref().or(examined.project.as_ref());
    let answer = client.caller().await;
    findings.extend(doctor::token(&answer, client.has_token(), project));
    // One that cannot be reached shows no log either, and one sentence says it.
    if answer
        .as_ref()
        .is_err_and(|error| error.kind() == FailureKind::Temporary)
    {
        return (findings, None);
    }
    // One that may not be read says so where its log is looked at.
    let info = client.log_info().await.ok();
    findings.extend(info.as_ref().and_then(doctor::mirror));
    let (found, log) = log(session, &client, is_builder).await;
    findings.extend(found);
    let date = answer.ok().and_then(|greeting| greeting.date);
    findings.extend(clock_findings(
        environment::now(),
        date,
        log.as_ref(),
        "set the clock, for example with NTP: the time in what you sign is permanent",
    ));
    (findings, log)
}

/// Reads the log: verified where there is something to verify it against. Publishing needs neither
/// an anchor nor anything that is remembered, so its absence is no failure.
async fn log(
    session: &Session,
    client: &Client,
    is_builder: bool,
) -> (Vec<Finding>, Option<LogState>) {
    const STEP: Step = Step::Registry;
    let (found, log) = match session.can_verify() {
        Ok(true) => match session.log(client).await {
            Ok(log) => {
                let state = log.state();
                let mut found = vec![doctor::log(state)];
                let (note, now) = (log.witnessed_note(), environment::now());
                found.extend(witness_findings(STEP, state, note, now));
                return (found, Some(state.clone()));
            }
            Err(failure) => (finding(STEP, &failure), None),
        },
        Ok(false) => match fetch_unverified(client).await {
            Ok(state) => (doctor::unverified_log(&state, is_builder), Some(state)),
            Err(error) => (Finding::error(STEP, &error, error.hint()), None),
        },
        Err(failure) => (finding(STEP, &failure), None),
    };
    (vec![found], log)
}
