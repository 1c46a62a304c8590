//! `bulla-registry serve`.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Data, clock, print};
use crate::app::{App, Settings};
use crate::server::serve;

/// Serve bundles and the log
///
/// The first line on stdout is `listening on http://ADDRESS`. SIGTERM and SIGINT stop the registry
/// after the requests under way.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Let everybody read without a token
    #[arg(long)]
    anonymous_read: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = Settings {
        anonymous_read: arguments.anonymous_read,
        ..Settings::default()
    };
    // Before anything is said, so that no signal is lost after the first line.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::open(&arguments.data.directory, settings, clock()).await?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    print(&format!("listening on http://{}", listener.local_addr()?));
    std::io::stdout().flush()?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(listener, app, stop).await;
    Ok(())
}
