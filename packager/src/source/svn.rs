//! A revision of a Subversion directory.
//!
//! A working copy that is exactly one revision is read by itself, with no server and no program:
//! its database says what there is, its pristine texts are the content. Everything else is read
//! through the user's `svn`, whose authentication, certificates and proxies count: a revision from
//! a fresh working copy in a private directory, local changes from an export. Either way the
//! content is the repository's: keywords are not expanded, and lines end as `svn export
//! --native-eol LF` ends them.
//!
//! The release document names the revision in which the packed directory last changed, not the
//! one that was asked for, so that a commit elsewhere in the repository changes no hash, and a
//! working copy and a URL give the same one.

pub(super) mod address;
mod base;
mod changes;
mod error;
mod export;
mod externals;
mod fresh;
pub(crate) mod history;
mod layer;
mod program;
mod revision;
mod tree;
mod working_copy;
mod xml;

use std::path::Path;

use bulla_schemas::recipe::RECIPE_FILE;
use bulla_svn::Problems;

use super::address::{has_password, without_secrets};
use super::listing::Listing;
use super::ownership::require_own_svn;
use super::special::require_files_of_svn;
use super::{Checkout, Refusal, SourceError, SourceSpec, untracked_warning};
pub use error::{SvnError, SvnFailure};
use externals::above;
pub use externals::error::ExternalError;
use externals::mount::MountBase;
use program::Svn;
use revision::Revision;
use tree::SvnTree;
use xml::Info;

/// Opens the directory at `url`.
pub(super) fn open_url(url: &str, spec: &SourceSpec) -> Result<Checkout, SourceError> {
    refuse_reference(spec, url)?;
    if has_password(url) {
        let url = without_secrets(url);
        return Err(SvnError::PasswordInUrl { url }.into());
    }
    let svn = Svn::new(url, &spec.spool);
    let target = match &spec.revision {
        // A number is also where the URL is looked up: it may be gone by now.
        Some(revision) => format!("{url}@{}", program::revision(revision, url)?),
        None => format!("{url}@HEAD"),
    };
    let info = svn.info(&target, None)?;
    from_repository(&svn, &info, None)
}

/// Opens the revision that the working copy at `root` has, or another one of the same directory.
/// Packs `directory`, or the nearest directory above it that has a recipe.
pub(super) fn open_working_copy(
    root: &Path,
    directory: &Path,
    spec: &SourceSpec,
) -> Result<Checkout, SourceError> {
    require_own_svn(root)?;
    require_files_of_svn(root)?;
    refuse_reference(spec, &directory.display().to_string())?;
    let top = directory
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(root))
        .find(|ancestor| ancestor.join(RECIPE_FILE).exists())
        .unwrap_or(directory);
    let svn = Svn::new(&top.display().to_string(), &spec.spool);
    if let Some(revision) = &spec.revision {
        let revision = program::revision(revision, &svn.repository)?;
        working_copy::require_known_server(root)?;
        let info = svn.info(&program::path_operand(top)?, Some(&revision))?;
        return from_repository(&svn, &info, Some(top));
    }
    let mut working_copy = working_copy::read(root, top)?;
    let mut problems = std::mem::take(&mut working_copy.problems);
    let untracked = changes::find(&working_copy, &svn, &mut problems)?;
    let is_clean = problems.is_empty();
    let mut layer = if is_clean {
        base::layer(&working_copy)?
    } else if spec.allow_dirty && !problems.are_unreadable() {
        export::working_copy(&svn, top)?
    } else {
        return Err(refusal(problems, top).into());
    };
    let from_above = working_copy.from_above.iter().cloned();
    layer.from_above = from_above
        .map(|path| above::in_working_copy(path, top))
        .collect();
    let base = MountBase {
        url: working_copy.url(),
        root: working_copy.repository.root.clone(),
        revision: working_copy.revision(),
        directory: Some(top.to_owned()),
        spool: spec.spool.clone(),
    };
    let tree = SvnTree::new(layer, base);
    let mut checkout = checkout(&working_copy::last_change(&working_copy)?, Some(top), tree);
    checkout.provenance.dirty = !is_clean;
    checkout.warnings.extend(untracked_warning(&untracked));
    Ok(checkout)
}

/// Names every problem of a working copy, and the commands that mend them.
fn refusal(problems: Problems, checkout: &Path) -> SvnError {
    let mut mend = problems.remedies();
    if !problems.are_unreadable() {
        mend.push("`--allow-dirty` packs what lies there into a release that cannot be promoted");
    }
    SvnError::NotOneRevision {
        checkout: checkout.to_owned(),
        mend: mend.join("; "),
        problems: Listing(problems.listing()),
    }
}

/// A Subversion path is what a branch or tag is for git; nothing else can be said to be it.
fn refuse_reference(spec: &SourceSpec, repository: &str) -> Result<(), SvnError> {
    match spec.reference.named {
        None => Ok(()),
        Some(_) => Err(SvnError::Reference {
            repository: without_secrets(repository),
        }),
    }
}

/// Checks out the revision that `info` names. The repository itself is asked once more: what it
/// says about the last change is the same for everyone.
fn from_repository(
    svn: &Svn,
    info: &Info,
    directory: Option<&Path>,
) -> Result<Checkout, SourceError> {
    let target = format!("{}@{}", info.url, info.revision);
    let pinned = svn.info(&target, Some(&info.revision.to_string()))?;
    let revision = Revision::of(&pinned, &svn.repository)?;
    let mut layer = fresh::layer(svn, &pinned)?;
    layer.from_above = above::in_repository(svn, &pinned);
    let base = MountBase {
        url: pinned.url,
        root: pinned.repository.root,
        revision: pinned.revision,
        directory: None,
        spool: svn.spool.clone(),
    };
    let tree = SvnTree::new(layer, base);
    Ok(checkout(&revision, directory, tree))
}

fn checkout(revision: &Revision, directory: Option<&Path>, tree: SvnTree) -> Checkout {
    Checkout {
        source: revision.source(),
        provenance: revision.provenance(),
        warnings: Vec::new(),
        comparison: None,
        refusal: Refusal::default(),
        directory: directory.map(Path::to_owned),
        tree: Box::new(tree),
    }
}
