//! The manifest that belongs to a release document: the writer writes it, the reader accepts no
//! other.

use std::collections::BTreeMap;

use bulla_schemas::manifest::{CREATED, Descriptor, Manifest, REVISION, TITLE};
use bulla_schemas::media_type;
use bulla_schemas::release::{Content, ReleaseDocument};

/// Digests and sizes of the four blobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blobs {
    pub(crate) release: Content,
    pub(crate) payload: Content,
    pub(crate) index: Content,
    pub(crate) frames: Content,
}

impl Blobs {
    /// Returns what a manifest says about its blobs.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        let content = |descriptor: &Descriptor| Content {
            digest: descriptor.digest,
            size: descriptor.size,
        };
        Self {
            release: content(&manifest.config),
            payload: content(manifest.payload()),
            index: content(manifest.index()),
            frames: content(manifest.frames()),
        }
    }
}

/// Returns the one possible manifest.
pub(crate) fn manifest(release: &ReleaseDocument, blobs: &Blobs) -> Manifest {
    let project = release.project.as_str();
    let name = project.rsplit('/').next().unwrap_or(project);
    let stem = format!("{name}-{}", release.source.short_revision());
    let layer = |media_type: &str, content: Content, extension: &str| Descriptor {
        annotations: BTreeMap::from([(TITLE.to_owned(), format!("{stem}.{extension}"))]),
        ..descriptor(media_type, content)
    };
    Manifest::new(
        descriptor(media_type::RELEASE, blobs.release),
        [
            layer(media_type::PAYLOAD, blobs.payload, "tar.zst"),
            layer(media_type::INDEX, blobs.index, "index.zst"),
            layer(media_type::FRAMES, blobs.frames, "frames.zst"),
        ],
        BTreeMap::from([
            (CREATED.to_owned(), release.source.committed().to_string()),
            (REVISION.to_owned(), release.source.revision().to_owned()),
        ]),
    )
}

fn descriptor(media_type: &str, content: Content) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: content.digest,
        size: content.size,
        annotations: BTreeMap::new(),
    }
}
