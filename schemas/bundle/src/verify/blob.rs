//! Bytes against the size and the digest that something verified names.

use bulla_schemas::Digest;
use bulla_schemas::manifest::Descriptor;

use super::error::{Part, VerifyError};

pub(crate) fn check_blob(
    part: Part,
    descriptor: &Descriptor,
    bytes: &[u8],
) -> Result<(), VerifyError> {
    let found = bytes.len() as u64;
    if found != descriptor.size {
        return Err(VerifyError::Size {
            part,
            expected: descriptor.size,
            found,
        });
    }
    check_digest(part, descriptor.digest, bytes)
}

pub(super) fn check_digest(part: Part, expected: Digest, bytes: &[u8]) -> Result<(), VerifyError> {
    let found = Digest::of(bytes);
    if found == expected {
        Ok(())
    } else {
        Err(VerifyError::Digest {
            part,
            expected,
            found,
        })
    }
}
