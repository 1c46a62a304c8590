//! A tree that `svn export` wrote into a directory that nobody else can enter.

use std::fs;
use std::io;
use std::path::Path;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use tempfile::TempDir;

use super::program::{Svn, path_operand};
use super::xml::{self, Info};
use crate::select::Filter;
use crate::source::disk::{is_executable, open};
use crate::source::{SourceError, Tracked, TrackedKind, Tree, join};

/// The name of the exported tree in its directory.
const TREE: &str = "tree";

/// The entries of a revision, in files of their own.
pub(super) struct SvnTree {
    /// Holds the tree in `tree/`; removed when it is dropped.
    directory: TempDir,
    tracked: Vec<Tracked>,
}

/// Exports a revision from the repository.
pub(super) fn revision(svn: &Svn, pinned: &Info) -> Result<SvnTree, SourceError> {
    let target = format!("{}@{}", pinned.url, pinned.revision);
    export(svn, &target, &["-r", &pinned.revision], &pinned.url)
}

/// Exports what lies in a working copy.
pub(super) fn working_copy(svn: &Svn, top: &Path) -> Result<SvnTree, SourceError> {
    let base = top.to_string_lossy();
    export(svn, &path_operand(top)?, &[], &base)
}

/// Exports `target`, whose externals `svn` names by paths or URLs below `base`.
fn export(svn: &Svn, target: &str, revision: &[&str], base: &str) -> Result<SvnTree, SourceError> {
    let mut propget = vec!["propget", "--xml", "--recursive"];
    propget.extend(revision);
    let properties = svn.run(&propget, &["svn:externals", target])?;
    let properties =
        xml::parse_properties(&properties).map_err(|source| svn.unreadable("propget", source))?;

    let directory = private_directory(&svn.spool)?;
    let root = directory.path().join(TREE);
    let mut export = vec![
        "export",
        "--quiet",
        "--ignore-keywords",
        "--ignore-externals",
        "--native-eol",
        "LF",
    ];
    export.extend(revision);
    svn.run(&export, &[target, &path_operand(&root)?])?;

    let mut tracked = Vec::new();
    list(&root, &mut tracked)?;
    let externals = properties.iter().flat_map(|target| target.mounts(base));
    tracked.extend(externals.map(|path| Tracked {
        path: path.into_bytes(),
        kind: TrackedKind::External,
    }));
    Ok(SvnTree { directory, tracked })
}

/// Adds everything below `root` to `tracked`.
fn list(root: &Path, tracked: &mut Vec<Tracked>) -> Result<(), SourceError> {
    let mut pending = vec![(root.to_owned(), Vec::new())];
    while let Some((directory, prefix)) = pending.pop() {
        let failed = |source| SourceError::io("cannot read", &directory, source);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = join(&prefix, entry.file_name().as_encoded_bytes());
            let metadata = entry.metadata().map_err(failed)?;
            let kind = if metadata.is_dir() {
                pending.push((entry.path(), path.clone()));
                TrackedKind::Directory
            } else if metadata.is_symlink() {
                TrackedKind::Link
            } else {
                TrackedKind::File {
                    executable: is_executable(&metadata),
                }
            };
            tracked.push(Tracked { path, kind });
        }
    }
    Ok(())
}

impl Tree for SvnTree {
    fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        let tracked = &self.tracked[position];
        let path = gix::path::from_byte_slice(&tracked.path).map_err(io::Error::other)?;
        open(&self.directory.path().join(TREE).join(path), tracked.kind)
    }

    fn resolve(
        self: Box<Self>,
        _section: &SourceSection,
        _filter: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError> {
        Ok(self)
    }
}

/// Makes a directory that only this user can enter.
fn private_directory(spool: &Path) -> Result<TempDir, SourceError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("bulla-svn-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder
        .tempdir_in(spool)
        .map_err(|source| SourceError::io("cannot make a directory in", spool, source))
}
