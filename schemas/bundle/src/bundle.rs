//! `Bundle`: what the writer made, ready to be pushed or written to a file.
use crate::windows::NameProblem;
use bulla_schemas::Digest;
use bulla_schemas::index::IndexEntry;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;
use std::io::{self, Read};

/// Opens the blobs that a manifest names.
pub trait BlobSource {
    /// Opens one blob from its beginning.
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>>;
}
/// A bundle.
#[derive(Debug)]
pub struct Bundle {}
/// One blob of a bundle.
#[derive(Debug)]
pub struct BundleBlob<'a> {
    bundle: &'a Bundle,
    descriptor: &'a Descriptor,
}
impl BundleBlob<'_> {
    /// What the blob is.
    pub fn descriptor(&self) -> &Descriptor {
        self.descriptor
    }
    /// Opens the blob from its beginning; may be called again and again.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let _ = self.bundle;
        unimplemented!()
    }
}
impl Bundle {
    /// The release's hash.
    pub fn hash(&self) -> Digest {
        unimplemented!()
    }
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        unimplemented!()
    }
    /// The manifest's bytes.
    pub fn manifest_bytes(&self) -> &[u8] {
        unimplemented!()
    }
    /// The release document.
    pub fn release(&self) -> &ReleaseDocument {
        unimplemented!()
    }
    /// The entries, in tar order.
    pub fn entries(&self) -> &[IndexEntry] {
        unimplemented!()
    }
    /// Names that Windows cannot hold: warnings.
    pub fn problems(&self) -> &[NameProblem] {
        unimplemented!()
    }
    /// Release document, payload, index and frame table.
    pub fn blobs(&self) -> [BundleBlob<'_>; 4] {
        unimplemented!()
    }
    /// Bytes of the manifest and all blobs.
    pub fn total_size(&self) -> u64 {
        unimplemented!()
    }
}
impl BlobSource for Bundle {
    fn open(&self, _: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        unimplemented!()
    }
}
