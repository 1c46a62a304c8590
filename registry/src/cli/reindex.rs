//! `bulla-registry reindex`.

use super::{Data, clock, say};
use crate::app::{App, Settings};

/// Rebuild the index from the files; the registry must not be running
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let app = App::open(&arguments.data.directory, Settings::default(), clock()).await?;
    let indexed = app.reindex().await?;
    app.close().await;
    say(&format!(
        "indexed {} blobs, {} manifests, {} tags\n",
        indexed.blobs, indexed.manifests, indexed.tags
    ));
    Ok(())
}
