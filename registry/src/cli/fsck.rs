//! `bulla-registry fsck`: reads everything again, also while the registry runs.

use std::sync::Arc;

use bulla_registry_client::{Client, registry_url};
use bulla_schemas::ProjectName;
use bulla_terminal::{Bar, Failure, bytes, count, stderr, stdout};

use super::damages;
use super::data::{Data, clock};
use super::registry_token::RegistryToken;
use crate::keep::{Asked, fsck};

/// Read everything that is stored again, and say what is damaged
///
/// Content, records and the index over them, the log and the database. Of each damage it says which
/// releases cannot be fetched because of it, and what to do; a release that the log names and that is
/// neither here nor was removed is one, too. It runs beside the server, and ends with
/// status 1 where something is damaged and stays so.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at the content of these projects only; the log and the database are always looked at
    #[arg(value_name = "PROJECT")]
    projects: Vec<ProjectName>,
    /// Put right what can be: content whose frames lie elsewhere, the index, tiles of the log. Move
    /// other damaged content to `damaged/`, so that the next push brings it back
    #[arg(long)]
    repair: bool,
    /// Bring back from another registry what nothing here has any more, whole releases too: from a mirror,
    /// or from any that has the same releases
    #[arg(long, value_name = "URL", requires = "repair")]
    from: Option<String>,
    #[command(flatten)]
    token: RegistryToken,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.damaged()?;
    let from = match &arguments.from {
        None => None,
        Some(url) => Some(Client::new(registry_url(url)?, arguments.token.read()?)?),
    };
    let asked = Asked {
        projects: arguments.projects,
        is_repair: arguments.repair,
        from,
    };
    let bar = Arc::new(Bar::new("read"));
    let report = fsck(root, asked, &clock(), Arc::clone(&bar) as _).await;
    bar.finish();
    let report = report?;
    if arguments.json {
        stdout::json(&report)?;
    } else if !report.damages.is_empty() {
        damages::table(&report.damages).print()?;
    }
    let all = report.damages.len() as u64;
    let brought = report
        .damages
        .iter()
        .filter_map(|one| one.brought_from.as_ref());
    if let Some(from) = brought.clone().next() {
        let brought = count(brought.count() as u64, "damage", "damages");
        stderr::say(format_args!("{brought} put right with what {from} has"));
    }
    let read = format!(
        "read {} of content and {} of the log",
        bytes(report.checked),
        count(report.entries, "entry", "entries")
    );
    damages::left(&report.damages, &read)?;
    match all {
        0 => stderr::say(format_args!("{read}: all as it was written")),
        all => stderr::say(format_args!(
            "{read}: {} repaired",
            count(all, "damage is", "damages are")
        )),
    }
    Ok(())
}
