//! A commit of a git repository, read from its object database alone.
//!
//! The work tree is looked at only to find changes that are in no commit. Objects are read as
//! they are stored: no replacement objects (`git replace`), no filters, no line-ending conversion,
//! no `GIT_*` variables, no configuration but the repository's own.

mod changes;
mod names;
mod objects;
mod tree;

use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::release::Source;

use super::{Checkout, Provenance, SourceError, SourceSpec, untracked_warning};
use changes::Changes;
use objects::Objects;

/// Opens the commit that `spec` names in the repository at `top`.
pub(super) fn open(top: &Path, spec: &SourceSpec) -> Result<Checkout, SourceError> {
    let objects = Objects::open(top)?;
    let repository = objects.take();
    let commit = names::commit(&repository, top, spec.revision.as_deref())?;
    let source = release_source(&commit, top)?;
    let reference = names::reference(&repository, spec.revision.as_deref(), commit.id);
    let mut provenance = Provenance {
        source: names::source(&repository, top),
        label: names::label(&repository, &reference, commit.id),
        reference,
        dirty: false,
    };

    let mut warnings = Vec::new();
    let mut entries = tree::entries(&commit, top)?;
    if spec.revision.is_none()
        && let Some(work_tree) = repository.workdir()
    {
        let changes = Changes::find(top)?;
        warnings.extend(untracked_warning(&changes.untracked()));
        if !changes.is_empty() && !spec.allow_dirty {
            return Err(SourceError::Dirty {
                checkout: work_tree.to_owned(),
                changes: changes.listing(),
            });
        }
        if !changes.is_empty() {
            entries = changes.apply(&repository, work_tree)?;
            provenance.dirty = true;
        }
    }
    let directory = repository.workdir().map(Path::to_owned);
    drop(commit);
    objects.put(repository);
    Ok(Checkout {
        source,
        provenance,
        warnings,
        directory,
        tree: Box::new(tree::GitTree::new(objects, entries)),
    })
}

fn release_source(commit: &gix::Commit<'_>, top: &Path) -> Result<Source, SourceError> {
    let revision = commit.id.to_string();
    let failed = |source| SourceError::Git {
        action: "read the commit",
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
