//! Where releases come from: the registry that this server was enrolled with, or a bundle file
//! that somebody carried here. The border to async code: everything that waits for the network is
//! driven from here, on the calling thread.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bulla_bundle::{BundleFile, Limits, LogCopy, read_bundle_file};
use bulla_registry_client::{Client, CopiedLog, LogFollower};
use bulla_schemas::log::Anchor;
use bulla_schemas::{DigestPrefix, ProjectName, Timestamp};
use bulla_trust::LogState;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use url::Url;

use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::layout::Server;

/// Where releases come from, and the verified log that judges them.
pub struct Remote {
    runtime: Runtime,
    origin: Origin,
    follower: LogFollower,
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A registry.
    Registry(Client),
    /// A bundle file; nobody is asked.
    File(Arc<BundleFile>),
}

impl Remote {
    /// Opens the registry that the server was enrolled with.
    pub fn open(server: &Server, token: Option<SecretString>) -> Result<Self, Error> {
        let follower = follower(server)?.ok_or_else(|| not_enrolled(server))?;
        Ok(Self {
            runtime: runtime()?,
            origin: Origin::Registry(Client::new(follower.url().clone(), token)?),
            follower,
        })
    }

    /// Opens a bundle file and says which project it is of. No network is used; the log is what is
    /// remembered, and the file's copy of it where that goes further.
    pub fn open_file(server: &Server, path: &Path) -> Result<(Self, ProjectName), Error> {
        let follower = follower(server)?.ok_or_else(|| not_enrolled(server))?;
        let file = open_bundle_file(path)?;
        let project = file.bundle().release().project.clone();
        let remote = Self {
            runtime: runtime()?,
            origin: Origin::File(Arc::new(file)),
            follower,
        };
        Ok((remote, project))
    }

    /// Takes in what the log has grown by, and notes that it did.
    pub(crate) fn sync(&mut self, server: &Server, now: Timestamp) -> Result<&LogState, Error> {
        match &self.origin {
            Origin::Registry(client) => {
                self.runtime.block_on(self.follower.sync(client))?;
                note_sync(server, now)?;
            }
            Origin::File(file) => {
                if let Some(log) = file.log() {
                    self.runtime.block_on(self.follower.take_in(copied(log)))?;
                }
            }
        }
        Ok(self.follower.state())
    }

    /// Returns the release that the bundle file holds, where there is one.
    pub(crate) fn release_in_file(&self) -> Option<DigestPrefix> {
        match &self.origin {
            Origin::Registry(_) => None,
            Origin::File(file) => Some(file.bundle().hash().into()),
        }
    }

    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Waits for what the network brings.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

fn open_bundle_file(path: &Path) -> Result<BundleFile, Error> {
    let file = File::open(path).on("open", path)?;
    Ok(read_bundle_file(file, &Limits::default())?)
}

fn copied(log: &LogCopy) -> CopiedLog<'_> {
    CopiedLog {
        found_in: "the bundle file",
        checkpoint: &log.checkpoint,
        entries: &log.entries,
    }
}

/// Begins to follow a registry's log from an anchor. Once is enough; the same again changes
/// nothing, another registry or log is refused. With a bundle file the log is taken from there,
/// and the registry is not asked.
pub fn enroll(
    server: &Server,
    url: Url,
    anchor: Anchor,
    file: Option<&Path>,
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
    let runtime = runtime()?;
    if let Some(path) = file {
        let file = open_bundle_file(path)?;
        let log = file.log().ok_or_else(|| Error::NoLogCopy {
            path: path.to_owned(),
        })?;
        let directory = server.log();
        let enrolled = LogFollower::enroll_from_copy(&directory, url, anchor, copied(log));
        return Ok(runtime.block_on(enrolled)?.state().clone());
    }
    let client = Client::new(url, token)?;
    let follower = runtime.block_on(LogFollower::enroll(&server.log(), &client, Some(anchor)))?;
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
