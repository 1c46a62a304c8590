//! `bulla diff`: what changes from one release to another.

use bulla_schemas::api::{Change, ChangeKind, Diff};
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;
use clap::Args;

use super::failure::Failure;
use super::output;
use super::session::Session;
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
    let changes = bulla_bundle::diff(older.entries(), newer.entries());
    if arguments.json {
        return output::json(&Diff { from, to, changes });
    }
    output::say(format_args!(
        "{from_project} {} -> {}",
        from.short(),
        to.short()
    ));
    for change in &changes {
        output::line(line(change))?;
    }
    match changes.len() {
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
    let size = |size: Option<u64>| size.map(|size| format!(" ({})", output::bytes(size)));
    match change.change {
        ChangeKind::Added => format!("+ {path}{}", size(change.size_after).unwrap_or_default()),
        ChangeKind::Removed => format!("- {path}{}", size(change.size_before).unwrap_or_default()),
        ChangeKind::Changed => match (change.size_before, change.size_after) {
            (Some(before), Some(after)) => format!(
                "~ {path} ({} -> {})",
                output::bytes(before),
                output::bytes(after)
            ),
            _ => format!("~ {path}"),
        },
        ChangeKind::Mode => format!("~ {path} (executable bit)"),
        ChangeKind::Kind => format!("~ {path} (another kind of entry)"),
    }
}
