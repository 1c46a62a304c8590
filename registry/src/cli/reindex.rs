//! `bulla-registry reindex`.

use bulla_terminal::{Failure, stderr};

use super::data::{Data, clock};
use crate::app::App;
use crate::keep::Missing;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::count;

/// Most of what is missing that is named; of all, it is said how many.
const MOST_NAMED: usize = 20;

/// Rebuild the index from the files; the registry must not be running
///
/// Tokens and what hosts reported are in no file: they stay as they are, and are lost when the
/// database is. What projects have and is not stored is named, and the status is 1 then.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.damaged()?;
    let app = App::open_to_reindex(root, "bulla-registry reindex", clock()).await?;
    let indexed = app.reindex().await?;
    app.close().await;
    stderr::say(format_args!(
        "indexed {}, {}, {}; tokens and host reports stay as they were",
        count(indexed.blobs, "blob", "blobs"),
        count(indexed.manifests, "manifest", "manifests"),
        count(indexed.tags, "tag", "tags")
    ));
    let missing = &indexed.missing;
    if missing.is_empty() {
        return Ok(());
    }
    for Missing {
        project,
        named_by,
        digest,
    } in missing.iter().take(MOST_NAMED)
    {
        match named_by {
            Some(manifest) => {
                stderr::warn(format_args!("{project}: {digest} of {manifest} is missing"));
            }
            None => stderr::warn(format_args!("{project}: {digest} is missing")),
        }
    }
    let count = count(
        missing.len() as u64,
        "blob or manifest is",
        "blobs or manifests are",
    );
    let failure = Failure::new(
        FailureKind::Failed,
        format_args!("the index is rebuilt, but {count} missing"),
    );
    Err(failure.with_hint(
        "publish or import these releases again; where `packs/` is a disk of its own, mount it first",
    ))
}
