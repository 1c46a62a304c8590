//! The `.bulla` file.
use crate::{BlobSource, Limits, VerifiedBundle, VerifyError};
use std::fs::File;
use std::io::{self, Read, Write};
/// What is needed from a log to judge a bundle without network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCopy {
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
    /// All entries that it covers, from the first.
    pub entries: Vec<Vec<u8>>,
}
/// Why a `.bulla` file cannot be written or is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFileError {
    /// What is in the file.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}
/// A `.bulla` file whose bundle is verified but for the payload's frames.
#[derive(Debug)]
pub struct BundleFile {}
impl BundleFile {
    /// The bundle.
    pub fn bundle(&self) -> &VerifiedBundle {
        unimplemented!()
    }
    /// The log, when the file brings it.
    pub fn log(&self) -> Option<&LogCopy> {
        unimplemented!()
    }
    /// Reads one compressed frame of the payload; may be called from several threads.
    pub fn read_frame(&self, position: usize) -> io::Result<Vec<u8>> {
        let _ = position;
        unimplemented!()
    }
    /// Reads the payload from its beginning.
    pub fn payload(&self) -> Box<dyn Read + Send> {
        unimplemented!()
    }
    /// Checks every byte of the payload.
    pub fn verify_payload(&self) -> Result<(), BundleFileError> {
        unimplemented!()
    }
}
/// Writes a `.bulla` file; `blobs` opens what the manifest names.
pub fn write_bundle_file(
    output: &mut dyn Write,
    manifest: &[u8],
    blobs: &dyn BlobSource,
    log: Option<&LogCopy>,
) -> Result<(), BundleFileError> {
    let _ = (output, manifest, blobs, log);
    unimplemented!()
}
/// Opens a `.bulla` file and checks all but the payload's frames.
pub fn read_bundle_file(file: File, limits: &Limits) -> Result<BundleFile, BundleFileError> {
    let _ = (file, limits);
    unimplemented!()
}
