//! The entries of a working copy's own revision, without a server and without looking at its files.

use std::sync::Arc;

use super::database::nodes::{Kind, Node};
use super::externals;
use super::line_ends::LineEnds;
use super::pristine::{Pristine, Special};
use super::tree::{Layer, Place};
use super::working_copy::WorkingCopy;
use crate::source::error::SvnError;
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
    Ok(layer)
}

/// Returns what a file's node is in a release.
pub(super) fn file(
    working_copy: &WorkingCopy,
    pristine: &Arc<Pristine>,
    node: &Node,
) -> Result<(TrackedKind, Place), SourceError> {
    let Some(checksum) = node.checksum else {
        return Err(SvnError::Damaged {
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
