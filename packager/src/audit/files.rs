//! An entry as files that other people's tools verify.
//!
//! ```text
//! 000002-promotion.json        the envelope, as it stands in the log
//! 000002-promotion.signed      what was signed: the DSSE pre-authentication encoding
//! 000002-promotion.alice.sig   a person's signature, as `ssh-keygen -Y sign` writes it
//! 000001-release.ci.sig        a builder's signature: 64 bytes, as OpenSSL reads it
//! ```

use std::path::Path;

use bulla_files::FileError;
use bulla_schemas::report::{AuditEntry, SignerRole};
use bulla_trust::envelope::{SignedEnvelope, pae};
use bulla_trust::sshsig::SshSignature;

/// Writes an entry into a directory. What is no envelope is written as it is, without signatures; so
/// are signatures of keys that the policy does not know left out.
pub fn export(directory: &Path, entry: &AuditEntry, bytes: &[u8]) -> Result<(), FileError> {
    let name = format!("{:06}-{}", entry.entry, entry.kind);
    let write = |end: &str, content: &[u8]| {
        bulla_files::write_later(&directory.join(format!("{name}.{end}")), content)
    };
    write("json", bytes)?;
    let Ok(envelope) = SignedEnvelope::from_bytes(bytes) else {
        return Ok(());
    };
    let signed = pae(envelope.payload_type(), envelope.payload());
    write("signed", &signed)?;
    for (signature, signer) in envelope.signatures().iter().zip(&entry.signers) {
        let (Some(name), Some(role)) = (&signer.name, signer.role) else {
            continue;
        };
        let blob = &signature.signature;
        match (role, SshSignature::from_blob(blob)) {
            (SignerRole::Person, Ok(read)) => {
                write(&format!("{name}.sig"), read.to_armour().as_bytes())?;
            }
            _ => write(&format!("{name}.sig"), blob)?,
        }
    }
    Ok(())
}
