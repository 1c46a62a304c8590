//! The part of an install that writes: pull, verify, extract, make durable, put in place.

use std::path::PathBuf;
use std::sync::mpsc;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;
use bulla_schemas::outcome::FailureKind;

use super::trees::Trees;
use super::{InstallRequest, Observer, Outcome, ReleaseNote, place};
use crate::bundles;
use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::extract::{Extracted, Extraction, Frames, extract};
use crate::failpoint::failpoint;
use crate::garbage;
use crate::history::{Activation, ActivationAction, History};
use crate::hold::Hold;
use crate::layout::{Place, Server};
use crate::persist;
use crate::plan::{self, Plan};
use crate::pull::{self, Download, Downloaded, Spool};
use crate::recycle;
use crate::remote::{Origin, Remote};
use crate::remove;
use crate::resolve::Resolved;
use crate::share::Link;
use crate::space::{self, Need};
use crate::unsupported;

/// An install that is under way.
pub(super) struct Install<'a> {
    pub(super) server: &'a Server,
    pub(super) place: &'a Place,
    pub(super) remote: &'a Remote,
    pub(super) request: &'a InstallRequest,
    pub(super) resolved: &'a Resolved,
    pub(super) history: &'a History,
    pub(super) live: Option<Digest>,
    pub(super) hold: Option<&'a Hold>,
    pub(super) observer: &'a dyn Observer,
}

impl Install<'_> {
    /// Returns what the journal will say about it.
    pub(super) fn activation(&self, revision: String, log: LogPosition) -> Activation {
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
    pub(super) fn write_tree(&self) -> Result<(String, Outcome), Error> {
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

    /// Removes what a failed install left. Only what is still good is kept: an interrupted
    /// download, which the next install goes on with. What cannot be removed now is swept then.
    pub(super) fn clean_up(&self, error: &Error) {
        let hash = self.resolved.hash;
        let mut removed = vec![remove::remove_tree(&self.place.staging())];
        if error.kind() == FailureKind::Refused {
            removed.push(remove::remove_tree(&self.place.spools()));
            if !self.place.tree(&hash).exists() {
                removed.push(bundles::remove(self.server, &hash));
            }
        }
        for error in removed.into_iter().filter_map(Result::err) {
            self.observer.note(&format!("swept later: {error}"));
        }
    }

    /// Takes the bundle from this disk, or fetches all of it but the payload.
    pub(super) fn bundle(&self) -> Result<VerifiedBundle, Error> {
        let hash = self.resolved.hash;
        // What is damaged here is fetched again.
        if let Ok(Some(bundle)) = bundles::read(self.server, &hash) {
            return Ok(bundle);
        }
        let client = match self.remote.origin() {
            Origin::Registry(client) => client,
            Origin::File(file) => {
                return pull::take(self.server, file, (hash, self.resolved.size));
            }
        };
        let known = garbage::on_disk(self.place)?;
        let bundle = self.remote.wait(pull::pull(
            self.server,
            client,
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
            origin: self.remote.origin().clone(),
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

    fn staged(&self) -> PathBuf {
        self.place.staging().join(self.resolved.hash.hex())
    }
}
