//! `bulla diff`: what changes from one release to another.

use bulla_schemas::api::{Change, ChangeKind, ChangeSide};
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;
use clap::Args;

use super::failure::Failure;
use super::output;
use super::session::Session;
use crate::compare::Comparison;
use crate::contents;
use crate::resolve::{self, ReleaseName};

/// Shows which files change from release A to release B.
///
/// `+` added, `-` removed, `~` changed. Worked out here, from indexes verified against the two
/// hashes; exit status 0 whether they differ or not.
#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// A hash, or a channel for its head.
    #[arg(value_name = "A")]
    from: ReleaseName,
    /// A hash, or a channel for its head.
    #[arg(value_name = "B")]
    to: ReleaseName,
    /// Lists as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &DiffArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let (from_project, from) = find(session, log.state(), &arguments.from)?;
    let (to_project, to) = find(session, log.state(), &arguments.to)?;
    let (older, newer) = (
        contents::fetch(&client, &from_project, from).await?,
        contents::fetch(&client, &to_project, to).await?,
    );
    let Comparison { diff, .. } = Comparison::of(older, newer);
    if arguments.json {
        return output::json(&diff);
    }
    output::say(format_args!(
        "{from_project} {} -> {}",
        from.short(),
        to.short()
    ));
    for change in &diff.changes {
        output::line(line(change))?;
    }
    match diff.changes.len() {
        1 => output::say(format_args!("1 path differs")),
        count => output::say(format_args!("{count} paths differ")),
    }
    Ok(())
}

fn find(
    session: &Session,
    state: &LogState,
    name: &ReleaseName,
) -> Result<(ProjectName, Digest), Failure> {
    match name {
        ReleaseName::Hash(prefix) => {
            let project = session.optional_project()?;
            Ok(resolve::find(state, project.as_ref(), prefix)?)
        }
        ReleaseName::Channel(channel) => {
            let project = session.project()?;
            let head = resolve::head(state, &project, channel)?;
            Ok((project, head))
        }
    }
}

fn line(change: &Change) -> String {
    let path = output::text(change.path.as_str());
    let side = |side: &Option<ChangeSide>| match side {
        Some(ChangeSide {
            target: Some(target),
            ..
        }) => format!("-> {}", output::text(target)),
        Some(ChangeSide {
            size: Some(size), ..
        }) => output::bytes(*size),
        _ => "directory".to_owned(),
    };
    let (before, after) = (side(&change.before), side(&change.after));
    match change.change {
        ChangeKind::Added => format!("+ {path} ({after})"),
        ChangeKind::Removed => format!("- {path} ({before})"),
        ChangeKind::Mode => format!("~ {path} (executable bit)"),
        ChangeKind::Changed | ChangeKind::Link => format!("~ {path} ({before} -> {after})"),
        ChangeKind::Kind => format!("~ {path} (another kind of entry)"),
    }
}
