//! Every byte of a bundle file, checked while a bar goes on.

use bulla_bundle::{BundleFile, BundleFileError, Progress};

use crate::counted::Counted;

/// Checks the payload of a file of which all else is checked.
pub(crate) fn verify(file: &BundleFile, progress: &dyn Progress) -> Result<(), BundleFileError> {
    let bundle = file.bundle();
    progress.start(Some(bundle.manifest().payload().size));
    let mut payload = Counted {
        reader: file.payload(),
        told: |bytes| progress.advance(bytes),
    };
    Ok(bundle.verify_payload(&mut payload)?)
}
