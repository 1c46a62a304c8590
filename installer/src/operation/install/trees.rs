//! The trees of older releases that a new one may take files from, and the one that it may become.

use bulla_schemas::Digest;

use super::attempt::Attempt;
use super::error::InstallError;
use crate::operation::garbage;
use crate::site::Site;
use crate::state::StateError;
use crate::state::record::{Recorded, TreeRecord};
use crate::tree::plan::{LocalTree, Origin, Plan};
use crate::tree::{Link, releases, share};

/// What is on this disk of a project.
pub(super) struct Trees {
    /// The live tree first, then the latest activated.
    pub(super) others: Vec<LocalTree>,
    /// The tree that the new one is made of.
    pub(super) recycled: Option<LocalTree>,
    live: Option<Digest>,
}

impl Trees {
    /// Finds the trees that have a record; those without one are looked at by nobody.
    pub(super) fn find(install: &Attempt<'_>) -> Result<Self, InstallError> {
        let site = install.site;
        let hash = install.resolved.hash;
        let on_disk = releases::on_disk(site)?;
        let kept = garbage::kept(install.history, &hash, install.hold, install.request.keep);
        let mut order: Vec<Digest> = install.live.into_iter().collect();
        order.extend(install.history.latest_first());
        let mut trees = Self {
            others: Vec::new(),
            recycled: None,
            live: install.live,
        };
        for candidate in order {
            let is_known = trees
                .others
                .iter()
                .any(|tree| tree.record.hash == candidate);
            if is_known || candidate == hash || !on_disk.contains(&candidate) {
                continue;
            }
            let Some(record) = TreeRecord::read(&site.record(&candidate), &candidate)? else {
                continue;
            };
            let tree = LocalTree {
                path: site.tree(&candidate),
                record,
            };
            let is_free = !kept.contains(&candidate) && install.live != Some(candidate);
            // Hard links would let a change of a time reach other releases.
            if is_free && trees.recycled.is_none() && install.request.link != Link::Hard {
                trees.recycled = Some(tree);
            } else {
                trees.others.push(tree);
            }
        }
        Ok(trees)
    }

    /// Returns the live tree.
    pub(super) fn live(&self) -> Option<&LocalTree> {
        self.others
            .iter()
            .find(|tree| Some(tree.record.hash) == self.live)
    }

    /// Writes into the records of other trees which files will be shared: their ctimes are going
    /// to change without anybody having touched them.
    pub(super) fn note_shared(&self, site: &Site, plan: &Plan<'_>) -> Result<(), StateError> {
        let mut records: Vec<Option<TreeRecord>> = self.others.iter().map(|_| None).collect();
        for file in &plan.files {
            if let Origin::Tree { tree, recorded } = file.origin {
                let record = records[tree].get_or_insert_with(|| self.others[tree].record.clone());
                if let Recorded::File { stamp, .. } = &mut record.paths[recorded].kind {
                    stamp.ctime = None;
                }
            }
        }
        for record in records.iter().flatten() {
            record.write(&site.record(&record.hash))?;
        }
        Ok(())
    }

    /// Tells whether files of other trees can be cloned here, by cloning one.
    pub(super) fn can_clone(&self, link: Link) -> bool {
        matches!(link, Link::Auto | Link::Clone)
            && self.others.first().is_some_and(share::can_clone)
    }
}
