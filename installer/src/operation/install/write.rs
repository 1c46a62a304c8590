//! The part of an install that writes: pull, verify, extract, make durable, put in place.

use std::path::PathBuf;
use std::sync::mpsc;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::outcome::FailureKind;

use super::attempt::Attempt;
use super::error::InstallError;
use super::request::Outcome;
use super::trees::Trees;
use super::unsupported;
use crate::failpoint::failpoint;
use crate::fetch::pull;
use crate::fetch::pull::payload::{Download, Downloaded};
use crate::fetch::pull::spool::Spool;
use crate::fetch::supply::Source;
use crate::platform::disk;
use crate::platform::files::{self, OnPath as _};
use crate::state::bundles;
use crate::tree::extract::{Extracted, Extraction, Frames, extract};
use crate::tree::place::{self, Finished};
use crate::tree::plan::{self, Plan};
use crate::tree::space::{self, Need};
use crate::tree::{Link, ReleaseNote, TreeError, persist, recycle, releases, remove};

impl Attempt<'_> {
    /// Pulls, verifies and extracts, and puts the tree in place, durably. Returns the revision.
    pub(super) fn write_tree(&self) -> Result<(String, Outcome), InstallError> {
        let bundle = self.bundle()?;
        unsupported::refuse(&bundle.release().install)?;
        failpoint!("pull::index-stored");
        self.make_site()?;
        let mut trees = Trees::find(self)?;
        let (extracted, downloaded, in_place) = loop {
            match self.extract(&bundle, &trees) {
                // A disk that lies: the next attempt takes that content from elsewhere.
                Err(InstallError::Tree(TreeError::LocalContent { path, tree }))
                    if tree < trees.others.len() =>
                {
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
            .write_later(&self.site.record(&bundle.hash()))?;
        failpoint!("install::record-written");
        self.sync_file_systems()?;
        failpoint!("install::synced");
        let finished = Finished {
            hash: &bundle.hash(),
            staged: &self.staged(),
            is_live: self.live == Some(bundle.hash()),
            now: self.request.now,
        };
        let aside = place::put(self.site, finished)?;
        failpoint!("install::tree-in-place");
        if let Some(aside) = aside {
            self.observer.note(&format!(
                "the tree of {} was changed by hand and now lies in `{}`",
                bundle.hash().short(),
                aside.display()
            ));
        }
        remove::remove_tree(&self.site.staging())?;
        for file in persist::prepare(self.site, &bundle.release().install)? {
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
    pub(super) fn clean_up(&self, error: &InstallError) {
        let hash = self.resolved.hash;
        let mut removed: Vec<Result<(), InstallError>> =
            vec![remove::remove_tree(&self.site.staging()).map_err(Into::into)];
        if error.kind() == FailureKind::Refused {
            removed.push(remove::remove_tree(&self.site.spools()).map_err(Into::into));
            if !self.site.tree(&hash).exists() {
                removed.push(bundles::remove(self.site, &hash).map_err(Into::into));
            }
        }
        for error in removed.into_iter().filter_map(Result::err) {
            self.observer.note(&format!("swept later: {error}"));
        }
    }

    /// Takes the bundle from this disk, or fetches all of it but the payload.
    pub(super) fn bundle(&self) -> Result<VerifiedBundle, InstallError> {
        let hash = self.resolved.hash;
        // What is damaged here is fetched again.
        if let Ok(Some(bundle)) = bundles::read(self.site, &hash) {
            return Ok(bundle);
        }
        let client = match self.supply.source() {
            Source::Registry(client) => client,
            Source::File(file) => {
                return Ok(pull::take(self.site, file, (hash, self.resolved.size))?);
            }
        };
        let known = releases::on_disk(self.site)?;
        let bundle = self.supply.wait(pull::pull(
            self.site,
            client,
            (hash, self.resolved.size),
            &known,
        ))?;
        bundles::store(self.site, &bundle)?;
        Ok(bundle)
    }

    fn make_site(&self) -> Result<(), InstallError> {
        for directory in [self.site.releases(), self.site.persist()] {
            std::fs::create_dir_all(&directory).on("create the directory", &directory)?;
        }
        for directory in [self.site.records(), self.site.spools()] {
            files::create_private_directory(&directory)?;
        }
        Ok(())
    }

    /// Writes the tree into staging while its missing frames arrive. A failure leaves nothing
    /// but the frames.
    fn extract(
        &self,
        bundle: &VerifiedBundle,
        trees: &Trees,
    ) -> Result<(Extracted, Downloaded, u64), InstallError> {
        let plan = plan::plan(
            bundle,
            &trees.others,
            trees.recycled.as_ref(),
            trees.live().map(|tree| &tree.record),
        );
        self.check_space(bundle, &plan, trees)?;
        if self.request.link == Link::Hard {
            trees.note_shared(self.site, &plan)?;
        }
        let top = self.staged();
        if let Some(recycled) = &trees.recycled {
            recycle::recycle(self.site, &plan, &recycled.record, &top)?;
        }
        let result = self.extract_planned(bundle, &plan, trees);
        if result.is_err() {
            // The first error counts; what cannot be removed now is swept at the next start.
            let _ = remove::remove_tree(&self.site.staging());
        }
        let (extracted, downloaded) = result?;
        Ok((extracted, downloaded, plan.in_place()))
    }

    fn extract_planned(
        &self,
        bundle: &VerifiedBundle,
        plan: &Plan<'_>,
        trees: &Trees,
    ) -> Result<(Extracted, Downloaded), InstallError> {
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
        let spool = Spool::open(self.site.spool(&hash), bundle.manifest().payload().size)?;
        let (arrivals, arrived) = mpsc::channel();
        let frames = Frames::new(spool.file(), arrived);
        let download = Download {
            source: self.supply.source().clone(),
            project: self.site.project().clone(),
            spool,
            arrivals,
        };
        // Files are written by other threads while this one waits for the network.
        let (downloaded, extracted) = std::thread::scope(|scope| {
            let extracting = scope.spawn(|| {
                let frames = frames;
                extract(&extraction, &frames)
            });
            let downloaded = self.supply.wait(download.fetch(bundle, &plan.frames));
            let extracted = extracting.join().unwrap_or(Err(TreeError::ThreadDied));
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
    ) -> Result<(), InstallError> {
        let shares = self.request.link == Link::Hard || trees.can_clone(self.request.link);
        let mut spool = Need::default();
        for position in &plan.frames {
            spool.add(bundle.payload_frames()[*position].record.compressed_size);
        }
        spool.inodes = 8;
        Ok(space::check(
            (&self.site.releases(), plan.need(shares)),
            (self.site.state(), spool),
        )?)
    }

    fn sync_file_systems(&self) -> Result<(), InstallError> {
        disk::sync_file_system(&self.site.releases())?;
        if !disk::is_same_file_system(&self.site.releases(), self.site.state())? {
            disk::sync_file_system(self.site.state())?;
        }
        Ok(())
    }

    fn staged(&self) -> PathBuf {
        self.site.staging().join(self.resolved.hash.hex())
    }
}
