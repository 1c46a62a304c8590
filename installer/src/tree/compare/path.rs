//! One path of a tree, compared with what must lie there.

use std::io;

use bulla_schemas::Digest;
use rustix::fs::{FileType, Stat, fstat, readlinkat};

use super::difference::DifferenceKind;
use crate::platform::directory;
use crate::platform::stamp::{self, Stamp};
use crate::state::record::RecordedFile;
use crate::tree::descent::Descent;
use crate::tree::expected::{Expected, ExpectedKind};
use crate::tree::share;

/// What lies under a path.
pub(super) enum Found {
    /// The directory or link that must lie there.
    AsExpected { stamp: Stamp },
    /// Something is mounted on it or above it.
    Hidden,
    /// The file that must lie there.
    File {
        /// Taken before the file was read.
        stamp: Stamp,
        mode: u32,
    },
    /// Something else.
    Different(DifferenceKind),
}

/// Looks at a path. A file whose stamp is the one in `hint` is not read.
pub(super) fn look(
    descent: &mut Descent,
    expected: &Expected<'_>,
    hint: Option<RecordedFile<'_>>,
    buffer: &mut Vec<u8>,
) -> Found {
    match try_to_look(descent, expected, hint, buffer) {
        Ok(Found::Different(_)) if is_mounted_on(descent, expected) => Found::Hidden,
        Ok(found) => found,
        // Something is mounted above it.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Found::Hidden,
        Err(error) => Found::Different(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DifferenceKind::Missing,
            _ => DifferenceKind::Unreadable,
        }),
    }
}

fn try_to_look(
    descent: &mut Descent,
    expected: &Expected<'_>,
    hint: Option<RecordedFile<'_>>,
    buffer: &mut Vec<u8>,
) -> io::Result<Found> {
    // When the directory above is missing or none, that is reported for itself too.
    let (directory, name) = descent.parent_of(&expected.path)?;
    let Some(stat) = stamp::look(directory, name)? else {
        return Ok(Found::Different(DifferenceKind::Missing));
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_as_expected = match &expected.kind {
        ExpectedKind::Directory => kind == FileType::Directory,
        ExpectedKind::Link { target } => {
            kind == FileType::Symlink
                && readlinkat(directory, name, Vec::new())?.as_bytes() == target.as_bytes()
        }
        ExpectedKind::File { size, digest, .. } => {
            if kind != FileType::RegularFile || u64::try_from(stat.st_size) != Ok(*size) {
                return Ok(Found::Different(DifferenceKind::Changed));
            }
            let stamp = Stamp::from_stat(&stat);
            if hint.is_some_and(|hint| hint.digest == *digest && hint.stamp == stamp) {
                return Ok(found(stamp, &stat));
            }
            let file = share::open_source(directory, name)?;
            let stat = fstat(&file)?;
            if has_content(&file, *size, digest, buffer)? {
                return Ok(found(Stamp::from_stat(&stat), &stat));
            }
            false
        }
    };
    Ok(if is_as_expected {
        Found::AsExpected {
            stamp: Stamp::from_stat(&stat),
        }
    } else {
        Found::Different(DifferenceKind::Changed)
    })
}

/// Tells whether something is mounted on a path, which hides what is there.
fn is_mounted_on(descent: &mut Descent, expected: &Expected<'_>) -> bool {
    descent
        .parent_of(&expected.path)
        .is_ok_and(|(above, name)| directory::is_mounted_on(above, name))
}

fn has_content(
    file: &std::fs::File,
    size: u64,
    digest: &Digest,
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    match share::hash(file, size, buffer, |_, _| Ok(())) {
        Ok(found) => Ok(found == *digest),
        // It became shorter meanwhile.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

const fn found(stamp: Stamp, stat: &Stat) -> Found {
    Found::File {
        stamp,
        mode: stat.st_mode & 0o7777,
    }
}
