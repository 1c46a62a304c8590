//! What a connection has to do with, whatever its client speaks.

use std::sync::Arc;

use tokio::sync::watch;

use super::connections::{Activity, Place};
use super::streams::Streams;
use crate::app::App;
use crate::http::{Client, Interface};
use crate::settings::Patience;

/// A connection that is to be answered.
pub(super) struct Connection {
    /// Where its requests go.
    pub(super) interface: Arc<Interface>,
    /// Where those are noted that come to no route.
    pub(super) app: Arc<App>,
    pub(super) patience: Patience,
    pub(super) activity: Arc<Activity>,
    /// Who is at the other end.
    pub(super) client: Client,
    /// Requests beside others on one connection.
    pub(super) streams: Arc<Streams>,
    /// True when the registry stops.
    pub(super) stop: watch::Receiver<bool>,
    /// Given back when the connection has ended.
    pub(super) place: Place,
}
