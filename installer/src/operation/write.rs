//! Writes the tree of a release and puts it in its place: what an install and a repair have in
//! common.
//!
//! ```text
//! plan                     every file: stays in a recycled tree, comes from another one, or is fetched
//! space
//! fetch, extract           at once; but all is fetched before a tree is recycled, which is then
//!                          not there any more, and only then is that looked at: what is used or
//!                          touched stays, and the tree is planned anew
//! what another tree did not hold after all is fetched too
//! sync                     meanwhile its record is written, and the tree that is left is compared
//! put in place             a tree that was there goes to `set-aside/`
//! ```

mod error;
mod sources;

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::{Digest, Timestamp};

use super::edits;
use super::take_out::{Moved, NotTakenOut};
use crate::config::Link;
use crate::drift::set_aside;
use crate::failpoint::failpoint;
use crate::fetch::Supply;
use crate::fetch::pull::Again;
use crate::fetch::pull::payload::{Download, Downloaded};
use crate::fetch::pull::pieces::Pieces;
use crate::fetch::pull::spool::Spool;
use crate::live::processes::Uses;
use crate::observer::{Observer, with_causes};
use crate::platform::files::{self, Attempt as _};
use crate::platform::mounts;
use crate::platform::tick;
use crate::site::Site;
use crate::state::bundles;
use crate::state::history::PromotionRecord;
use crate::state::leftovers::{self, leftover};
use crate::state::record::TreeRecord;
use crate::tree::compare::{Difference, in_words, look_over};
use crate::tree::extract::{Extracted, Extraction, Extractor, Frames};
use crate::tree::place::{self, Finished};
use crate::tree::plan::{self, LocalTree, Plan};
use crate::tree::recycle::Remains;
use crate::tree::space::{self, Need};
use crate::tree::staging::Staging;
use crate::tree::{ReleaseNote, TreeError, note, releases, share};

pub use error::WriteError;
pub(super) use sources::{Ahead, Sources};

/// A tree to write.
pub(super) struct Writing<'a> {
    pub(super) site: &'a Site,
    pub(super) bundle: &'a VerifiedBundle,
    pub(super) promotion: &'a PromotionRecord,
    /// Where missing content comes from; without it, only what is on this disk is used.
    pub(super) supply: Option<&'a Supply>,
    /// What came of the payload with the rest of the bundle; nothing where that was here before.
    pub(super) pieces: Option<&'a Pieces>,
    pub(super) live: Option<Digest>,
    /// What is known to differ in the tree that is in its place now.
    pub(super) differences: &'a [Difference],
    pub(super) link: Link,
    pub(super) threads: NonZeroUsize,
    pub(super) now: Timestamp,
    pub(super) observer: &'a dyn Observer,
}

/// How a tree was written.
#[derive(Debug)]
pub(super) struct Written {
    /// Files that stayed in a recycled tree.
    pub(super) in_place: u64,
    /// Files that were cloned, copied and hard-linked from other releases.
    pub(super) shared: [u64; 3],
    pub(super) downloaded: Downloaded,
    /// What is to be said of the tree that is going to be left, where that was compared.
    pub(super) edits: Option<Vec<String>>,
}

/// A tree in staging.
struct Made {
    top: PathBuf,
    extracted: Extracted,
    written: Written,
    /// The record of the live tree.
    live_record: Option<Arc<TreeRecord>>,
}

impl Writing<'_> {
    /// Writes the tree, with what `sources` have, and puts it in place, durably. A failure leaves
    /// nothing but the frames that have been downloaded.
    pub(super) fn write(&self, sources: Sources) -> Result<Written, WriteError> {
        self.refuse_mounts()?;
        self.make_directories()?;
        let staging = Staging::create(self.site)?;
        let written = self.write_in(&staging, sources);
        // The new tree does not depend on it, and a first error counts more.
        if let Err(error) = staging.remove() {
            let leftover = leftover(staging.path().to_owned(), &error);
            self.observer.note(&leftover.to_string());
            leftovers::add(self.site, leftover);
        }
        written
    }

    /// A tree that would be set aside takes along what is mounted in it, which the application
    /// then does not find any more.
    fn refuse_mounts(&self) -> Result<(), TreeError> {
        let hash = self.bundle.hash();
        // What a link in its place leads to is not moved.
        if !releases::is_on_disk(self.site, &hash) {
            return Ok(());
        }
        let path = self.site.tree(&hash);
        match mounts::below(&path).into_iter().next() {
            Some(point) => Err(TreeError::Mounted {
                point: path.join(point),
                path,
            }),
            None => Ok(()),
        }
    }

    fn write_in(&self, staging: &Staging, sources: Sources) -> Result<Written, WriteError> {
        let (site, live) = (self.site, self.live);
        let is_left = |live: &Digest| *live != self.bundle.hash() && self.supply.is_some();
        let left = live.filter(is_left);
        thread::scope(|scope| {
            // What is kept of the bundle is most of what an update writes, and becomes durable while
            // the tree is made.
            if sources.recycled().is_some() {
                scope.spawn(|| files::sync_file_system(site.state()));
            }
            let made = self.make(staging, sources)?;
            // The tree that is left is compared while the disk is waited for. No download is to come
            // in which it could still be edited.
            let of = |left| move || edits::of_left(site, &left, made.live_record.as_deref());
            let look = left.map(|left| scope.spawn(of(left)));
            self.put(&made.top, made.extracted.record)?;
            let mut written = made.written;
            written.edits = look.and_then(|look| look.join().ok());
            Ok(written)
        })
    }

    /// Puts a tree in its place. Its content is durable before it has its name, which is durable once
    /// `releases/` is synced: before it is live, or here, for a rollback.
    fn put(&self, top: &Path, record: TreeRecord) -> Result<(), WriteError> {
        failpoint!("write::before-sync");
        let note = ReleaseNote::new(self.bundle, self.promotion, self.now);
        let note = note::draft(self.site, &note)?;
        let newest = record.newest();
        let synced = thread::scope(|scope| {
            let syncing = scope.spawn(|| self.sync_file_systems());
            self.keep(record);
            syncing.join()
        });
        synced.unwrap_or_else(|panic| resume_unwind(panic))?;
        failpoint!("write::synced");
        // Nobody edits the tree before it is in place: then an edit is told by its time.
        if !tick::wait_past(top, newest).unwrap_or(false) {
            let _ = files::remove(&self.site.record(&self.bundle.hash()));
        }
        self.put_in_place(top)?;
        note.put_later()?;
        if self.supply.is_none() {
            files::sync_directory(&self.site.releases())?;
        }
        failpoint!("write::tree-in-place");
        Ok(())
    }

    /// Keeps the record of the tree. It is only a hint: without it, or with one that a crash has cut,
    /// the tree is hashed the next time. So it is not waited for.
    fn keep(&self, mut record: TreeRecord) {
        let hash = self.bundle.hash();
        record.index = bundles::index_stamp(self.site, &hash);
        let path = self.site.record(&hash);
        if record.write_later(&path).is_err() {
            let _ = files::remove(&path);
        }
        failpoint!("write::record-written");
    }

    fn make_directories(&self) -> Result<(), WriteError> {
        for directory in [self.site.releases(), self.site.persist()] {
            std::fs::create_dir_all(&directory).attempt("create the directory", &directory)?;
        }
        // Without records, trees are hashed; a spool that is needed is made when it is.
        let _ = files::create_private_directory(&self.site.records());
        Ok(())
    }

    /// Writes the tree in staging.
    fn make(&self, staging: &Staging, mut sources: Sources) -> Result<Made, WriteError> {
        loop {
            let mut plan = plan::plan(self.bundle, sources.local());
            // What cannot be fetched is looked for at any price.
            let bytes = self.supply.map_or(u64::MAX, |_| plan.fetched_bytes());
            if sources.add_farther(self.site, &plan.fetched_contents(), bytes) {
                plan = plan::plan(self.bundle, sources.local());
            }
            if sources.recycled().is_some() && plan.in_place() == 0 {
                sources.give_up_recycling();
                plan = plan::plan(self.bundle, sources.local());
            }
            if self.supply.is_none() && !plan.frames.is_empty() {
                sources.add_set_aside(self.site)?;
                plan = plan::plan(self.bundle, sources.local());
            }
            if self.supply.is_none() && !plan.frames.is_empty() {
                return Err(WriteError::NotOnDisk {
                    paths: plan.fetched_paths(),
                });
            }
            self.check_space(&plan, &sources)?;
            let top = staging.free_path(&self.bundle.hash());
            let remains = sources.recycled().map(|old| Remains::of(&plan, old));
            let extraction = Extraction {
                bundle: self.bundle,
                plan: &plan,
                trees: sources.trees(),
                top: &top,
                remains: remains.as_ref(),
                link: self.link,
                threads: self.threads,
                progress: self.observer,
            };
            self.observer.start(Some(plan.bytes()));
            let extracted = self.extract(&extraction, &sources, staging)?;
            let Some((extracted, downloaded)) = extracted else {
                sources.give_up_recycling();
                continue;
            };
            let written = Written {
                in_place: plan.in_place(),
                shared: extracted.shared,
                downloaded,
                edits: None,
            };
            return Ok(Made {
                top,
                extracted,
                written,
                live_record: sources.live_record(),
            });
        }
    }

    /// Extracts a tree. `None` when the old tree cannot be recycled.
    fn extract(
        &self,
        extraction: &Extraction<'_>,
        sources: &Sources,
        staging: &Staging,
    ) -> Result<Option<(Extracted, Downloaded)>, WriteError> {
        let plan = extraction.plan;
        let (mut extractor, distrusted, mut downloaded);
        if let (Some(old), Some(remains)) = (sources.recycled(), extraction.remains) {
            let (frames, fetched) = self.fetch_all(&plan.frames)?;
            let taken = self.take_out(old, staging, extraction.top);
            let recycled = taken.and_then(|hidden| {
                remains.recycle(extraction.top)?;
                Ok(hidden)
            });
            match recycled {
                Ok(hidden) => hidden.iter().for_each(|hidden| self.observer.note(hidden)),
                Err(error) => {
                    self.say_not_recycled(old, &error);
                    return Ok(None);
                }
            }
            extractor = Extractor::begin(extraction)?;
            distrusted = extractor.write_planned(&frames)?;
            downloaded = fetched;
        } else {
            extractor = Extractor::begin(extraction)?;
            (distrusted, downloaded) = self.fetch_and_write(&mut extractor, &plan.frames)?;
        }
        if !distrusted.is_empty() {
            downloaded = downloaded.and(self.fetch_instead(&mut extractor, plan, &distrusted)?);
        }
        Ok(Some((extractor.finish()?, downloaded)))
    }

    fn say_not_recycled(&self, old: &LocalTree, error: &NotTakenOut) {
        let why = match error {
            NotTakenOut::Changed { path } => format!(
                "`{}` was changed, or given other permissions, since it was written",
                path.display()
            ),
            error => with_causes(error),
        };
        self.observer.note(&format!(
            "the tree of {} cannot be recycled, so that a new one is written: {why}",
            old.record.hash.short(),
        ));
    }

    /// Takes the tree out that is recycled, if nothing uses it and it is what the plan says. Says
    /// whose use of it could not be told.
    fn take_out(
        &self,
        old: &LocalTree,
        staging: &Staging,
        to: &Path,
    ) -> Result<Option<String>, NotTakenOut> {
        let moved = Moved::out(self.site, staging, old.record.hash)?;
        let uses = Uses::of_project(self.site);
        let is_as_planned = |path: &Path| {
            look_over(&old.record, path).is_some_and(|untouched| untouched.is_as_written)
        };
        moved.settle(self.site, &uses, is_as_planned, to)?;
        Ok(uses.hidden())
    }

    /// Fetches frames to the last one.
    fn fetch_all(&self, frames: &[usize]) -> Result<(Frames, Downloaded), WriteError> {
        let Some(supply) = self.supply.filter(|_| !frames.is_empty()) else {
            return Ok((Frames::none(), Downloaded::default()));
        };
        let (download, arrived) = self.download(supply)?;
        let downloaded = supply.wait(download.fetch(self.bundle, frames))?;
        Ok((arrived, downloaded))
    }

    /// Fetches frames while other threads write the files in them.
    fn fetch_and_write(
        &self,
        extractor: &mut Extractor<'_>,
        frames: &[usize],
    ) -> Result<(Vec<usize>, Downloaded), WriteError> {
        let Some(supply) = self.supply.filter(|_| !frames.is_empty()) else {
            let distrusted = extractor.write_planned(&Frames::none())?;
            return Ok((distrusted, Downloaded::default()));
        };
        let (download, arrived) = self.download(supply)?;
        let (downloaded, distrusted) = thread::scope(|scope| {
            let writing = scope.spawn(|| {
                // Dropped here when writing ends early, which ends the download.
                let arrived = arrived;
                extractor.write_planned(&arrived)
            });
            let downloaded = supply.wait(download.fetch(self.bundle, frames));
            let distrusted = writing.join().unwrap_or(Err(TreeError::ThreadDied));
            (downloaded, distrusted)
        });
        // A download that broke off is why the tree is not complete.
        let downloaded = downloaded?;
        Ok((distrusted?, downloaded))
    }

    /// Fetches what other trees were thought to hold.
    fn fetch_instead(
        &self,
        extractor: &mut Extractor<'_>,
        plan: &Plan<'_>,
        distrusted: &[usize],
    ) -> Result<Downloaded, WriteError> {
        let paths = plan.paths_of(distrusted);
        if self.supply.is_none() {
            return Err(WriteError::NotOnDisk { paths });
        }
        for path in paths {
            self.observer.note(&format!(
                "the copy of `{path}` on this disk is not what it was; it is fetched instead"
            ));
        }
        let frames = plan.frames_of(self.bundle, distrusted);
        let (frames, downloaded) = self.fetch_all(&frames)?;
        extractor.write_from_payload(distrusted, &frames)?;
        Ok(downloaded)
    }

    fn download(&self, supply: &Supply) -> Result<(Download<'_>, Frames), WriteError> {
        let payload = self.bundle.manifest().payload();
        let spool = Spool::open(self.site.spool(&self.bundle.hash()), payload.size)?;
        let (arrivals, arrived) = mpsc::channel();
        let frames = Frames::new(spool.file(), arrived);
        let download = Download {
            source: supply.source().clone(),
            project: self.site.project().clone(),
            spool,
            pieces: self
                .pieces
                .map(|pieces| pieces.decoder(self.bundle, self.observer)),
            again: self.again()?,
            arrivals,
        };
        Ok((download, frames))
    }

    /// A bundle that was here before came with no piece of its payload. A tree that was changed lacks
    /// what was changed in it, of which a delta has nothing.
    fn again(&self) -> Result<Option<Again<'_>>, WriteError> {
        if self.pieces.is_some() || releases::is_on_disk(self.site, &self.bundle.hash()) {
            return Ok(None);
        }
        Ok(Some(Again {
            site: self.site,
            known: releases::likeliest_first(self.site, self.live)?,
            observer: self.observer,
        }))
    }

    /// The payload's missing frames go to the state directory, the tree to the root.
    fn check_space(&self, plan: &Plan<'_>, sources: &Sources) -> Result<(), TreeError> {
        let clones = matches!(self.link, Link::Auto | Link::Clone)
            && sources
                .trees()
                .first()
                .is_some_and(|tree| share::can_clone(&tree.path, &tree.record));
        let mut spool = Need::default();
        for position in &plan.frames {
            spool.add(
                self.bundle.payload_frames()[*position]
                    .record
                    .compressed_size,
            );
        }
        // Without a download, nothing of the state has to fit.
        if !plan.frames.is_empty() {
            spool.inodes = 8;
        }
        space::check(
            (
                &self.site.releases(),
                plan.need(clones || self.link == Link::Hard),
            ),
            (self.site.state(), spool),
        )
    }

    fn sync_file_systems(&self) -> Result<(), WriteError> {
        files::sync_file_system(&self.site.releases())?;
        if !files::is_same_file_system(&self.site.releases(), self.site.state())? {
            files::sync_file_system(self.site.state())?;
        }
        Ok(())
    }

    fn put_in_place(&self, staged: &Path) -> Result<(), WriteError> {
        let hash = self.bundle.hash();
        let aside = set_aside::free_path(self.site, &hash, self.now);
        let finished = Finished {
            hash: &hash,
            staged,
            is_live: self.live == Some(hash),
            aside: &aside,
        };
        if place::put(self.site, finished)? {
            set_aside::describe(&aside, self.differences);
            let what = match set_aside::stand_in(&aside) {
                Some(kind) => format!("a {kind} was in the place of the tree of {}", hash.short()),
                None => format!(
                    "the tree of {} was changed ({})",
                    hash.short(),
                    in_words(self.differences)
                ),
            };
            self.observer
                .note(&format!("{what} and now lies in `{}`", aside.display()));
        }
        Ok(())
    }
}
