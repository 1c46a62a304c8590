//! `bulla-registry serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use bulla_terminal::{Failure, stdout};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::data::clock;
use crate::app::App;
use crate::pattern::ProjectPattern;
use crate::server::serve;
use crate::settings::{Settings, WatchLimits};

/// Serve bundles and the log
///
/// The first line on stdout is `listening on http://ADDRESS`. SIGTERM and SIGINT stop the registry
/// after the requests under way.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The data directory; created if missing
    #[arg(long, value_name = "DIR", env = "BULLA_DATA")]
    data: PathBuf,
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Let anyone read without a token
    #[arg(long)]
    anonymous_read: bool,
    /// The repositories whose tags may move and whose tags, manifests and blobs may be deleted, such
    /// as `mirror/*`; none when not given
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    mutable: Vec<ProjectPattern>,
    /// How many entries of the log a token may append in an hour
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().most_entries)]
    most_entries: u32,
    /// How many clients may wait for the log to grow; fewer where the limit of open files is low
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().watch.most)]
    most_watches: usize,
    /// How many hosts may report
    #[arg(long, value_name = "NUMBER", default_value_t = Settings::default().most_hosts)]
    most_hosts: u32,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = Settings {
        anonymous_read: arguments.anonymous_read,
        mutable: arguments.mutable,
        most_entries: arguments.most_entries,
        watch: WatchLimits {
            most: arguments.most_watches,
            ..WatchLimits::default()
        },
        most_hosts: arguments.most_hosts,
        ..Settings::default()
    };
    // Before anything is said, so that no signal is lost after the first line.
    let mut terminate = watch(SignalKind::terminate())?;
    let mut interrupt = watch(SignalKind::interrupt())?;
    let app = App::open(&arguments.data, "bulla-registry serve", settings, clock()).await?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .and_then(|listener| Ok((listener.local_addr()?, listener)))
        .map_err(|error| Failure::io(format_args!("cannot listen on {}", arguments.listen), error));
    let (address, listener) = listener?;
    stdout::line(format_args!("listening on http://{address}"))?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(listener, app, stop).await;
    Ok(())
}

fn watch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::io("cannot watch for signals", error))
}
