//! A commit of a git repository, read from its object database alone.
//!
//! The work tree is looked at only to find changes that are in no commit. Objects are read as
//! they are stored: no replacement objects (`git replace`), no filters, no line-ending conversion,
//! no `GIT_*` variables, no configuration but the repository's own.

mod attributes;
mod changes;
mod conversion;
mod error;
mod index;
mod large;
mod lfs;
mod names;
mod objects;
mod private;
mod program;
pub(super) mod remote;
mod resolve;
mod submodules;
mod substitution;
mod tree;
mod verify;
mod work_tree;

use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;

use super::{
    Checkout, Comparison, Provenance, Refusal, SourceError, SourceSpec, untracked_warning,
};
use changes::Changes;
pub use error::{GitContentError, GitError};
use objects::Objects;
pub(super) use private::PrivateRepository;
pub use submodules::SubmoduleUrlError;
use tree::{Entry, TreeContext};

/// Opens the commit that `spec` names in the repository at `top`.
pub(super) fn open(top: &Path, spec: &SourceSpec) -> Result<Checkout, SourceError> {
    let objects = Objects::open(top, &spec.spool)?;
    let repository = objects.repository();
    let commit = names::commit(&repository, top, spec.revision.as_deref())?;
    let source = release_source(&commit, top)?;
    let (reference, label) = names::reference_and_label(&repository, spec, commit.id);
    let mut provenance = Provenance {
        source: names::source(&repository, top),
        label,
        reference,
        dirty: false,
        build: Build::None,
    };

    // Only what is checked out can differ from what is in a commit.
    let work_tree = repository.workdir().map(Path::to_owned);
    let live = work_tree.as_deref().filter(|_| spec.revision.is_none());
    let Compared {
        entries,
        dirty,
        warnings,
        comparison,
    } = match live {
        None => Compared::alone(&commit, top)?,
        Some(work_tree) if spec.allow_dirty => Compared::with_changes(&commit, top, work_tree)?,
        Some(work_tree) => Compared::while_comparing(&commit, top, work_tree)?,
    };
    provenance.dirty = dirty;
    let context = TreeContext {
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
        warnings,
        comparison,
        refusal: Refusal::default(),
        directory: work_tree,
        tree: Box::new(tree::GitTree::new(objects, context, entries)),
    })
}

/// The entries to pack, and how they compare with the work tree.
#[derive(Default)]
struct Compared {
    entries: Vec<Entry>,
    /// Whether changes that are in no commit are among them.
    dirty: bool,
    warnings: Vec<String>,
    comparison: Option<Comparison>,
}

impl Compared {
    /// Takes what a commit has, where nothing is checked out or the commit was named.
    fn alone(commit: &gix::Commit<'_>, top: &Path) -> Result<Self, SourceError> {
        Ok(Self {
            entries: tree::entries(commit, top)?,
            ..Self::default()
        })
    }

    /// Takes the changes of the work tree along.
    fn with_changes(
        commit: &gix::Commit<'_>,
        top: &Path,
        work_tree: &Path,
    ) -> Result<Self, SourceError> {
        // First, for it says what is wrong with the commit itself.
        let committed = tree::entries(commit, top)?;
        let changes = Changes::find(top)?;
        let entries = if changes.is_empty() {
            committed
        } else {
            changes.apply(commit.repo, work_tree)?
        };
        let below = submodules::changes(work_tree, &entries)?;
        Ok(Self {
            dirty: !changes.is_empty() || !below.0.is_empty(),
            entries,
            warnings: untracked_warning(&changes.untracked()),
            comparison: None,
        })
    }

    /// Refuses changes of the work tree: those in submodules here, all others when the comparison
    /// ends.
    fn while_comparing(
        commit: &gix::Commit<'_>,
        top: &Path,
        work_tree: &Path,
    ) -> Result<Self, SourceError> {
        let dirty = |checkout: &Path, changes| GitError::Dirty {
            checkout: checkout.to_owned(),
            changes,
        };
        let (repository, checkout) = (top.to_owned(), work_tree.to_owned());
        let comparison = Comparison::begin(move || {
            let changes = Changes::find(&repository)?;
            if changes.is_empty() {
                Ok(untracked_warning(&changes.untracked()))
            } else {
                Err(dirty(&checkout, changes.listing()).into())
            }
        });
        let entries = tree::entries(commit, top)?;
        let below = submodules::changes(work_tree, &entries)?;
        if !below.0.is_empty() {
            comparison.end()?;
            return Err(dirty(work_tree, below).into());
        }
        Ok(Self {
            entries,
            dirty: false,
            warnings: Vec::new(),
            comparison: Some(comparison),
        })
    }
}

fn release_source(commit: &gix::Commit<'_>, top: &Path) -> Result<Source, SourceError> {
    let revision = commit.id.to_string();
    let failed = |source| GitError::Repository {
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
