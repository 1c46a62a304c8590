//! `bulla-registry serve`.

use std::path::PathBuf;

use bulla_terminal::Failure;

use super::data::clock;
use super::serving::Serving;
use crate::app::App;
use crate::data::DataDirectory;

/// Serve bundles and the log
///
/// The first line on stdout is `listening on http://ADDRESS`, with a certificate
/// `listening on https://ADDRESS`. SIGTERM and SIGINT stop the registry after the requests under way;
/// SIGHUP has it read its certificate again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The data directory; a new registry is made where it is empty or missing
    #[arg(long, value_name = "DIR", env = "BULLA_DATA")]
    data: PathBuf,
    #[command(flatten)]
    pub(super) serving: Serving,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    DataDirectory::require_no_mirror(&arguments.data)?;
    DataDirectory::require_whole_or_empty(&arguments.data)?;
    let ready = arguments.serving.prepare()?;
    let settings = ready.settings();
    let app = App::open(&arguments.data, "bulla-registry serve", settings, clock()).await?;
    app.require_log().await?;
    ready.serve(app).await
}
