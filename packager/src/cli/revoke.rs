//! `bulla revoke`: releases that must not be made live again.

use bulla_schemas::line::few;
use bulla_schemas::report::{RevocationReport, RevokedRelease};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, ProjectName};
use bulla_terminal::{Failure, stderr, stdout};
use bulla_trust::LogState;
use clap::Args;

use super::environment;
use super::moving::{SigningArguments, ask, require_answer};
use super::session::Session;
use crate::resolve::ReleaseName;
use crate::revoke::{self, Revoking};

/// Most servers that are named.
const MOST_SERVERS: usize = 5;

/// Say that releases must not be made live again
///
/// One person who may move a channel of the project, or a person of the root, signs it with their SSH
/// key. It is permanent: nothing takes it back, and the reason and your name stay in the log. Servers
/// refuse the releases from then on, also for rollbacks; where one is live it stays live and is shown as
/// `revoked` until something else is promoted. The bundles stay in the registry.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RevokeArguments {
    /// Hashes, channels for their heads, revisions or labels, of one project
    #[arg(value_name = "RELEASE", required = true)]
    releases: Vec<ReleaseName>,
    #[command(flatten)]
    signing: SigningArguments,
    /// Have servers say that people warn of it, and take it all the same
    #[arg(long)]
    warn: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only show where the releases are, and sign nothing
    #[arg(long)]
    dry_run: bool,
    /// Show where they are as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &RevokeArguments) -> Result<(), Failure> {
    let client = session.client()?;
    require_answer(arguments.yes || arguments.dry_run, "revoking")?;
    let key = arguments
        .signing
        .key(session, &client, arguments.dry_run, "revoking")?;
    let mut log = session.log(&client).await?;
    let (project, hashes) = find(session, log.state(), &arguments.releases)?;
    let revoking = Revoking {
        project,
        hashes,
        severity: if arguments.warn {
            Severity::Warn
        } else {
            Severity::Block
        },
        reason: arguments.signing.reason(),
        issued_at: environment::now(),
    };
    if let Some(entry) = revoking.standing(log.state()) {
        stderr::say(format_args!("revoked already, by entry {entry} of the log"));
        let report = revoking.report(&client, log.state()).await;
        return print(report, Some(entry), arguments.json);
    }
    match &key {
        Some(key) => revoking.check(log.state(), key)?,
        None => revoking.check_count()?,
    }
    let report = revoking.report(&client, log.state()).await;
    say(log.state(), &report);
    let Some(key) = key else {
        return print(report, None, arguments.json);
    };
    if !arguments.yes {
        ask(if arguments.warn {
            "Warn of it for good?"
        } else {
            "Revoke it for good?"
        })?;
    }
    let envelope = revoke::sign(log.state(), &key, &revoking)?;
    let entry = revoke::append(&client, &mut log, &revoking, &envelope).await?;
    if arguments.warn {
        stderr::say(format_args!(
            "warned of, entry {entry} of the log; servers say so and take it"
        ));
    } else {
        stderr::say(format_args!("revoked, entry {entry} of the log"));
        report.releases.iter().for_each(say_way_out);
    }
    print(report, Some(entry), arguments.json)
}

/// Finds the releases, which one statement names for one project only.
fn find(
    session: &Session,
    state: &LogState,
    names: &[ReleaseName],
) -> Result<(ProjectName, Vec<Digest>), Failure> {
    let mut hashes = Vec::new();
    let mut project: Option<ProjectName> = None;
    for name in names {
        let (found, hash) = session.find(state, name)?;
        if let Some(other) = project
            .replace(found.clone())
            .filter(|other| *other != found)
        {
            let message =
                format_args!("{name} is a release of {found}, and another one of {other}");
            return Err(Failure::usage(message)
                .with_hint("revoke the releases of each project by a command of its own"));
        }
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    let project = project.ok_or_else(|| Failure::usage("no release is named"))?;
    Ok((project, hashes))
}

fn say(state: &LogState, report: &RevocationReport) {
    for release in &report.releases {
        let record = state.release(&report.project, &release.hash);
        let revision = record.map_or_else(String::new, |release| {
            format!(" (revision {})", release.record().revision)
        });
        let channels: Vec<_> = release.heads.iter().map(ToString::to_string).collect();
        let place = if channels.is_empty() {
            "no channel points to it".to_owned()
        } else {
            format!("head of {}", channels.join(", "))
        };
        stderr::say(format_args!(
            "{} {}{revision}: {place}",
            report.project,
            release.hash.short()
        ));
        if !release.live_on.is_empty() {
            let servers = few(&release.live_on, MOST_SERVERS, ", ", ", and");
            stderr::say(format_args!("  live on {servers}, and stays so there"));
        }
    }
    if let Some(why) = &report.not_asked {
        stderr::say(format_args!(
            "  on which servers it is live is not known: {why}"
        ));
    }
}

/// Says how what is live goes: a revocation keeps servers from taking it and takes it from none.
fn say_way_out(release: &RevokedRelease) {
    for channel in &release.heads {
        stderr::say(format_args!(
            "`{channel}` still points to {}: promote another release, or go back with `bulla rollback \
             {channel} -m TEXT` where there is an earlier one",
            release.hash.short()
        ));
    }
}

fn print(mut report: RevocationReport, entry: Option<u64>, json: bool) -> Result<(), Failure> {
    report.entry = entry;
    if json {
        return Ok(stdout::json(&report)?);
    }
    for release in &report.releases {
        stdout::line(release.hash)?;
    }
    Ok(())
}
