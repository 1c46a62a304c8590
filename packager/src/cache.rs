//! What packs leave for the next one, so that it reads and compresses only what changed.
//!
//! ```text
//! CACHEDIR.TAG                     tells backup programs to leave the directory out
//! frames/zstd-1.5.7-5/ab/cdef...   a compressed frame and its sha256, by that of its content
//! records/1f2e...                  the last pack of a project: entries, frames, names of contents
//! trimmed                          when old frames were last removed
//! ```
//!
//! Nothing here decides what a bundle is. Every file carries a sum of its name and content, is
//! written under another name first, and may be damaged, moved or gone at any moment: then a pack
//! takes longer. Several packs may use one directory at once. The sums find damage; anyone who can
//! write here on purpose can make a release that no installer accepts, so the directory is its
//! owner's alone.

mod file;
mod frames;
mod record;
mod trim;

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bulla_bundle::Bundle;
use bulla_schemas::{Codec, Digest, EntryPath, ProjectName};

use file::{create_private, read, write};
pub use frames::Frames;
pub use record::Record;

use crate::source::ContentId;

/// <https://bford.info/cachedir/>
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # What bulla remembers of earlier packs. May be removed at any time.\n";

/// A directory of frames and records.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
    /// Now, as the file system counts.
    now: SystemTime,
}

impl Cache {
    /// Opens the directory, which is made if it is not there.
    pub fn open(directory: &Path) -> io::Result<Self> {
        create_private(directory)?;
        let tag = directory.join("CACHEDIR.TAG");
        if !tag.exists() {
            bulla_files::write_later(&tag, TAG.as_bytes())?;
        }
        let now = tempfile::tempfile_in(directory)?.metadata()?.modified()?;
        Ok(Self {
            directory: directory.to_owned(),
            now,
        })
    }

    /// Returns the frames that were made by `codec`.
    pub fn frames(&self, codec: &Codec) -> Frames {
        Frames::new(self.directory.clone(), codec, self.now)
    }

    /// Returns what the last pack of a project left; none when there was none, or it is damaged.
    pub fn record(&self, project: &ProjectName) -> Option<Record> {
        let name = record_name(project);
        Record::from_bytes(&read(&self.directory, &name, record::MAX_LEN)?)
    }

    /// Remembers a pack. `ids` are the names of the contents of its files, in order.
    pub fn remember<'a>(
        &self,
        bundle: &Bundle,
        ids: impl Iterator<Item = (&'a EntryPath, ContentId)>,
    ) -> io::Result<()> {
        let record = record::to_bytes(bundle, ids);
        let name = record_name(&bundle.release().project);
        write(&self.directory, &name, &[&record])?;
        trim::trim(&self.directory, self.now)
    }

    /// Returns where the cache is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn record_name(project: &ProjectName) -> String {
    format!("records/{}", Digest::of(project.as_str().as_bytes()).hex())
}
