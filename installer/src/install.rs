//! Install: from a channel to the release that is live, in one fixed order. Whatever fails before
//! the switch leaves the live release as it was.

mod note;
mod place;
mod trees;

use std::num::NonZeroUsize;
use std::sync::mpsc;

use bulla_bundle::{Progress, VerifiedBundle};
use bulla_schemas::log::LogPosition;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName, Timestamp};

use crate::activate::activate;
use crate::bundles;
use crate::current;
use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::extract::{Extracted, Extraction, Frames, extract};
use crate::failpoint::failpoint;
use crate::garbage;
use crate::history::{Activation, ActivationAction, History};
use crate::hold::{self, Hold};
use crate::journal::Step;
use crate::layout::{Place, Server};
use crate::lock::{self, Lock};
use crate::persist;
use crate::plan::{self, Plan};
use crate::pull::{self, Download, Downloaded, Spool};
use crate::record::TreeRecord;
use crate::recover::{self, Recovered};
use crate::recycle;
use crate::remote::Remote;
use crate::remove;
use crate::resolve::{Asked, Resolved, resolve};
use crate::share::Link;
use crate::space::{self, Need};
use crate::unsupported;
use crate::verify;

pub use note::ReleaseNote;
pub(crate) use place::close_top;
use trees::Trees;

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
    let log = remote.sync(server, request.now)?;
    let position = log.position();
    failpoint!("install::log-synced");
    let history = History::read(&place.history())?;
    let asked = Asked {
        project: &request.project,
        channel: &request.channel,
        hash: request.hash.as_ref(),
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
        None => install.write_tree()?,
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

/// An install that is under way.
struct Install<'a> {
    server: &'a Server,
    place: &'a Place,
    remote: &'a Remote,
    request: &'a InstallRequest,
    resolved: &'a Resolved,
    history: &'a History,
    live: Option<Digest>,
    hold: Option<&'a Hold>,
    observer: &'a dyn Observer,
}

impl Install<'_> {
    fn activation(&self, revision: String, log: LogPosition) -> Activation {
        Activation {
            number: self.history.next_number(),
            action: if self.resolved.is_pinned {
                ActivationAction::PinOld
            } else {
                ActivationAction::Install
            },
            hash: self.resolved.hash,
            from: self.live,
            revision,
            activated_at: self.request.now,
            promotion: self.resolved.promotion.clone(),
            log,
        }
    }

    /// Pulls, verifies and extracts, and puts the tree in place, durably. Returns the revision.
    fn write_tree(&self) -> Result<(String, Outcome), Error> {
        let bundle = self.bundle()?;
        unsupported::refuse(&bundle.release().install)?;
        failpoint!("pull::index-stored");
        self.make_site()?;
        let mut trees = Trees::find(self)?;
        let (extracted, downloaded, in_place) = loop {
            match self.extract(&bundle, &trees) {
                // A disk that lies: the next attempt takes that content from elsewhere.
                Err(Error::LocalContent { path, tree }) if tree < trees.others.len() => {
                    let distrusted = trees.others.remove(tree);
                    self.observer.note(&format!(
                        "`{path}` in `{}` is not what it was; nothing is taken from there",
                        distrusted.path.display()
                    ));
                }
                result => break result?,
            }
        };
        failpoint!("install::before-sync");
        extracted
            .record
            .write_later(&self.place.record(&bundle.hash()))?;
        failpoint!("install::record-written");
        self.sync_file_systems()?;
        failpoint!("install::synced");
        let aside = place::put(self.place, &bundle.hash(), &self.staged(), self.request.now)?;
        failpoint!("install::tree-in-place");
        if let Some(aside) = aside {
            self.observer.note(&format!(
                "the tree of {} was changed by hand and now lies in `{}`",
                bundle.hash().short(),
                aside.display()
            ));
        }
        remove::remove_tree(&self.place.staging())?;
        for file in persist::prepare(self.place, &bundle.release().install)? {
            self.observer.note(&format!(
                "`{}` does not exist yet; the release finds it there once you put it",
                file.display()
            ));
        }
        let outcome = Outcome::Written {
            files: bundle.release().files,
            in_place,
            shared: extracted.shared,
            downloaded: downloaded.bytes,
            resumed: downloaded.resumed,
        };
        Ok((bundle.release().source.revision().to_owned(), outcome))
    }

    /// Takes the bundle from this disk, or fetches all of it but the payload.
    fn bundle(&self) -> Result<VerifiedBundle, Error> {
        let hash = self.resolved.hash;
        // What is damaged here is fetched again.
        if let Ok(Some(bundle)) = bundles::read(self.server, &hash) {
            return Ok(bundle);
        }
        let known = garbage::on_disk(self.place)?;
        let bundle = self.remote.wait(pull::pull(
            self.server,
            self.remote.client(),
            &self.request.project,
            (hash, self.resolved.size),
            &known,
        ))?;
        bundles::store(self.server, &bundle)?;
        Ok(bundle)
    }

    fn make_site(&self) -> Result<(), Error> {
        for directory in [self.place.releases(), self.place.persist()] {
            std::fs::create_dir_all(&directory).on("create the directory", &directory)?;
        }
        for directory in [self.place.records(), self.place.spools()] {
            durable::create_private_directory(&directory)?;
        }
        Ok(())
    }

    /// Writes the tree into staging while its missing frames arrive. A failure leaves nothing
    /// but the frames.
    fn extract(
        &self,
        bundle: &VerifiedBundle,
        trees: &Trees,
    ) -> Result<(Extracted, Downloaded, u64), Error> {
        let plan = plan::plan(
            bundle,
            &trees.others,
            trees.recycled.as_ref(),
            trees.live().map(|tree| &tree.record),
        );
        self.check_space(bundle, &plan, trees)?;
        if self.request.link == Link::Hard {
            trees.note_shared(self.place, &plan)?;
        }
        let top = self.staged();
        if let Some(recycled) = &trees.recycled {
            recycle::recycle(self.server, self.place, &plan, &recycled.record, &top)?;
        }
        let result = self.extract_planned(bundle, &plan, trees);
        if result.is_err() {
            // The first error counts; what cannot be removed now is swept at the next start.
            let _ = remove::remove_tree(&self.place.staging());
        }
        let (extracted, downloaded) = result?;
        Ok((extracted, downloaded, plan.in_place()))
    }

    fn extract_planned(
        &self,
        bundle: &VerifiedBundle,
        plan: &Plan<'_>,
        trees: &Trees,
    ) -> Result<(Extracted, Downloaded), Error> {
        let hash = bundle.hash();
        let note = ReleaseNote::new(bundle, &self.resolved.promotion, self.request.now);
        let top = self.staged();
        let extraction = Extraction {
            bundle,
            plan,
            trees: &trees.others,
            top: &top,
            release_note: &note.to_bytes()?,
            link: self.request.link,
            threads: self.request.threads,
            progress: self.observer,
        };
        self.observer.start(Some(plan.bytes()));
        let spool = Spool::open(self.place.spool(&hash), bundle.manifest().payload().size)?;
        let (arrivals, arrived) = mpsc::channel();
        let frames = Frames::new(spool.file(), arrived);
        let download = Download {
            client: self.remote.client().clone(),
            project: self.request.project.clone(),
            spool,
            arrivals,
        };
        // Files are written by other threads while this one waits for the network.
        let (downloaded, extracted) = std::thread::scope(|scope| {
            let extracting = scope.spawn(|| {
                let frames = frames;
                extract(&extraction, &frames)
            });
            let downloaded = self.remote.wait(download.fetch(bundle, &plan.frames));
            let extracted = extracting.join().unwrap_or(Err(Error::ThreadDied));
            (downloaded, extracted)
        });
        // A download that broke off is why the extraction is not complete.
        let downloaded = downloaded?;
        Ok((extracted?, downloaded))
    }

    /// The payload's missing frames go to the state directory, the tree to the root.
    fn check_space(
        &self,
        bundle: &VerifiedBundle,
        plan: &Plan<'_>,
        trees: &Trees,
    ) -> Result<(), Error> {
        let shares = self.request.link == Link::Hard || trees.can_clone(self.request.link);
        let mut spool = Need::default();
        for position in &plan.frames {
            spool.add(bundle.payload_frames()[*position].record.compressed_size);
        }
        spool.inodes = 8;
        space::check(
            (&self.place.releases(), plan.need(shares)),
            (self.server.state(), spool),
        )
    }

    fn sync_file_systems(&self) -> Result<(), Error> {
        durable::sync_file_system(&self.place.releases())?;
        if !durable::is_same_file_system(&self.place.releases(), self.server.state())? {
            durable::sync_file_system(self.server.state())?;
        }
        Ok(())
    }

    fn staged(&self) -> std::path::PathBuf {
        self.place.staging().join(self.resolved.hash.hex())
    }
}
