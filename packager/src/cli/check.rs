//! `bulla check`: does the revision give the same release twice?

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::short_revision;
use bulla_schemas::report::{CheckDifference, CheckReport};
use bulla_terminal::count;
use bulla_terminal::{Bar, Failure, escape, stderr, stdout};
use clap::Args;

use super::session::Session;
use super::source::SourceArguments;
use super::{changes, environment, packing};
use crate::check::{self, Explainer};

/// Pack a revision twice and name every file that differs; print the hash when none does
///
/// The second build sees another time, number of processors, order of directories, umask, user,
/// home, machine, locale and time zone. With `diffoscope` in PATH, it says why files differ. The
/// exit status is 1 when something differs.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, arguments: &CheckArguments) -> Result<(), Failure> {
    let spool = std::env::temp_dir();
    let bar = Bar::new("check");
    let options = packing::options(&arguments.source.work, None, spool.clone(), &bar)?;
    let explainer = environment::find_program("diffoscope").map(|program| Explainer {
        program,
        spool: spool.clone(),
    });
    let spec = arguments.source.spec(spool);
    let check::Checked { report, warnings } =
        check::check(&spec, &options, explainer.as_ref(), &bar)?;
    drop(bar);
    warnings.iter().for_each(stderr::warn);
    session.require_project(&report.project)?;
    if arguments.json {
        stdout::json(&report)?;
    } else {
        print(&report)?;
    }
    if report.is_same() {
        return Ok(());
    }
    let differences = report.differences.len() as u64;
    let what = count(differences, "path differs", "paths differ");
    Err(Failure::new(
        FailureKind::Failed,
        format_args!(
            "{} does not give the same release twice: {what}",
            short_revision(&report.revision)
        ),
    )
    .with_hint("docs/builds.md says what usually differs, and what helps"))
}

fn print(report: &CheckReport) -> Result<(), Failure> {
    let revision = short_revision(&report.revision);
    if report.built {
        stderr::say(format_args!("built {revision} twice; varied:"));
    } else {
        stderr::say(format_args!(
            "packed {revision} twice, since its recipe has no build; varied:"
        ));
    }
    for varied in &report.varied {
        stderr::say(format_args!("  {varied}"));
    }
    if report.is_same() {
        stderr::say("both times the same");
        return Ok(stdout::line(report.first)?);
    }
    report.differences.iter().try_for_each(print_difference)
}

fn print_difference(difference: &CheckDifference) -> Result<(), Failure> {
    stdout::line(changes::line(&difference.change))?;
    if let Some(place) = &difference.place {
        let line = place.line.map(|line| format!(", line {line}"));
        let part = place
            .part
            .as_ref()
            .map(|part| format!(", {}", escape(part)));
        stdout::line(format_args!(
            "  first at byte {}{}{}",
            place.offset,
            line.unwrap_or_default(),
            part.unwrap_or_default()
        ))?;
        stdout::line(format_args!("  - {}", escape(&place.first)))?;
        stdout::line(format_args!("  + {}", escape(&place.second)))?;
    }
    if let Some(explanation) = &difference.explanation {
        for line in explanation.lines() {
            stdout::line(format_args!("    {line}"))?;
        }
    }
    Ok(())
}
