//! Blobs that are too large to be held in memory, unpacked while they are read.
//!
//! ```text
//! objects/xx/yyyy...       zlib( "blob " size NUL content )
//! objects/pack/NAME.idx    id -> offset in NAME.pack
//! objects/pack/NAME.pack   ... type and size, zlib( content ) ...
//!                          ... delta, its base, zlib( instructions ) ...
//! ```
//!
//! A blob that is stored as a delta is made from its base, which is unpacked into a temporary
//! file first; of a chain of deltas only two files exist at a time.

mod delta;
mod inflate;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bulla_bundle::Content;
use gix::odb::pack;
use gix::odb::pack::data::entry::Header;

use delta::Patched;
use inflate::{Inflating, damaged};

/// Longest chain of deltas that is followed; `git repack` makes none longer than 4,095.
const LONGEST_CHAIN: usize = 4096;

/// Where blobs are looked for, and where their bases are unpacked.
pub(super) struct LargeBlobs {
    /// The object directories, the repository's own first.
    pub(super) directories: Vec<PathBuf>,
    /// The directory for temporary files.
    pub(super) spool: PathBuf,
}

/// An entry of a pack, and a reader of what it holds.
struct Packed {
    pack: PathBuf,
    entry: pack::data::Entry,
    unpacked: Inflating,
}

impl LargeBlobs {
    /// Opens the blob `id`. None when no directory has it.
    pub(super) fn open(&self, id: gix::ObjectId) -> io::Result<Option<Content>> {
        let mut deltas = Vec::new();
        let Some(mut content) = self.whole(id, &mut deltas)? else {
            return Ok(None);
        };
        // The base is whole; the last delta to be found is the first to be applied.
        while let Some(delta) = deltas.pop() {
            let base = self.unpack(content)?;
            let patched = Patched::new(delta, base)?;
            content = Content::Stream {
                size: patched.size(),
                reader: Box::new(patched),
            };
        }
        Ok(Some(content))
    }

    /// Follows the bases of `id` down to one that is stored whole, and opens that.
    fn whole(&self, id: gix::ObjectId, deltas: &mut Vec<Inflating>) -> io::Result<Option<Content>> {
        let mut id = id;
        loop {
            let Some(mut packed) = self.packed(id)? else {
                return self.loose(id);
            };
            loop {
                if deltas.len() > LONGEST_CHAIN {
                    return Err(damaged(format!("the deltas of {id} have no end")));
                }
                match packed.entry.header {
                    Header::Blob => {
                        return Ok(Some(Content::Stream {
                            size: packed.entry.decompressed_size,
                            reader: Box::new(packed.unpacked),
                        }));
                    }
                    Header::OfsDelta { base_distance } => {
                        let offset = packed.entry.pack_offset();
                        let base = Header::verified_base_pack_offset(offset, base_distance)
                            .ok_or_else(|| damaged(format!("the base of {id} is nowhere")))?;
                        deltas.push(packed.unpacked);
                        packed = Packed::at(packed.pack, base, id.kind())?;
                    }
                    Header::RefDelta { base_id } => {
                        deltas.push(packed.unpacked);
                        id = base_id;
                        break;
                    }
                    _ => return Err(damaged(format!("{id} is not a blob"))),
                }
            }
        }
    }

    /// Writes `content` to a file without a name.
    fn unpack(&self, content: Content) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(&self.spool)?;
        match content {
            Content::Memory(bytes) => io::copy(&mut bytes.as_slice(), &mut file)?,
            Content::Stream { mut reader, .. } => io::copy(&mut reader, &mut file)?,
        };
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    fn packed(&self, id: gix::ObjectId) -> io::Result<Option<Packed>> {
        for directory in &self.directories {
            let Ok(names) = directory.join("pack").read_dir() else {
                continue;
            };
            for name in names {
                let index = name?.path();
                if index.extension() != Some("idx".as_ref()) {
                    continue;
                }
                bulla_files::has_file(&index)?;
                let offset = {
                    let index =
                        pack::index::File::at(&index, id.kind()).map_err(io::Error::other)?;
                    index
                        .lookup(id)
                        .map(|position| index.pack_offset_at_index(position))
                };
                if let Some(offset) = offset {
                    let pack = index.with_extension("pack");
                    return Packed::at(pack, offset, id.kind()).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn loose(&self, id: gix::ObjectId) -> io::Result<Option<Content>> {
        for directory in &self.directories {
            if let Some(content) = loose(directory, id)? {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }
}

impl Packed {
    fn at(pack: PathBuf, offset: u64, ids: gix::hash::Kind) -> io::Result<Self> {
        let mut file = BufReader::new(bulla_files::open_file(&pack)?);
        file.seek(SeekFrom::Start(offset))?;
        let entry = pack::data::Entry::from_read(&mut file, offset, ids.len_in_bytes())?;
        Ok(Self {
            pack,
            entry,
            unpacked: Inflating::over(file),
        })
    }
}

fn loose(directory: &Path, id: gix::ObjectId) -> io::Result<Option<Content>> {
    let hex = id.to_string();
    let file = match bulla_files::open_file(&directory.join(&hex[..2]).join(&hex[2..])) {
        Ok(file) => file,
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut reader = BufReader::new(Inflating::new(file));
    let mut header = Vec::new();
    // No size has more digits than this.
    reader.by_ref().take(32).read_until(0, &mut header)?;
    let size = std::str::from_utf8(&header)
        .ok()
        .and_then(|header| header.strip_prefix("blob ")?.strip_suffix('\0'))
        .and_then(|size| size.parse().ok())
        .ok_or_else(|| damaged(format!("{id} is not a blob")))?;
    Ok(Some(Content::Stream {
        size,
        reader: Box::new(reader),
    }))
}
