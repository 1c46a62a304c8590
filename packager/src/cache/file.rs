//! A file of the cache: a sum of its name and content, and the content.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use bulla_files::FileError;
use twox_hash::xxhash3_128::Hasher;

/// Bytes of the sum that stands in front of every file: XXH3, 128 bits.
const SUM: usize = 16;
/// Makes a directory that only this user can enter.
pub(super) fn create_private(directory: &Path) -> io::Result<()> {
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
pub(super) fn read(cache: &Path, name: &str, limit: u64) -> Option<Vec<u8>> {
    let path = cache.join(name);
    let opened = bulla_files::open_file(&path);
    if opened.as_ref().is_err_and(FileError::is_damage) {
        // A directory stays, and is found again.
        let _ = fs::remove_file(&path);
    }
    let mut file = opened.ok()?;
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
pub(super) fn write(cache: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
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
