//! The registry that this server was enrolled with, and the border to async code: everything that
//! waits for the network is driven from here, on the calling thread.

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::Timestamp;
use bulla_schemas::log::Anchor;
use bulla_trust::LogState;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use url::Url;

use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::layout::Server;

/// A registry, its verified log, and the means to talk to it.
pub struct Remote {
    runtime: Runtime,
    client: Client,
    follower: LogFollower,
}

impl Remote {
    /// Opens the registry that the server was enrolled with.
    pub fn open(server: &Server, token: Option<SecretString>) -> Result<Self, Error> {
        let follower = follower(server)?.ok_or_else(|| not_enrolled(server))?;
        Ok(Self {
            runtime: runtime()?,
            client: Client::new(follower.url().clone(), token)?,
            follower,
        })
    }

    /// Takes in what the log has grown by, and notes that it did.
    pub(crate) fn sync(&mut self, server: &Server, now: Timestamp) -> Result<&LogState, Error> {
        let state = self.runtime.block_on(self.follower.sync(&self.client))?;
        note_sync(server, now)?;
        Ok(state)
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for what the network brings.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// Begins to follow a registry's log from an anchor. Once is enough; the same again changes
/// nothing, another registry or log is refused.
pub fn enroll(
    server: &Server,
    url: Url,
    anchor: Anchor,
    token: Option<SecretString>,
    now: Timestamp,
) -> Result<LogState, Error> {
    durable::create_private_directory(server.state())?;
    if let Some(follower) = follower(server)? {
        if *follower.url() != url {
            return Err(Error::EnrolledElsewhere {
                url: Box::new(follower.url().clone()),
                origin: follower.origin().to_owned(),
            });
        }
        follower.check_anchor(&anchor)?;
        return Ok(follower.state().clone());
    }
    let client = Client::new(url, token)?;
    let follower =
        runtime()?.block_on(LogFollower::enroll(&server.log(), &client, Some(anchor)))?;
    note_sync(server, now)?;
    Ok(follower.state().clone())
}

/// Returns what is remembered of the log, without network; `None` before `enroll`.
pub(crate) fn remembered(server: &Server) -> Result<Option<LogFollower>, Error> {
    follower(server)
}

/// Notes when the log was last read. Two projects may do so at once, and only people read it: a
/// torn line is as good as none.
fn note_sync(server: &Server, now: Timestamp) -> Result<(), Error> {
    let path = server.synced();
    std::fs::write(&path, format!("{now}\n")).on("write", path)
}

/// Returns when the log was last read from the registry.
pub(crate) fn last_sync(server: &Server) -> Result<Option<Timestamp>, Error> {
    Ok(durable::read(&server.synced())?
        .and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok()))
}

pub(crate) fn not_enrolled(server: &Server) -> Error {
    Error::NotEnrolled {
        state: server.state().to_owned(),
    }
}

fn follower(server: &Server) -> Result<Option<LogFollower>, Error> {
    Ok(LogFollower::open(&server.log())?)
}

/// One thread is enough for the network; files are written by threads of their own.
fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}
