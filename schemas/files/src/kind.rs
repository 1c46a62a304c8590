//! What lies at a path.

use std::fs;
use std::path::Path;

use crate::error::FileError;

/// Refuses everything but a file.
pub(crate) fn require_file(path: &Path, found: &fs::Metadata) -> Result<(), FileError> {
    if found.is_file() {
        return Ok(());
    }
    Err(FileError::WrongType {
        path: path.to_owned(),
        expected: "a file",
        found: type_of(found),
    })
}

/// Names what lies at a path.
pub(crate) fn type_of(found: &fs::Metadata) -> &'static str {
    if found.is_dir() {
        "a directory"
    } else if found.is_file() {
        "a file"
    } else {
        special_type(found.file_type()).unwrap_or("something else")
    }
}

/// Names a pipe, a socket or a device. None for all else: what is opened under a name of those may
/// wait, never end, or do something.
pub fn special_type(found: fs::FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return Some("a named pipe");
        }
        if found.is_socket() {
            return Some("a socket");
        }
        if found.is_block_device() || found.is_char_device() {
            return Some("a device");
        }
    }
    None
}
