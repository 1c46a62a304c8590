//! The HTTP server: connections, their limits, and a stop that lets requests end.

mod certificate;
mod connection;
mod connections;
mod descriptors;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod heads;
mod http1;
mod http2;
#[cfg(test)]
mod over_memory;
mod socket;
mod speak;
mod streams;
mod taken;
mod tls;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

pub use self::certificate::{Certificate, CertificateError, CertificateFiles};
use self::connection::Connection;
use self::connections::{Connections, Place};
use self::descriptors::Fitting;
use self::speak::speak;
use self::streams::Streams;
use self::tls::Tls;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::{Client, Interface};

/// Most connections at once of those who ask for metrics.
const MOST_METRICS: usize = 16;

/// Where clients come in.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
    /// For those who watch over the registry.
    metrics: Option<TcpListener>,
}

impl Listener {
    /// Takes connections as they are.
    pub fn plain(socket: TcpListener) -> Self {
        Self {
            socket,
            tls: None,
            metrics: None,
        }
    }

    /// Takes encrypted connections only.
    pub fn with_tls(
        socket: TcpListener,
        certificate: Arc<Certificate>,
    ) -> Result<Self, CertificateError> {
        Ok(Self {
            tls: Some(Tls::new(certificate)?),
            ..Self::plain(socket)
        })
    }

    /// Shows the metrics on another address, to anybody who can reach it.
    #[must_use]
    pub fn and_metrics(self, socket: TcpListener) -> Self {
        Self {
            metrics: Some(socket),
            ..self
        }
    }
}

/// Answers requests until `stop` is done, then lets those under way end, within limits.
pub async fn serve(listener: Listener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let Listener {
        socket,
        tls,
        metrics,
    } = listener;
    let settings = &app.settings;
    let wanted = Fitting {
        connections: settings.most_connections,
        watches: settings.watch.most,
    };
    let fit = descriptors::fitting(descriptors::raise(), settings.uploads.most, wanted);
    app.watchers.admit(fit.watches);
    let mut upkeep = JoinSet::new();
    upkeep.spawn(sweep(Arc::clone(&app)));
    if let Some(tls) = &tls {
        upkeep.spawn(tls.certificate().follow());
    }
    let stop_told = watch::Sender::new(false);
    let tasks = TaskTracker::new();
    let door = |socket, tls, interface, most| Door {
        app: Arc::clone(&app),
        socket,
        tls,
        interface: Arc::new(interface),
        most,
        tasks: tasks.clone(),
        stop: stop_told.subscribe(),
    };
    let main = door(
        socket,
        tls,
        Interface::new(Arc::clone(&app)),
        fit.connections,
    );
    let metrics = metrics.map(|socket| {
        let interface = Interface::of_metrics(Arc::clone(&app));
        door(socket, None, interface, MOST_METRICS)
    });
    tokio::select! {
        () = main.take() => {}
        () = async {
            match metrics {
                Some(door) => door.take().await,
                None => std::future::pending().await,
            }
        } => {}
        () = stop => {}
    }
    tracing::info!("stopping");
    upkeep.abort_all();
    app.stop();
    stop_told.send_replace(true);
    tasks.close();
    if tokio::time::timeout(settings.drain, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("requests were cut off");
    }
    app.close().await;
}

/// Where clients of one kind come in.
struct Door {
    app: Arc<App>,
    socket: TcpListener,
    tls: Option<Tls>,
    interface: Arc<Interface>,
    /// Most connections at once.
    most: usize,
    tasks: TaskTracker,
    stop: watch::Receiver<bool>,
}

impl Door {
    /// Takes connections for ever.
    async fn take(self) {
        let connections = Connections::new(self.most);
        let streams = Streams::new(self.most, Arc::clone(&connections));
        loop {
            // Beyond the limit, clients wait in the system's queue until another makes room.
            let Some((stream, address, place)) = accept(&self.socket, &connections).await else {
                continue;
            };
            let connection = Connection {
                interface: Arc::clone(&self.interface),
                app: Arc::clone(&self.app),
                patience: self.app.settings.patience,
                activity: place.activity(),
                client: Client {
                    address,
                    has_tls: self.tls.is_some(),
                },
                streams: Arc::clone(&streams),
                stop: self.stop.clone(),
                place,
            };
            let (open, tls) = (self.app.metrics.open(), self.tls.clone());
            self.tasks.spawn(async move {
                speak(connection, stream, tls).await;
                drop(open);
            });
        }
    }
}

/// Ends uploads that have rested for too long, also when no request comes.
async fn sweep(app: Arc<App>) {
    let mut timer = tokio::time::interval(app.settings.uploads.sweep);
    loop {
        timer.tick().await;
        let app = Arc::clone(&app);
        blocking(move || app.uploads.sweep()).await;
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
) -> Option<(TcpStream, SocketAddr, Place)> {
    let place = connections.place().await?;
    match listener.accept().await {
        Ok((stream, address)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, address, place))
        }
        Err(error) => {
            // Out of file descriptors, usually: others must end first.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}
