//! A revision of a Subversion directory, read through the user's `svn` program.
//!
//! Authentication, certificates and proxies are that program's. What is packed comes from the
//! repository at one pinned revision, never from the working copy: keywords are not expanded,
//! lines of `svn:eol-style=native` files end with LF, externals are left out. The working copy
//! only says which revision, and is looked at to find changes that are in none.
//!
//! The release document names the revision in which the packed directory last changed, not the
//! one that was asked for, so that a commit elsewhere in the repository changes no hash, and a
//! working copy and a URL give the same one.

mod export;
mod externals;
mod program;
mod working_copy;
mod xml;

use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::recipe::RECIPE_FILE;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;

use super::{Checkout, Provenance, SourceError, SourceSpec, untracked_warning};
use export::SvnTree;
use program::Svn;
use working_copy::WorkingCopy;
use xml::Info;

/// Opens the directory at `url`.
pub(super) fn open_url(url: &str, spec: &SourceSpec) -> Result<Checkout, SourceError> {
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
    let top = directory
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(root))
        .find(|ancestor| ancestor.join(RECIPE_FILE).exists())
        .unwrap_or(directory);
    let svn = Svn::new(&top.display().to_string(), &spec.spool);
    let operand = program::path_operand(top)?;
    if let Some(revision) = &spec.revision {
        let revision = program::revision(revision, &svn.repository)?;
        let info = svn.info(&operand, Some(&revision))?;
        return from_repository(&svn, &info, Some(top));
    }
    let info = svn.info(&operand, None)?;
    let working_copy = WorkingCopy::look(&svn, top, &operand)?;
    let mut checkout = if working_copy.is_clean() {
        from_repository(&svn, &info, Some(top))?
    } else {
        if !spec.allow_dirty || working_copy.is_unreadable() {
            return Err(working_copy.refusal(top));
        }
        let mut checkout = build(&svn, &info, Some(top), export::working_copy(&svn, top)?)?;
        checkout.provenance.dirty = true;
        checkout
    };
    checkout
        .warnings
        .extend(untracked_warning(&working_copy.untracked));
    Ok(checkout)
}

/// Exports the revision that `info` names. The repository itself is asked once more: what it
/// says about the last change is the same for everyone.
fn from_repository(
    svn: &Svn,
    info: &Info,
    directory: Option<&Path>,
) -> Result<Checkout, SourceError> {
    let target = format!("{}@{}", info.url, info.revision);
    let pinned = svn.info(&target, Some(&info.revision))?;
    build(svn, &pinned, directory, export::revision(svn, &pinned)?)
}

fn build(
    svn: &Svn,
    info: &Info,
    directory: Option<&Path>,
    tree: SvnTree,
) -> Result<Checkout, SourceError> {
    let Some(commit) = &info.commit else {
        return Err(SourceError::NeverCommitted {
            repository: svn.repository.clone(),
        });
    };
    let path = info.path();
    let committed = commit
        .date()
        .map_err(|source| SourceError::CommitTime {
            revision: format!("r{}", commit.revision),
            source,
        })?
        .unwrap_or(Timestamp::EPOCH);
    Ok(Checkout {
        source: Source::Svn {
            revision: commit.revision.clone(),
            uuid: info.repository.uuid.clone(),
            path: path.clone(),
            committed,
        },
        provenance: Provenance {
            source: format!("svn+{}", public_url(&info.repository.root)),
            label: label(&path),
            reference: path,
            dirty: false,
            build: Build::None,
        },
        warnings: Vec::new(),
        directory: directory.map(Path::to_owned),
        tree: Box::new(tree),
    })
}

/// Returns the last name of a path like `tags/NAME` or `project/tags/NAME`.
fn label(path: &str) -> String {
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(name), Some("tags")) => name.to_owned(),
        _ => String::new(),
    }
}

fn public_url(root: &str) -> String {
    match url::Url::parse(root) {
        Ok(mut url) => {
            // Both fail only for URLs without a host, which have no user.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => root.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_label() {
        assert_eq!(label("tags/1.2"), "1.2");
        assert_eq!(label("billing/tags/1.2"), "1.2");
        for path in ["", "trunk", "tags", "tags/1.2/src", "mytags/1"] {
            assert_eq!(label(path), "", "{path}");
        }
    }

    #[test]
    fn users_are_not_part_of_the_source() {
        assert_eq!(
            public_url("svn+ssh://ada@example.com/srv/repo"),
            "svn+ssh://example.com/srv/repo"
        );
        assert_eq!(
            public_url("https://ada:secret@example.com/repo"),
            "https://example.com/repo"
        );
        assert_eq!(public_url("file:///srv/repo"), "file:///srv/repo");
    }
}
