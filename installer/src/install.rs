//! Install: from a channel to the release that is live, in one fixed order. Whatever fails before
//! the switch leaves the live release as it was.

mod note;
mod place;
mod tree;
mod trees;

use std::num::NonZeroUsize;

use bulla_bundle::Progress;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName, Timestamp};

use crate::activate::activate;
use crate::current;
use crate::durable;
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::garbage;
use crate::history::History;
use crate::hold;
use crate::journal::Step;
use crate::layout::{Place, Server};
use crate::lock::{self, Lock};
use crate::record::TreeRecord;
use crate::recover::{self, Recovered};
use crate::remote::Remote;
use crate::remove;
use crate::resolve::{Asked, resolve};
use crate::share::Link;
use crate::verify;

pub use note::ReleaseNote;
pub(crate) use place::close_top;
use tree::Install;

/// What to install, and how.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// The project.
    pub project: ProjectName,
    /// The channel to follow.
    pub channel: ChannelName,
    /// The release that the channel is expected to point to, or an earlier head.
    pub hash: Option<DigestPrefix>,
    /// Whether an earlier head may be installed.
    pub pin_old: bool,
    /// How unchanged files may be shared.
    pub link: Link,
    /// How many releases stay on this disk.
    pub keep: usize,
    /// How many threads write files.
    pub threads: NonZeroUsize,
    /// The time, fixed once for the whole install.
    pub now: Timestamp,
}

/// Hears what happens meanwhile, in sentences and in bytes.
pub trait Observer: Progress {
    /// Something that a person should know and that stops nothing.
    fn note(&self, sentence: &str);
}

/// What an install did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The release that is live.
    pub hash: Digest,
    /// Its revision.
    pub revision: String,
    /// The release that was live before.
    pub from: Option<Digest>,
    /// How it came to be live.
    pub outcome: Outcome,
}

/// How a release came to be live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was live already, and its tree is as it was written.
    AlreadyLive,
    /// Its tree was on this disk.
    OnDisk,
    /// Its tree was written.
    Written {
        /// Files in the release.
        files: u64,
        /// Files that stayed in a recycled tree.
        in_place: u64,
        /// Files that were cloned, copied and hard-linked from other releases.
        shared: [u64; 3],
        /// Bytes of the payload that came over the network.
        downloaded: u64,
        /// Bytes of the payload that an interrupted download had left.
        resumed: u64,
    },
}

/// Makes the channel's head live.
pub fn install(
    server: &Server,
    remote: &mut Remote,
    request: &InstallRequest,
    observer: &dyn Observer,
) -> Result<Installed, Error> {
    let place = server.place(&request.project);
    let _lock = begin(&place, "install", request.now, observer)?;
    failpoint!("install::locked");
    // A file holds one release: that is the one that the channel is expected to point to.
    let in_file = remote.release_in_file();
    let log = remote.sync(server, request.now)?;
    let position = log.position();
    failpoint!("install::log-synced");
    let history = History::read(&place.history())?;
    let asked = Asked {
        project: &request.project,
        channel: &request.channel,
        hash: request.hash.as_ref().or(in_file.as_ref()),
        pin_old: request.pin_old,
    };
    let resolved = resolve(log, asked, &history)?;
    if let Some(warning) = &resolved.warning {
        observer.note(warning);
    }
    failpoint!("install::resolved");
    let from = current::read(&place)?;
    let hold = hold::read(&place.hold())?;
    let install = Install {
        server,
        place: &place,
        remote,
        request,
        resolved: &resolved,
        history: &history,
        live: from,
        hold: hold.as_ref(),
        observer,
    };

    let (revision, outcome) = match revision_of_intact_tree(&place, &resolved.hash)? {
        Some(revision) if from == Some(resolved.hash) => {
            install.bundle()?;
            hold::write(&place.hold(), None)?;
            (revision, Outcome::AlreadyLive)
        }
        Some(revision) => {
            install.bundle()?;
            (revision, Outcome::OnDisk)
        }
        None => install
            .write_tree()
            .inspect_err(|error| install.clean_up(error))?,
    };
    if outcome != Outcome::AlreadyLive {
        let activation = install.activation(revision.clone(), position);
        let step = Step {
            activation,
            hold: None,
        };
        activate(&place, &step)?;
    }
    if let Some(hold) = &hold {
        observer.note(&format!(
            "the hold on {} since {} is cleared",
            hold.hash.short(),
            hold.since
        ));
    }
    // Also when nothing was switched: an install that died after its switch did not come to this.
    collect_garbage(server, &place, request, observer);
    Ok(Installed {
        hash: resolved.hash,
        revision,
        from,
        outcome,
    })
}

/// Locks the project, and finishes or undoes what a dead process left.
pub(crate) fn begin(
    place: &Place,
    command: &str,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Lock, Error> {
    durable::create_private_directory(place.state())?;
    let lock = lock::take(&place.lock(), command, now, &|holder| {
        observer.note(&format!(
            "waiting for {holder}, which is working on {}",
            place.project
        ));
    })?;
    match recover::recover(place)? {
        Recovered::Nothing => {}
        Recovered::Finished => observer.note("an interrupted activation was finished"),
        Recovered::Undone => observer.note("an interrupted activation was undone"),
    }
    Ok(lock)
}

/// Returns the revision of a release whose tree is on this disk, as it was written.
fn revision_of_intact_tree(place: &Place, hash: &Digest) -> Result<Option<String>, Error> {
    let tree = place.tree(hash);
    if !tree.is_dir() {
        return Ok(None);
    }
    let Some(record) = TreeRecord::read(&place.record(hash), hash)? else {
        return Ok(None);
    };
    if !verify::changed(&record, &tree)?.is_empty() {
        return Ok(None);
    }
    place::close_top(&tree)?;
    Ok(note::read(&tree)?
        .filter(|note| note.hash == *hash)
        .map(|note| note.revision))
}

/// Never fails an install: the release is live, and the next install tries again.
fn collect_garbage(
    server: &Server,
    place: &Place,
    request: &InstallRequest,
    observer: &dyn Observer,
) {
    let collect = || {
        let history = History::read(&place.history())?;
        let Some(live) = current::read(place)? else {
            return Ok(0);
        };
        let kept = garbage::kept(&history, &live, None, request.keep);
        remove::remove_tree(&place.spools())?;
        garbage::collect(server, place, &kept)
    };
    if let Err(error) = collect() {
        observer.note(&format!("old releases could not be removed: {error}"));
    }
}
