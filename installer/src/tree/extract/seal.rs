//! The last part of a tree: links, and directories that lose their write bits.

use std::io;

use rustix::fs::{Mode, fchmod, symlinkat};

use super::work::Extraction;
use crate::platform::files::{Attempt as _, FileError};
use crate::platform::stamp::{self, Stamp};
use crate::state::record::{RecordedFile, TreeRecord};
use crate::tree::descent::Descent;
use crate::tree::expected::ExpectedKind;
use crate::tree::plan::PlannedFile;

/// Makes all symbolic links.
pub(super) fn make_links(extraction: &Extraction<'_>) -> Result<(), FileError> {
    let mut descent = Descent::open(extraction.top).attempt("open", extraction.top)?;
    for path in &extraction.plan.expected {
        if let ExpectedKind::Link { target } = &path.kind
            && !extraction
                .remains
                .is_some_and(|remains| remains.has_link(&path.path, target))
        {
            descent
                .parent_of(&path.path)
                .and_then(|(parent, name)| Ok(symlinkat(target.as_ref(), parent, name)?))
                .attempt("create the link", extraction.full_path(&path.path))?;
        }
    }
    Ok(())
}

/// Takes the write bits of all directories that were written to but the top, whose turn comes once
/// it is in place, and returns the record of the tree.
pub(super) fn seal(
    extraction: &Extraction<'_>,
    stamps: &[Option<Stamp>],
) -> Result<TreeRecord, FileError> {
    let mut descent = Descent::open(extraction.top).attempt("open", extraction.top)?;
    let files = extraction.plan.files.len();
    let mut record = TreeRecord::of_nothing(extraction.bundle.hash(), files);
    record.is_as_written = true;
    for (file, stamp) in extraction.plan.files.iter().zip(stamps) {
        let path = &extraction.plan.expected[file.expected].path;
        let remains = extraction.remains;
        let stamp = match stamp.or_else(|| remains?.file(file)) {
            Some(stamp) => Ok(stamp),
            None => stamp_in_place(&mut descent, path, file),
        };
        record.add_file(RecordedFile {
            path,
            executable: file.executable,
            stamp: stamp.attempt("look at", extraction.full_path(path))?,
            digest: file.digest,
        });
    }
    for expected in &extraction.plan.expected {
        let path = expected.path.as_ref();
        match &expected.kind {
            ExpectedKind::Directory => {
                let remains = extraction.remains;
                let stamp = match remains.and_then(|remains| remains.directory(path)) {
                    Some(stamp) => Ok(stamp),
                    None => close(&mut descent, path),
                };
                let stamp = stamp.attempt("close", extraction.full_path(path))?;
                record.add_directory(path, stamp);
            }
            ExpectedKind::Link { target } => record.add_link(path, target),
            ExpectedKind::File { .. } => {}
        }
    }
    Ok(record)
}

fn close(descent: &mut Descent, path: &str) -> io::Result<Stamp> {
    let directory = descent.go(path)?;
    fchmod(directory, Mode::from_raw_mode(0o555))?;
    Stamp::of(directory)
}

/// Takes the stamp of a file that stayed in a recycled tree.
fn stamp_in_place(descent: &mut Descent, path: &str, file: &PlannedFile) -> io::Result<Stamp> {
    if !file.is_in_place() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (directory, name) = descent.parent_of(path)?;
    let found = stamp::look(directory, name)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(Stamp::from_stat(&found))
}
