//! The trees on this disk that a new one may take files from, and the one that it may become.

use std::collections::HashSet;

use bulla_schemas::Digest;

use super::error::WriteError;
use crate::drift::examine::{Depth, examine};
use crate::drift::set_aside;
use crate::live::processes::Uses;
use crate::platform::directory;
use crate::site::Site;
use crate::state::bundles;
use crate::state::record::TreeRecord;
use crate::tree::compare::look_over;
use crate::tree::plan::{Local, LocalTree};
use crate::tree::releases;
use crate::tree::survey::survey;

/// What is on this disk of a project.
pub(super) struct Sources {
    trees: Vec<LocalTree>,
    recycled: Option<LocalTree>,
    live: Option<Digest>,
    hidden: Option<String>,
}

impl Sources {
    /// Finds the trees that have a record, in the order given. The first of `free` that nothing
    /// uses, that could be removed, and that is still what was installed becomes the new tree.
    pub(super) fn find(
        site: &Site,
        order: &[Digest],
        live: Option<Digest>,
        free: &HashSet<Digest>,
    ) -> Result<Self, WriteError> {
        let on_disk = releases::on_disk(site)?;
        let mut sources = Self {
            trees: Vec::new(),
            recycled: None,
            live,
            hidden: None,
        };
        let mut uses = None;
        for hash in order {
            if !on_disk.contains(hash) {
                continue;
            }
            let Some(record) = TreeRecord::read(&site.record(hash), hash) else {
                continue;
            };
            let tree = LocalTree {
                path: site.tree(hash),
                record,
                is_as_written: false,
            };
            // Something is mounted on it.
            if directory::open_top(&tree.path).is_err() {
                continue;
            }
            let found = if sources.recycled.is_none() && free.contains(hash) {
                let uses = uses.get_or_insert_with(|| Uses::of_project(site));
                recyclable(site, uses, tree)
            } else {
                Err(tree)
            };
            match found {
                Ok(tree) => sources.recycled = Some(tree),
                Err(tree) => sources.trees.push(tree),
            }
        }
        sources.hidden = uses.and_then(|uses| uses.hidden());
        Ok(sources)
    }

    /// Adds trees that are set aside. They may be changed all over, but whatever is taken from one
    /// is hashed before.
    pub(super) fn add_set_aside(&mut self, site: &Site) -> Result<(), WriteError> {
        for tree in set_aside::list(site)? {
            if let Ok(Some(bundle)) = bundles::read(site, &tree.hash)
                && directory::open_top(&tree.path).is_ok()
            {
                self.trees.push(LocalTree {
                    path: tree.path,
                    record: TreeRecord::unseen(&bundle),
                    is_as_written: false,
                });
            }
        }
        Ok(())
    }

    /// Returns them for a plan.
    pub(super) fn local(&self) -> Local<'_> {
        Local {
            trees: &self.trees,
            recycled: self.recycled.as_ref(),
            live: self.live().map(|tree| &tree.record),
        }
    }

    /// Gives up recycling. The tree stays where it is, and files may be taken from it, unless it
    /// was moved already.
    pub(super) fn give_up_recycling(&mut self) {
        let recycled = self.recycled.take();
        self.trees
            .extend(recycled.filter(|tree| directory::open_top(&tree.path).is_ok()));
    }

    /// Says which processes could not be looked at.
    pub(super) fn hidden(&self) -> Option<&str> {
        self.hidden.as_deref()
    }

    pub(super) fn trees(&self) -> &[LocalTree] {
        &self.trees
    }

    pub(super) const fn recycled(&self) -> Option<&LocalTree> {
        self.recycled.as_ref()
    }

    fn live(&self) -> Option<&LocalTree> {
        self.trees
            .iter()
            .find(|tree| Some(tree.record.hash) == self.live)
    }
}

/// Returns a tree that nothing uses, that could be removed as a whole, and that is still what was
/// installed; else as it was given.
fn recyclable(site: &Site, uses: &Uses, mut tree: LocalTree) -> Result<LocalTree, LocalTree> {
    if uses.of_tree(&tree.path).is_some() {
        return Err(tree);
    }
    let untouched = look_over(&tree.record, &tree.path);
    tree.is_as_written = untouched.is_some_and(|untouched| untouched.is_as_written);
    if tree.is_as_written {
        return Ok(tree);
    }
    if untouched.is_none() {
        match examine(site, &tree.record.hash, Depth::Quick) {
            Ok(Some(found)) if found.is_intact() => tree.record = found.record,
            _ => return Err(tree),
        }
    }
    match survey(&tree.path) {
        Ok(()) => Ok(tree),
        Err(_) => Err(tree),
    }
}
