//! `bulla doctor`: what works here and what does not, and what to do about it.

use std::path::{Path, PathBuf};

use bulla_registry_client::LogFollower;
use bulla_schemas::outcome::FailureKind;
use clap::Args;

use super::arguments::Options;
use super::failure::Failure;
use super::progress::Bar;
use super::session::Session;
use super::{environment, output, packing};
use crate::config::Config;
use crate::doctor::{self, Examined, Finding, Needed, Standing};

/// Looks at recipe, tools, keys, clock, registry, configuration and cache, and says what to do.
///
/// Changes nothing but what the first use would: with an anchor, the registry's log is remembered.
/// Exit status 1 when something failed, 0 else.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// The checkout whose recipe is looked at.
    #[arg(value_name = "CHECKOUT", default_value = ".")]
    checkout: PathBuf,
    /// A builder's key to look at.
    #[arg(long, value_name = "FILE", env = "BULLA_KEY")]
    key: Option<PathBuf>,
    /// The public half of the SSH key to look at.
    #[arg(long, value_name = "KEY.pub")]
    ssh_key: Option<PathBuf>,
    /// The cache of packs; by default `~/.cache/bulla`.
    #[arg(long, value_name = "DIRECTORY", env = "BULLA_CACHE")]
    cache: Option<PathBuf>,
    /// Lists as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: Options, arguments: &DoctorArguments) -> Result<(), Failure> {
    let (config, mut findings) = configuration();
    let session = Session::with_config(options, config);
    let (found, examined) = doctor::recipe(&arguments.checkout, &std::env::temp_dir());
    findings.extend(found);
    findings.extend(tools(&examined)?);
    let (found, log) = registry(&session, &examined).await;
    let log = log.as_ref().map(LogFollower::state);
    findings.extend(found);
    if let Some(key) = &arguments.key {
        findings.extend(doctor::builder(key, log));
    }
    match session.personal_key(arguments.ssh_key.as_deref()) {
        Ok(key) => findings.extend(doctor::personal(&key, log)),
        // Whoever has a builder's key is no person.
        Err(_) if arguments.key.is_some() && arguments.ssh_key.is_none() => {}
        Err(failure) => findings.push(failure.finding("keys")),
    }
    let cache = arguments.cache.clone();
    if let Some(directory) = cache.or_else(environment::cache_directory) {
        findings.push(doctor::examine_cache(&directory));
    }
    findings.sort_by_key(|finding| order(finding.step));
    report(&findings, arguments.json)
}

/// Steps in the order in which one depends on another.
fn order(step: &str) -> usize {
    const ORDER: [&str; 7] = [
        "configuration",
        "recipe",
        "tools",
        "registry",
        "clock",
        "keys",
        "cache",
    ];
    ORDER
        .iter()
        .position(|known| *known == step)
        .unwrap_or(ORDER.len())
}

fn report(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        output::json(&findings)?;
    } else {
        let mut table = output::table(&["STANDING", "STEP", "FOUND"]);
        for finding in findings {
            let found = output::text(&finding.found);
            table.add_row([finding.standing.as_str(), finding.step, &found]);
            if let Some(hint) = &finding.hint {
                table.add_row(["", "", &format!("hint: {}", output::text(hint))]);
            }
        }
        output::print_table(&mut table, &[2])?;
    }
    let failed = findings
        .iter()
        .filter(|f| f.standing == Standing::Failed)
        .count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(FailureKind::Failed, "1 thing failed")),
        count => Err(Failure::new(
            FailureKind::Failed,
            format_args!("{count} things failed"),
        )),
    }
}

/// Reads the configuration file; the examination goes on without one that is wrong.
fn configuration() -> (Config, Vec<Finding>) {
    const STEP: &str = "configuration";
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

/// Asks the registry, as far as one gets, and returns its verified log.
async fn registry(session: &Session, examined: &Examined) -> (Vec<Finding>, Option<LogFollower>) {
    const STEP: &str = "registry";
    let mut findings = Vec::new();
    let url = match session.registry() {
        Ok(url) => url,
        Err(failure) => return (vec![failure.finding(STEP)], None),
    };
    findings.push(doctor::address(url));
    let client = match session.client() {
        Ok(client) => client,
        Err(failure) => {
            findings.push(failure.finding(STEP));
            return (findings, None);
        }
    };
    let project = session.optional_project().ok().flatten();
    let project = project.as_ref().or(examined.project.as_ref());
    let answer = client.caller().await;
    findings.extend(doctor::token(&answer, client.has_token(), project));
    // Whoever cannot be reached has no log either, and one sentence says it.
    if answer
        .as_ref()
        .is_err_and(|error| error.kind() == FailureKind::Temporary)
    {
        return (findings, None);
    }
    let log = match session.log(&client).await {
        Ok(log) => {
            findings.push(doctor::log(log.state()));
            Some(log)
        }
        Err(failure) => {
            findings.push(failure.finding(STEP));
            None
        }
    };
    let date = answer.ok().and_then(|greeting| greeting.date);
    let state = log.as_ref().map(LogFollower::state);
    findings.extend(doctor::clock(environment::now(), date, state));
    (findings, log)
}
