//! `bulla-registry serve`.

use std::path::PathBuf;

use bulla_registry_client::{Client, registry_url};
use bulla_terminal::Failure;

use super::data::clock;
use super::serving::Serving;
use crate::app::{App, witnesses};
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
    /// The address of a witness to ask for its cosignature after each append, such as
    /// `https://office.acme.example` (`bulla witness --serve`); given once for each
    #[arg(long = "witness", value_name = "URL", value_delimiter = ',')]
    witnesses: Vec<String>,
    #[command(flatten)]
    pub(super) serving: Serving,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    DataDirectory::require_no_mirror(&arguments.data)?;
    DataDirectory::require_whole_or_empty(&arguments.data)?;
    let witnesses = arguments.witnesses.iter();
    let witnesses = witnesses.map(|url| Client::of_witness(registry_url(url)?));
    let witnesses = witnesses.collect::<Result<Vec<_>, _>>()?;
    let ready = arguments.serving.prepare()?;
    let settings = ready.settings();
    let app = App::open(&arguments.data, "bulla-registry serve", settings, clock()).await?;
    app.require_log().await?;
    let asking = witnesses::ask(&app, witnesses);
    let served = ready.serve(app).await;
    drop(asking);
    served
}
