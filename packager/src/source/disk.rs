//! Entries that lie in files: what they are, and their content.

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::Path;

use bulla_bundle::Content;

use super::TrackedKind;

/// Files up to this size are read at once.
const SMALL: u64 = 256 * 1024;

/// Opens a file, or reads the target of a link.
pub(crate) fn open(path: &Path, kind: TrackedKind) -> io::Result<Content> {
    if kind == TrackedKind::Link {
        let target = gix::path::into_bstr(path.read_link()?).map_err(io::Error::other)?;
        return Ok(Content::Memory(target.into_owned().into()));
    }
    // A person may have put a pipe in its place since it was listed.
    let mut file = bulla_files::open_file(path)?;
    let size = file.metadata()?.len();
    if size > SMALL {
        return Ok(Content::Stream {
            size,
            reader: Box::new(file),
        });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Content::Memory(bytes))
}

/// Tells whether the owner may execute a file; what others may do is the umask's matter.
#[cfg(unix)]
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

/// Windows has no such bit.
#[cfg(not(unix))]
pub(crate) fn is_executable(_: &Metadata) -> bool {
    false
}
