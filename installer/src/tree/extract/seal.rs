//! The last part of a tree: links, `.bulla-release`, and directories that lose their write bits.

use std::fs::File;
use std::io::{self, Write as _};

use bulla_schemas::Digest;
use bulla_schemas::path::RELEASE_FILE;
use rustix::fs::{Mode, OFlags, Stat, fchmod, fstat, openat, symlinkat};

use super::work::Extraction;
use super::worker::mode;
use crate::platform::files::{FileError, OnPath as _};
use crate::platform::stamp::{self, Stamp};
use crate::state::record::{Recorded, RecordedPath, TreeRecord};
use crate::tree::descent::Descent;
use crate::tree::expected::{Expected, ExpectedKind};
use crate::tree::plan::{Origin, PlannedFile};

/// Makes all symbolic links.
pub(super) fn make_links(extraction: &Extraction<'_>) -> Result<(), FileError> {
    let mut descent = Descent::open(extraction.top).on("open", extraction.top)?;
    for path in &extraction.plan.expected {
        if let ExpectedKind::Link { target } = &path.kind {
            descent
                .parent_of(&path.path)
                .and_then(|(parent, name)| Ok(symlinkat(target.as_ref(), parent, name)?))
                .on("create the link", extraction.full_path(&path.path))?;
        }
    }
    Ok(())
}

/// Writes `.bulla-release`, takes the write bits of all directories but the top, whose turn comes
/// once it is in place, and returns the record of the tree.
pub(super) fn seal(
    extraction: &Extraction<'_>,
    stamps: &[Option<Stamp>],
) -> Result<TreeRecord, FileError> {
    let mut descent = Descent::open(extraction.top).on("open", extraction.top)?;
    let note = write_note(&mut descent, extraction.release_note)
        .on("write", extraction.full_path(RELEASE_FILE))?;
    let mut paths = vec![note];
    let mut files = extraction.plan.files.iter().zip(stamps);
    for expected in &extraction.plan.expected {
        let full_path = || extraction.full_path(&expected.path);
        let kind = match &expected.kind {
            ExpectedKind::Directory => {
                close(&mut descent, &expected.path).on("close", full_path())?
            }
            ExpectedKind::Link { target } => Recorded::Link {
                target: target.clone().into_owned(),
            },
            ExpectedKind::File { .. } => match files.next() {
                Some((file, stamp)) => {
                    record_file(&mut descent, expected, file, *stamp).on("look at", full_path())?
                }
                None => continue,
            },
        };
        paths.push(RecordedPath {
            path: expected.path.clone().into_owned(),
            kind,
        });
    }
    paths.push(RecordedPath {
        path: String::new(),
        kind: directory(
            &descent
                .go("")
                .and_then(|top| Ok(fstat(top)?))
                .on("look at", extraction.top)?,
        ),
    });
    paths.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(TreeRecord {
        hash: extraction.bundle.hash(),
        paths,
    })
}

fn write_note(descent: &mut Descent, note: &[u8]) -> io::Result<RecordedPath> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file: File = openat(descent.go("")?, RELEASE_FILE, flags, mode(false))?.into();
    file.write_all(note)?;
    fchmod(&file, mode(false))?;
    Ok(RecordedPath {
        path: RELEASE_FILE.to_owned(),
        kind: Recorded::File {
            executable: false,
            stamp: Stamp::of(&file)?,
            digest: Digest::of(note),
        },
    })
}

fn close(descent: &mut Descent, path: &str) -> io::Result<Recorded> {
    let handle = descent.go(path)?;
    fchmod(handle, Mode::from_raw_mode(0o555))?;
    Ok(directory(&fstat(handle)?))
}

fn directory(stat: &Stat) -> Recorded {
    let stamp = Stamp::from_stat(stat);
    Recorded::Directory {
        inode: stamp.inode,
        mtime: stamp.mtime,
    }
}

/// Takes the stamp of a file that was written, or of one that stayed in a recycled tree.
fn record_file(
    descent: &mut Descent,
    expected: &Expected<'_>,
    file: &PlannedFile,
    stamp: Option<Stamp>,
) -> io::Result<Recorded> {
    let stamp = match stamp {
        Some(stamp) => stamp,
        None if file.origin == Origin::InPlace => {
            let (directory, name) = descent.parent_of(&expected.path)?;
            let found = stamp::look(directory, name)?.ok_or(io::ErrorKind::NotFound)?;
            Stamp::from_stat(&found)
        }
        None => return Err(io::ErrorKind::NotFound.into()),
    };
    Ok(Recorded::File {
        executable: file.executable,
        stamp,
        digest: file.digest,
    })
}
