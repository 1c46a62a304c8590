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

mod frames;
mod record;
mod trim;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bulla_bundle::Bundle;
use bulla_schemas::{Codec, Digest, EntryPath, ProjectName};
use twox_hash::xxhash3_128::Hasher;

pub use frames::Frames;
pub use record::Record;

use crate::source::ContentId;

/// Bytes of the sum that stands in front of every file: XXH3, 128 bits.
const SUM: usize = 16;
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
            fs::write(tag, TAG)?;
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

/// Makes a directory that only this user can enter.
fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// The sum of a file's name below the cache and its content. One that was put in another's place is
/// as wrong as one that is damaged.
fn sum(name: &str, parts: &[&[u8]]) -> [u8; SUM] {
    let mut sum = Hasher::new();
    sum.write(name.as_bytes());
    for part in parts {
        sum.write(part);
    }
    sum.finish_128().to_le_bytes()
}

/// Reads the file `name` of at most `limit` bytes and takes its sum off; one that is damaged is
/// removed, for every pack would find it damaged.
fn read(cache: &Path, name: &str, limit: u64) -> Option<Vec<u8>> {
    let path = cache.join(name);
    let mut file = fs::File::open(&path).ok()?;
    let len = file.metadata().ok()?.len().checked_sub(SUM as u64);
    let bytes = len.filter(|len| *len <= limit).and_then(|len| {
        let mut expected = [0; SUM];
        file.read_exact(&mut expected).ok()?;
        let mut bytes = Vec::with_capacity(usize::try_from(len).ok()?);
        file.take(limit).read_to_end(&mut bytes).ok()?;
        (sum(name, &[&bytes]) == expected).then_some(bytes)
    });
    if bytes.is_none() {
        // Where it cannot be removed, it is found damaged again.
        let _ = fs::remove_file(&path);
    }
    bytes
}

/// Writes the file `name` with its sum under another name and puts it in place. Not made durable:
/// what a power loss damages, the sum finds.
fn write(cache: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let path = cache.join(name);
    let directory = path.parent().unwrap_or(cache);
    let mut file = match tempfile::NamedTempFile::new_in(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_private(directory)?;
            tempfile::NamedTempFile::new_in(directory)
        }
        made => made,
    }?;
    file.write_all(&sum(name, parts))?;
    for part in parts {
        file.write_all(part)?;
    }
    file.persist(&path)?;
    Ok(())
}
