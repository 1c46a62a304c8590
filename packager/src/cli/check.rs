//! `bulla check`: does the revision give the same release twice?

use bulla_schemas::outcome::FailureKind;
use clap::Args;

use super::arguments::source::SourceArguments;
use super::failure::Failure;
use super::progress::Bar;
use super::session::Session;
use super::{changes, environment, output, packing};
use crate::check::{self, Difference, Explainer, Report};

/// Packs a revision twice and names every file that differs; prints the hash when none does.
///
/// The second build sees another time, number of processors, order of directories, umask, user,
/// home, machine, locale and time zone. With `diffoscope` in PATH, it says why files differ. The
/// exit status is 1 when something differs.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Reports as JSON.
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
    let report = check::check(&spec, &options, explainer.as_ref(), &bar)?;
    drop(bar);
    session.require_project(&report.project)?;
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report)?;
    }
    if report.is_same() {
        return Ok(());
    }
    let what = match report.differences.len() {
        1 => "1 path differs".to_owned(),
        count => format!("{count} paths differ"),
    };
    Err(Failure::new(
        FailureKind::Failed,
        format_args!(
            "{} does not give the same release twice: {what}",
            report.revision
        ),
    )
    .with_hint("docs/builds.md has what usually differs, and how it is fixed"))
}

fn print(report: &Report) -> Result<(), Failure> {
    if report.built {
        output::say(format_args!("built {} twice; varied:", report.revision));
    } else {
        output::say(format_args!(
            "packed {} twice, since its recipe has no build; varied:",
            report.revision
        ));
    }
    for varied in &report.varied {
        output::say(format_args!("  {}", output::text(varied)));
    }
    if report.is_same() {
        output::say("both times the same");
        return output::line(report.first);
    }
    report.differences.iter().try_for_each(print_difference)
}

fn print_difference(difference: &Difference) -> Result<(), Failure> {
    output::line(changes::line(&difference.change))?;
    if let Some(place) = &difference.place {
        let line = place.line.map(|line| format!(", line {line}"));
        let part = place
            .part
            .as_ref()
            .map(|part| format!(", {}", output::text(part)));
        output::line(format_args!(
            "  first at byte {}{}{}",
            place.offset,
            line.unwrap_or_default(),
            part.unwrap_or_default()
        ))?;
        output::line(format_args!("  - {}", output::text(&place.first)))?;
        output::line(format_args!("  + {}", output::text(&place.second)))?;
    }
    if let Some(explanation) = &difference.explanation {
        for line in explanation.lines() {
            output::line(format_args!("    {line}"))?;
        }
    }
    Ok(())
}
