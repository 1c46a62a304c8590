//! What every command that serves is told, and how it serves.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulla_terminal::{Failure, stdout};
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::log_format::LogFormat;
use crate::app::App;
use crate::pattern::ProjectPattern;
use crate::period::seconds;
use crate::server::{Certificate, CertificateFiles, Listener, serve};
use crate::settings::{Settings, WatchLimits};

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Serving {
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// Encrypt connections with this certificate: a file in PEM, with all certificates up to the root
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM; only its owner and group may read the file
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
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
    /// Show metrics at `/metrics` on another address, to anybody who can reach it
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// A proxy, or a range of them such as `10.0.0.0/8`, that is believed whom it asks for, by
    /// `X-Forwarded-For` or `Forwarded`
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = range)]
    trusted_proxy: Vec<IpNet>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: LogFormat,
    /// How long requests may take to end when the registry stops, such as `20s`
    #[arg(long, value_name = "PERIOD", value_parser = seconds, default_value = "20s")]
    drain: i64,
}

/// Ready to serve: signals are watched for and the certificate is read.
pub(super) struct Ready {
    serving: Serving,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    certificate: Option<Arc<Certificate>>,
}

impl Serving {
    /// Begins before anything is said, so that no signal is lost after the first line.
    pub(super) fn prepare(self) -> Result<Ready, Failure> {
        let terminate = watch(SignalKind::terminate())?;
        let interrupt = watch(SignalKind::interrupt())?;
        let hangup = watch(SignalKind::hangup())?;
        let certificate = match (&self.tls_certificate, &self.tls_key) {
            (Some(chain), Some(key)) => Some(Certificate::open(CertificateFiles {
                chain: chain.clone(),
                key: key.clone(),
            })?),
            _ => None,
        };
        Ok(Ready {
            serving: self,
            terminate,
            interrupt,
            hangup,
            certificate,
        })
    }
}

impl Ready {
    /// Returns what the registry is opened with.
    pub(super) fn settings(&self) -> Settings {
        let serving = &self.serving;
        Settings {
            anonymous_read: serving.anonymous_read,
            mutable: serving.mutable.clone(),
            most_entries: serving.most_entries,
            watch: WatchLimits {
                most: serving.most_watches,
                ..WatchLimits::default()
            },
            most_hosts: serving.most_hosts,
            trusted_proxies: serving.trusted_proxy.clone(),
            drain: Duration::from_secs(serving.drain.unsigned_abs()),
            ..Settings::default()
        }
    }

    /// Does something unless a signal comes first.
    pub(super) async fn unless_stopped<T>(&mut self, run: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = run => Some(done),
            _ = self.terminate.recv() => None,
            _ = self.interrupt.recv() => None,
        }
    }

    /// Serves until a signal comes.
    pub(super) async fn serve(self, app: Arc<App>) -> Result<(), Failure> {
        let Self {
            serving,
            mut terminate,
            mut interrupt,
            hangup,
            certificate,
        } = self;
        let (address, socket) = listen(serving.listen).await?;
        let metrics = match serving.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        tokio::spawn(reload(hangup, certificate.clone()));
        let (scheme, listener) = match certificate {
            None => ("http", Listener::plain(socket)),
            Some(certificate) => ("https", Listener::with_tls(socket, certificate)?),
        };
        stdout::line(format_args!("listening on {scheme}://{address}"))?;
        let listener = match metrics {
            None => listener,
            Some((address, socket)) => {
                stdout::line(format_args!("metrics on http://{address}/metrics"))?;
                listener.and_metrics(socket)
            }
        };
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        serve(listener, app, stop).await;
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<(SocketAddr, TcpListener), Failure> {
    TcpListener::bind(address)
        .await
        .and_then(|listener| Ok((listener.local_addr()?, listener)))
        .map_err(|error| Failure::io(format_args!("cannot listen on {address}"), error))
}

/// Reads a range of addresses, or one address.
fn range(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
        "expected an address such as 10.0.0.1, or a range such as 10.0.0.0/8".to_owned()
    })
}

/// Has the certificate read again at each SIGHUP.
async fn reload(mut hangup: Signal, certificate: Option<Arc<Certificate>>) {
    while hangup.recv().await.is_some() {
        if let Some(certificate) = &certificate {
            certificate.look_again();
        } else {
            tracing::info!("there is no certificate to read again");
        }
    }
}

fn watch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::io("cannot watch for signals", error))
}
