//! The trees on this disk that a new one may take files from, and the one that it may become.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bulla_schemas::Digest;

use super::error::WriteError;
use crate::drift::set_aside;
use crate::live::current;
use crate::live::processes::Uses;
use crate::platform::directory;
use crate::site::Site;
use crate::state::bundles;
use crate::state::record::TreeRecord;
use crate::tree::plan::{Local, LocalTree};
use crate::tree::releases;

/// A record of fewer bytes costs nothing to speak of.
const SMALL: u64 = 256 * 1024;

/// What is on this disk of a project.
pub(in crate::operation) struct Sources {
    trees: Vec<LocalTree>,
    recycled: Option<LocalTree>,
    /// Releases whose trees are only looked into for what the nearer ones do not have.
    farther: Vec<Digest>,
    live: Option<Digest>,
}

/// What is looked up on this disk before it is known what for: as soon as a log has grown, it is
/// waited for.
#[derive(Default)]
pub(in crate::operation) struct Ahead {
    records: HashMap<Digest, Option<TreeRecord>>,
    uses: Option<Uses>,
}

impl Ahead {
    /// Reads the record of the live release, and who uses the trees.
    pub(in crate::operation) fn look(site: &Site) -> Self {
        let live = current::read(site).ok().flatten();
        let (uses, records) = rayon::join(
            || live.map(|_| Uses::of_project(site)),
            || read_all(site, live.iter().collect()),
        );
        Self { records, uses }
    }
}

impl Sources {
    /// Finds the trees that have a record, in the order given. The first of `free` that nothing uses
    /// becomes the new tree, if it turns out to be as the installer wrote it, and still unused once it
    /// is moved. Of the others, the live one and the first are near.
    pub(in crate::operation) fn find(
        site: &Site,
        order: &[Digest],
        live: Option<Digest>,
        free: &HashSet<Digest>,
        ahead: Option<Ahead>,
    ) -> Result<Self, WriteError> {
        let on_disk = releases::on_disk(site)?;
        let mut sources = Self {
            trees: Vec::new(),
            recycled: None,
            farther: Vec::new(),
            live,
        };
        let is_there = |hash: &&Digest| on_disk.contains(hash);
        let first_free = order
            .iter()
            .filter(is_there)
            .find(|hash| free.contains(hash));
        let known = ahead.unwrap_or_default();
        let is_new = |hash: &&Digest| !known.records.contains_key(hash);
        let likely: Vec<&Digest> = live.iter().chain(first_free).filter(is_new).collect();
        let (uses, records) = rayon::join(
            || {
                let uses = known.uses;
                uses.or_else(|| first_free.map(|_| Uses::of_project(site)))
            },
            || read_all(site, likely),
        );
        let mut records: HashMap<_, _> = known.records.into_iter().chain(records).collect();
        for hash in order.iter().filter(is_there) {
            let may_be_recycled = sources.recycled.is_none() && free.contains(hash);
            let is_near = Some(*hash) == live || sources.trees.is_empty();
            if !may_be_recycled && !is_near {
                sources.farther.push(*hash);
                continue;
            }
            let record = records.remove(hash).unwrap_or_else(|| read(site, hash));
            let tree = record.and_then(|record| LocalTree::find(site.tree(hash), record));
            let Some(tree) = tree else {
                continue;
            };
            let is_unused = |uses: &Uses| uses.of_tree(&tree.path).is_none();
            let is_written = tree.record.is_as_written;
            if may_be_recycled && is_written && uses.as_ref().is_some_and(is_unused) {
                sources.recycled = Some(tree);
            } else {
                sources.trees.push(tree);
            }
        }
        Ok(sources)
    }

    /// Adds the farther trees that should have some of these contents, of so many bytes; tells
    /// whether there are any. A record that is as large as they are is not read for them.
    pub(super) fn add_farther(
        &mut self,
        site: &Site,
        wanted: &HashSet<Digest>,
        bytes: u64,
    ) -> bool {
        let known = self.trees.len();
        let trees = &mut self.trees;
        let most = bytes.max(SMALL);
        self.farther.retain(|hash| {
            let record = TreeRecord::read_with_any(&site.record(hash), hash, wanted, most);
            let tree = record.and_then(|record| LocalTree::find(site.tree(hash), record));
            let is_without = tree.is_none();
            trees.extend(tree);
            is_without
        });
        trees.len() > known
    }

    /// Adds trees that are set aside. They may be changed all over, but whatever is taken from one
    /// is hashed before.
    pub(super) fn add_set_aside(&mut self, site: &Site) -> Result<(), WriteError> {
        for tree in set_aside::list(site)? {
            if let Ok(Some(bundle)) = bundles::read(site, &tree.hash) {
                let record = TreeRecord::unseen(&bundle);
                self.trees.extend(LocalTree::find(tree.path, record));
            }
        }
        Ok(())
    }

    /// Returns them for a plan.
    pub(super) fn local(&self) -> Local<'_> {
        Local {
            trees: &self.trees,
            recycled: self.recycled.as_ref(),
            live: self.live().map(|tree| &*tree.record),
        }
    }

    /// Gives up recycling. The tree stays where it is, and files may be taken from it, unless it
    /// was moved already.
    pub(super) fn give_up_recycling(&mut self) {
        let recycled = self.recycled.take();
        self.trees
            .extend(recycled.filter(|tree| directory::open_top(&tree.path).is_ok()));
    }

    pub(super) fn trees(&self) -> &[LocalTree] {
        &self.trees
    }

    pub(super) const fn recycled(&self) -> Option<&LocalTree> {
        self.recycled.as_ref()
    }

    /// Tells whether the tree of a release would be gone.
    pub(in crate::operation) fn recycles(&self, hash: &Digest) -> bool {
        let recycled = self.recycled.as_ref();
        recycled.is_some_and(|tree| tree.record.hash == *hash)
    }

    /// Returns the record of the live release.
    pub(super) fn live_record(&self) -> Option<Arc<TreeRecord>> {
        self.live().map(|tree| Arc::clone(&tree.record))
    }

    fn live(&self) -> Option<&LocalTree> {
        self.trees
            .iter()
            .find(|tree| Some(tree.record.hash) == self.live)
    }
}

fn read_all(site: &Site, hashes: Vec<&Digest>) -> HashMap<Digest, Option<TreeRecord>> {
    let read = |hash: &Digest| (*hash, read(site, hash));
    hashes.into_iter().map(read).collect()
}

fn read(site: &Site, hash: &Digest) -> Option<TreeRecord> {
    TreeRecord::read(&site.record(hash), hash)
}
