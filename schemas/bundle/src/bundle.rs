//! `Bundle`: what the writer made, ready to be pushed or written to a file.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::index::IndexEntry;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;

use crate::windows::NameProblem;
use crate::write::Spool;

/// Opens the blobs that a manifest names: those of a [`Bundle`], of a registry, of a directory.
pub trait BlobSource {
    /// Opens a blob at its beginning.
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>>;
}

/// A bundle as the writer made it. The payload lies in a temporary file without a name, which
/// goes with the last reader; all else is in memory.
#[derive(Debug)]
pub struct Bundle {
    pub(crate) hash: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_bytes: Vec<u8>,
    pub(crate) release: ReleaseDocument,
    pub(crate) release_bytes: Arc<[u8]>,
    pub(crate) payload: Spool,
    pub(crate) index_blob: Arc<[u8]>,
    pub(crate) frames_blob: Arc<[u8]>,
    pub(crate) entries: Vec<IndexEntry>,
    pub(crate) payload_frames: Vec<FrameRecord>,
    pub(crate) problems: Vec<NameProblem>,
}

impl Bundle {
    /// Returns the release's hash: the sha256 of the manifest's bytes.
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// Returns the manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the bytes of the manifest, as they are pushed.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// Returns the release document.
    pub const fn release(&self) -> &ReleaseDocument {
        &self.release
    }

    /// Returns the entries in the order of the tar.
    pub fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    /// Returns the frames of the payload.
    pub fn payload_frames(&self) -> &[FrameRecord] {
        &self.payload_frames
    }

    /// Returns the names that Windows cannot hold; to warn about, unless the release is for
    /// Windows and was refused.
    pub fn problems(&self) -> &[NameProblem] {
        &self.problems
    }

    /// Returns release document, payload, index and frame table.
    pub fn blobs(&self) -> [BundleBlob<'_>; 4] {
        let [payload, index, frames] = &self.manifest.layers;
        [&self.manifest.config, payload, index, frames].map(|descriptor| BundleBlob {
            bundle: self,
            descriptor,
        })
    }

    /// Returns the bytes of the manifest and of all blobs: the size in a release statement.
    pub fn total_size(&self) -> u64 {
        self.blobs()
            .iter()
            .fold(self.manifest_bytes.len() as u64, |sum, blob| {
                sum + blob.descriptor.size
            })
    }
}

impl BlobSource for Bundle {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let [payload, index, frames] = &self.manifest.layers;
        let memory = [
            (&self.manifest.config, &self.release_bytes),
            (index, &self.index_blob),
            (frames, &self.frames_blob),
        ];
        if descriptor.digest == payload.digest {
            return Ok(Box::new(self.payload.reader()));
        }
        match memory
            .into_iter()
            .find(|(known, _)| known.digest == descriptor.digest)
        {
            Some((_, bytes)) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the bundle has no blob {}", descriptor.digest),
            )),
        }
    }
}

/// One blob of a bundle.
#[derive(Debug, Clone, Copy)]
pub struct BundleBlob<'a> {
    bundle: &'a Bundle,
    descriptor: &'a Descriptor,
}

impl<'a> BundleBlob<'a> {
    /// Returns media type, digest and size.
    pub const fn descriptor(&self) -> &'a Descriptor {
        self.descriptor
    }

    /// Opens the blob at its beginning; may be called again and again, also at the same time.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.bundle.open(self.descriptor)
    }
}
