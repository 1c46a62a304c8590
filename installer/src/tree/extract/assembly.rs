//! A file whose content lies in several frames, put together in whatever order they are decoded.
//!
//! Pieces are written where they belong. The digest needs them in order, so a piece that comes
//! too early is read back once its turn has come: frames are handed out in order, so that is rare
//! and the piece is still in the page cache. Memory does not grow with the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bulla_schemas::Digest;
use sha2::{Digest as _, Sha256};

/// A file that is being put together.
pub(super) struct Assembly {
    file: File,
    hasher: Sha256,
    /// How many bytes are hashed.
    hashed: u64,
    /// Pieces that are written and not hashed: begin and end.
    waiting: BTreeMap<u64, u64>,
}

impl Assembly {
    /// Begins with an empty file.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            hasher: Sha256::new(),
            hashed: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Writes a piece, and returns how many bytes are complete from the beginning on.
    pub(super) fn add(&mut self, offset: u64, piece: &[u8]) -> io::Result<u64> {
        self.file.write_all_at(piece, offset)?;
        let end = offset + piece.len() as u64;
        if offset == self.hashed {
            self.hasher.update(piece);
            self.hashed = end;
            self.catch_up()?;
        } else {
            self.waiting.insert(offset, end);
        }
        Ok(self.hashed)
    }

    /// Returns the file and its digest once it is complete.
    pub(super) fn finish(self) -> (File, Digest) {
        (self.file, self.hasher.finalize().into())
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(end) = self.waiting.remove(&self.hashed) {
            let length = usize::try_from(end - self.hashed).map_err(io::Error::other)?;
            buffer.resize(length, 0);
            self.file.read_exact_at(&mut buffer, self.hashed)?;
            self.hasher.update(&buffer);
            self.hashed = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_make_the_same_file(
            (in_order, shuffled) in prop::collection::vec(
                prop::collection::vec(any::<u8>(), 1..50),
                1..20,
            )
            .prop_flat_map(|pieces| {
                let mut offset = 0;
                let placed: Vec<(u64, Vec<u8>)> = pieces
                    .into_iter()
                    .map(|piece| {
                        let start = offset;
                        offset += piece.len() as u64;
                        (start, piece)
                    })
                    .collect();
                (Just(placed.clone()), Just(placed).prop_shuffle())
            })
        ) {
            let content: Vec<u8> = in_order.into_iter().flat_map(|(_, piece)| piece).collect();
            let mut assembly = Assembly::new(tempfile::tempfile().unwrap());
            let mut complete = 0;
            for (offset, piece) in &shuffled {
                prop_assert!(complete < content.len() as u64);
                complete = assembly.add(*offset, piece).unwrap();
            }
            prop_assert_eq!(complete, content.len() as u64);
            let (_, digest) = assembly.finish();
            prop_assert_eq!(digest, Digest::of(&content));
        }
    }
}
