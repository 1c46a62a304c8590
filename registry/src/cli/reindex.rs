//! `bulla-registry reindex`.

use bulla_terminal::{Failure, stderr};

use super::data::{Data, clock};
use crate::app::App;
use crate::settings::Settings;
use bulla_terminal::count;

/// Rebuild the index from the files; the registry must not be running
///
/// Tokens and what hosts reported are in no file: they stay as they are, and are lost when the
/// database is.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let app = App::open(
        arguments.data.existing()?,
        "bulla-registry reindex",
        Settings::default(),
        clock(),
    )
    .await?;
    let indexed = app.reindex().await?;
    app.close().await;
    stderr::say(format_args!(
        "indexed {}, {}, {}; tokens and host reports stay as they were",
        count(indexed.blobs, "blob", "blobs"),
        count(indexed.manifests, "manifest", "manifests"),
        count(indexed.tags, "tag", "tags")
    ));
    Ok(())
}
