//! Entries on their way into a copy of a log: in a file until all of them are judged, however many
//! there are.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use bulla_files::{Attempt as _, FileError};

/// Most entries that are read at once, and most of their bytes.
const MOST_AT_ONCE: usize = 1 << 12;
const MOST_BYTES: usize = 16 << 20;

/// Entries in their order.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    file: BufWriter<File>,
    count: u64,
}

impl Spool {
    /// Begins with no entries, in a file without a name.
    pub(crate) fn create_in(folder: &Path) -> Result<Self, FileError> {
        let file = tempfile::tempfile_in(folder).attempt("create a file in", folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            file: BufWriter::new(file),
            count: 0,
        })
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: &[u8]) -> Result<(), FileError> {
        let length = u64::try_from(entry.len()).unwrap_or(u64::MAX);
        let written = self.file.write_all(&length.to_be_bytes());
        let written = written.and_then(|()| self.file.write_all(entry));
        written.attempt("write a file in", &self.folder)?;
        self.count += 1;
        Ok(())
    }

    /// Returns how many entries there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Hands over all entries, some at a time.
    pub(super) fn each_batch<E: From<FileError>>(
        self,
        take: &mut dyn FnMut(Vec<Vec<u8>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let folder = self.folder;
        let rewound = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let rewound = rewound.and_then(|mut file| file.rewind().map(|()| file));
        let mut file = BufReader::new(rewound.attempt("read a file in", &folder)?);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for _ in 0..self.count {
            let entry = next(&mut file).attempt("read a file in", &folder)?;
            bytes += entry.len();
            batch.push(entry);
            if batch.len() >= MOST_AT_ONCE || bytes >= MOST_BYTES {
                take(std::mem::take(&mut batch))?;
                bytes = 0;
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        take(batch)
    }
}

fn next(file: &mut BufReader<File>) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut entry = Vec::new();
    let length = u64::from_be_bytes(length);
    file.take(length).read_to_end(&mut entry)?;
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_their_order_and_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create_in(folder.path()).unwrap();
        let all: Vec<Vec<u8>> = (0..MOST_AT_ONCE + 7)
            .map(|number| number.to_string().into_bytes())
            .collect();
        for entry in &all {
            spool.push(entry).unwrap();
        }
        assert_eq!(spool.count(), all.len() as u64);
        let (mut found, mut batches) = (Vec::new(), 0);
        let mut take = |batch: Vec<Vec<u8>>| {
            batches += 1;
            found.extend(batch);
            Ok::<_, FileError>(())
        };
        spool.each_batch(&mut take).unwrap();
        assert_eq!((found, batches), (all, 2));
    }
}
