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
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let found = found.file_type();
        if found.is_fifo() {
            return "a named pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_block_device() || found.is_char_device() {
            return "a device";
        }
    }
    if found.is_dir() {
        "a directory"
    } else if found.is_file() {
        "a file"
    } else {
        "something else"
    }
}
