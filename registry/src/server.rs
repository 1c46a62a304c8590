//! The HTTP server: connections, their limits, and a stop that lets requests end.

mod connection;
mod connections;
mod descriptors;
mod heads;
#[cfg(test)]
mod over_memory;
mod socket;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::connections::{Connections, Place};
use self::descriptors::Fitting;
use crate::app::App;
use crate::blocking::blocking;
use crate::http::router;

/// How long requests may take to end when the registry stops.
const DRAIN: Duration = Duration::from_secs(20);

/// Answers requests until `stop` is done, then lets those under way end, within limits.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let router = router(Arc::clone(&app));
    let (settings, patience) = (&app.settings, app.settings.patience);
    let wanted = Fitting {
        connections: settings.most_connections,
        watches: settings.watch.most,
    };
    let fit = descriptors::fitting(descriptors::raise(), settings.uploads.most, wanted);
    let connections = Connections::new(fit.connections);
    app.watchers.admit(fit.watches);
    let tasks = TaskTracker::new();
    let (tell_stop, told_stop) = watch::channel(false);
    let sweeper = tokio::spawn(sweep(Arc::clone(&app)));
    let mut stop = std::pin::pin!(stop);
    loop {
        // Beyond the limit, clients wait in the system's queue until another makes room.
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let (router, stop) = (router.clone(), told_stop.clone());
        tasks.spawn(connection::answer(stream, router, patience, place, stop));
    }
    drop(listener);
    tracing::info!("stopping");
    sweeper.abort();
    tell_stop.send_replace(true);
    app.watchers.stop();
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("requests were cut off");
    }
    app.close().await;
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
) -> Option<(TcpStream, Place)> {
    let place = connections.place().await?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            // Out of file descriptors, usually: others must end first.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}
