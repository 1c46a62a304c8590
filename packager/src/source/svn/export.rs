//! What `svn export` wrote into a directory that only this user can enter: a working copy with its
//! changes, or one file.

use std::fs::{self, Metadata};
use std::path::Path;

use bulla_svn::externals;
use quick_xml::DeError;
use tempfile::TempDir;

use super::layer::{Layer, Place};
use super::program::{Svn, path_operand};
use super::xml::{self, Info};
use crate::source::disk::is_executable;
use crate::source::{SourceError, TrackedKind, join};

/// The name of the exported tree in its directory.
pub(super) const TREE: &str = "tree";

/// Writes what the repository has, not what suits this machine.
const EXPORT: [&str; 6] = [
    "export",
    "--quiet",
    "--ignore-keywords",
    "--ignore-externals",
    "--native-eol",
    "LF",
];

/// Exports what lies in a working copy.
pub(super) fn working_copy(svn: &Svn, top: &Path) -> Result<Layer, SourceError> {
    let target = path_operand(top)?;
    let propget = ["propget", "--xml", "--recursive"];
    let properties = svn.run(&propget, &["svn:externals", &target])?;
    let properties = xml::parse_properties(&properties, "svn:externals")
        .map_err(|source| svn.unreadable("propget", source))?;

    let directory = private_directory(&svn.spool)?;
    let root = directory.path().join(TREE);
    svn.run(&EXPORT, &[target, path_operand(&root)?])?;

    let mut layer = list(&root)?;
    for (path, value) in &properties {
        let below = Path::new(path)
            .strip_prefix(top)
            .ok()
            .and_then(Path::to_str);
        let below = below.ok_or_else(|| {
            let what = format!("expected a path below `{}`, found {path:?}", top.display());
            svn.unreadable("propget", DeError::Custom(what))
        })?;
        layer.externals.extend(externals::read(value, below));
    }
    layer.export = Some(directory);
    Ok(layer)
}

/// Exports one file from the repository; its entry has no path.
pub(super) fn file(svn: &Svn, pinned: &Info) -> Result<Layer, SourceError> {
    let target = format!("{}@{}", pinned.url, pinned.revision);
    let directory = private_directory(&svn.spool)?;
    let path = directory.path().join(TREE);
    let mut export = EXPORT.to_vec();
    let revision = pinned.revision.to_string();
    export.extend(["-r", &revision]);
    svn.run(&export, &[target, path_operand(&path)?])?;
    let mut layer = Layer::default();
    let metadata = path
        .symlink_metadata()
        .map_err(|source| SourceError::io("cannot read", &path, source))?;
    layer.add(Vec::new(), kind(&metadata), Place::File(path));
    layer.export = Some(directory);
    Ok(layer)
}

/// Lists everything below `root`.
fn list(root: &Path) -> Result<Layer, SourceError> {
    let mut layer = Layer::default();
    let mut pending = vec![(root.to_owned(), Vec::new())];
    while let Some((directory, prefix)) = pending.pop() {
        let failed = |source| SourceError::io("cannot read", &directory, source);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = join(&prefix, entry.file_name().as_encoded_bytes());
            let metadata = entry.metadata().map_err(failed)?;
            if metadata.is_dir() {
                pending.push((entry.path(), path.clone()));
                layer.add(path, TrackedKind::Directory, Place::Nowhere);
                continue;
            }
            layer.add(path, kind(&metadata), Place::File(entry.path()));
        }
    }
    Ok(layer)
}

fn kind(metadata: &Metadata) -> TrackedKind {
    if metadata.is_symlink() {
        TrackedKind::Link
    } else {
        TrackedKind::File {
            executable: is_executable(metadata),
        }
    }
}

/// Makes a directory that only this user can enter.
pub(super) fn private_directory(spool: &Path) -> Result<TempDir, SourceError> {
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
