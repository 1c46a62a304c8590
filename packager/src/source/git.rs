//! A commit of a git repository, read from its object database alone.
//!
//! The work tree is looked at only to find changes that are in no commit. Objects are read as
//! they are stored: no replacement objects (`git replace`), no filters, no line-ending conversion,
//! no `GIT_*` variables, no configuration but the repository's own.

mod attributes;
mod changes;
mod index;
mod large;
mod lfs;
mod names;
mod objects;
mod program;
pub(super) mod remote;
mod resolve;
mod submodules;
mod substitution;
mod tree;
mod verify;

use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;

use super::{Checkout, Provenance, SourceError, SourceSpec, untracked_warning};
use changes::Changes;
use objects::Objects;
use resolve::Origin;
pub use submodules::SubmoduleUrlError;

/// Opens the commit that `spec` names in the repository at `top`.
pub(super) fn open(top: &Path, spec: &SourceSpec) -> Result<Checkout, SourceError> {
    let objects = Objects::open(top, &spec.spool)?;
    let repository = objects.repository();
    let commit = names::commit(&repository, top, spec.revision.as_deref())?;
    let source = release_source(&commit, top)?;
    let reference = names::reference(&repository, spec.revision.as_deref(), commit.id);
    let mut provenance = Provenance {
        source: names::source(&repository, top),
        label: names::label(&repository, &reference, commit.id),
        reference,
        dirty: false,
        build: Build::None,
    };

    // Only what is checked out can differ from what is in a commit.
    let work_tree = repository.workdir().map(Path::to_owned);
    let live = work_tree.as_deref().filter(|_| spec.revision.is_none());
    let changes = live.map_or_else(|| Ok(Changes::default()), |_| Changes::find(top))?;
    let refuse = |changes| match &work_tree {
        Some(checkout) if !spec.allow_dirty => Err(SourceError::Dirty {
            checkout: checkout.clone(),
            changes,
        }),
        _ => Ok(()),
    };
    let entries = match live {
        Some(work_tree) if !changes.is_empty() => {
            refuse(changes.listing())?;
            provenance.dirty = true;
            changes.apply(&repository, work_tree)?
        }
        _ => tree::entries(&commit, top)?,
    };
    if let Some(work_tree) = live {
        let changes = submodules::changes(work_tree, &entries)?;
        if !changes.0.is_empty() {
            refuse(changes)?;
            provenance.dirty = true;
        }
    }
    let origin = Origin {
        top: top.to_owned(),
        commit: commit.id,
        work_tree: work_tree.clone(),
        url: submodules::own_url(&repository, top),
        spool: spec.spool.clone(),
        dirty: provenance.dirty,
        fetched: None,
    };
    Ok(Checkout {
        source,
        provenance,
        warnings: untracked_warning(&changes.untracked())
            .into_iter()
            .collect(),
        directory: work_tree,
        tree: Box::new(tree::GitTree::new(objects, origin, entries)),
    })
}

fn release_source(commit: &gix::Commit<'_>, top: &Path) -> Result<Source, SourceError> {
    let revision = commit.id.to_string();
    let failed = |source| SourceError::Git {
        action: "read a commit of",
        repository: top.to_owned(),
        source,
    };
    let tree = commit.tree_id().map_err(failed)?.to_string();
    let seconds = commit.time().map_err(failed)?.seconds;
    let committed = Timestamp::from_seconds(seconds).map_err(|source| SourceError::CommitTime {
        revision: revision.clone(),
        source,
    })?;
    Ok(Source::Git {
        revision,
        tree,
        committed,
    })
}
