//! All projects that the host file follows, one after the other.

use std::process::ExitCode;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::server::{InstallFailure, ProjectInstall};
use bulla_terminal::{Failure, stderr, stdout};

use super::wish::{Source, Wish};
use crate::cli::hints::complete_failure;
use crate::cli::terminal::Terminal;
use crate::observer::with_causes;
use crate::operation::sync_from;
use bulla_schemas::units;

/// Brings every followed project to its channel. A failure of one stops no other; the command ends
/// with the status of the gravest.
pub(super) fn all(source: &mut Source<'_>, wish: &Wish, json: bool) -> Result<ExitCode, Failure> {
    let host = source.host;
    let followed: Vec<_> = host.config().followed().collect();
    if followed.is_empty() {
        return Err(
            Failure::usage("expected a project, because the host file follows none")
                .with_hint("`bulla-installer follow PROJECT --channel CHANNEL` writes one into it"),
        );
    }
    let terminal = Terminal::unless(wish.quiet, "read the log", host.server());
    // A registry that is away is waited for once, and not for every project.
    let synced = sync_from(
        host.server(),
        source.log,
        source.supplies,
        wish.now,
        &terminal,
    );
    terminal.finish();
    synced?;
    let mut installs = Vec::new();
    let mut failures = Vec::new();
    for (project, channel) in followed {
        let mut install = ProjectInstall {
            project: project.clone(),
            channel: channel.clone(),
            installed: None,
            failure: None,
        };
        match wish.bring(source, project) {
            Ok((report, sentence)) => {
                wish.say(&report, &sentence);
                if !json && (report.waiting.is_none() || report.from.is_some()) {
                    stdout::line(format_args!("{project} {}", report.hash))?;
                }
                install.installed = Some(report);
            }
            Err(failure) => {
                let failure = complete_failure(failure, host.server());
                let kind = failure.kind();
                failures.push(kind);
                install.failure = Some(InstallFailure {
                    status: kind.exit_status(),
                    message: with_causes(failure.error()),
                    hint: failure.hint().map(str::to_owned),
                });
                failure
                    .context(format_args!("`{project}` was not brought to `{channel}`"))
                    .report();
            }
        }
        installs.push(install);
    }
    if json {
        stdout::json(&installs)?;
    }
    if !wish.quiet {
        stderr::say(summary(&installs));
    }
    let worst = FailureKind::gravest(failures);
    Ok(worst.map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_status())))
}

fn summary(installs: &[ProjectInstall]) -> String {
    let count = |is_one: &dyn Fn(&ProjectInstall) -> bool| {
        installs.iter().filter(|install| is_one(install)).count()
    };
    let is_changed = |install: &ProjectInstall, changed: bool| {
        let report = install.installed.as_ref();
        report.is_some_and(|report| report.changed == changed)
    };
    let projects = units::count(installs.len() as u64, "project", "projects");
    format!(
        "{projects}: {} changed, {} unchanged, {} failed",
        count(&|install| is_changed(install, true)),
        count(&|install| is_changed(install, false)),
        count(&|install| install.failure.is_some()),
    )
}
