//! The entries of a working copy's own revision, without a server and without looking at its files.

use std::sync::Arc;

use bulla_svn::externals::{self, location};
use bulla_svn::{Kind, LineEnds, Node, Pristine, Special, WorkingCopy, WorkingCopyError};

use super::layer::{FileExternal, Layer, Place};
use crate::source::{SourceError, TrackedKind};

/// Lists what the repository has at the working copy's revision.
pub(super) fn layer(working_copy: &WorkingCopy) -> Result<Layer, SourceError> {
    let pristine = Arc::new(Pristine::new(&working_copy.root));
    let mut layer = Layer::default();
    for node in &working_copy.nodes {
        let path = node.below(&working_copy.top);
        if let Some(value) = &node.properties.externals {
            layer.externals.extend(externals::read(value, path));
        }
        if path.is_empty() {
            continue;
        }
        let (kind, place) = match node.kind {
            Kind::Directory => (TrackedKind::Directory, Place::Nowhere),
            Kind::File => file(working_copy, &pristine, node)?,
        };
        layer.add(path.as_bytes().to_vec(), kind, place);
    }
    for node in &working_copy.file_externals {
        layer
            .files
            .extend(file_external(working_copy, &pristine, node)?);
    }
    Ok(layer)
}

/// Returns what a file's node is in a release.
fn file(
    working_copy: &WorkingCopy,
    pristine: &Arc<Pristine>,
    node: &Node,
) -> Result<(TrackedKind, Place), SourceError> {
    let Some(checksum) = node.checksum else {
        return Err(WorkingCopyError::Damaged {
            checkout: working_copy.root.clone(),
            what: format!("the file {:?} has no checksum", node.path),
            source: None,
        }
        .into());
    };
    let mut line_ends = node.properties.line_ends;
    if node.properties.special {
        let path = working_copy.root.join(&node.path);
        let special = pristine
            .special(checksum)
            .map_err(|source| SourceError::io("cannot read the revision of", &path, source))?;
        if let Special::Link(target) = special {
            return Ok((TrackedKind::Link, Place::Target(target)));
        }
        line_ends = LineEnds::Stored;
    }
    let kind = TrackedKind::File {
        executable: node.properties.executable,
    };
    let place = Place::Pristine {
        pristine: Arc::clone(pristine),
        checksum,
        line_ends,
    };
    Ok((kind, place))
}

/// Returns what an external put there, when it is all there.
fn file_external(
    working_copy: &WorkingCopy,
    pristine: &Arc<Pristine>,
    node: &Node,
) -> Result<Option<FileExternal>, SourceError> {
    let repository = working_copy.repository_of(node);
    let (Some(repository), Some(path), Some(revision)) =
        (repository, &node.repository_path, node.revision())
    else {
        return Ok(None);
    };
    if !node.is_present() || node.kind != Kind::File {
        return Ok(None);
    }
    let (kind, place) = file(working_copy, pristine, node)?;
    Ok(Some(FileExternal {
        path: node.below(&working_copy.top).to_owned(),
        url: location::below(&repository.root, path),
        root: repository.root.clone(),
        revision,
        kind,
        place,
    }))
}
