//! Blobs that are too large to be held in memory, unpacked while they are read.
//!
//! ```text
//! objects/xx/yyyy...       zlib( "blob " size NUL content )
//! objects/pack/NAME.idx    id -> offset in NAME.pack
//! objects/pack/NAME.pack   ... type and size, zlib( content ) ...
//! ```
//!
//! Blobs that are stored as a delta of another one cannot be read this way.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bulla_bundle::Content;
use gix::odb::pack;
use gix::zlib::{Decompress, stream::inflate};

/// Opens the blob `id` in the first of the object directories that has it whole.
pub(super) fn open(directories: &[PathBuf], id: gix::ObjectId) -> io::Result<Option<Content>> {
    for directory in directories {
        if let Some(content) = loose(directory, id)? {
            return Ok(Some(content));
        }
        if let Some(content) = packed(&directory.join("pack"), id)? {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

fn loose(directory: &Path, id: gix::ObjectId) -> io::Result<Option<Content>> {
    let hex = id.to_string();
    let file = match File::open(directory.join(&hex[..2]).join(&hex[2..])) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(Inflating::new(file));
    let mut header = Vec::new();
    // No size has more digits than this.
    reader.by_ref().take(32).read_until(0, &mut header)?;
    let size = std::str::from_utf8(&header)
        .ok()
        .and_then(|header| header.strip_prefix("blob ")?.strip_suffix('\0'))
        .and_then(|size| size.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{id} is no blob")))?;
    Ok(Some(Content::Stream {
        size,
        reader: Box::new(reader),
    }))
}

fn packed(directory: &Path, id: gix::ObjectId) -> io::Result<Option<Content>> {
    let Ok(names) = directory.read_dir() else {
        return Ok(None);
    };
    for name in names {
        let index = name?.path();
        if index.extension() != Some("idx".as_ref()) {
            continue;
        }
        let offset = {
            let index = pack::index::File::at(&index, id.kind()).map_err(io::Error::other)?;
            index
                .lookup(id)
                .map(|position| index.pack_offset_at_index(position))
        };
        if let Some(offset) = offset
            && let Some(content) = whole(&index.with_extension("pack"), offset, id)?
        {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// Opens the entry at `offset` of a pack unless it is a delta.
fn whole(pack: &Path, offset: u64, id: gix::ObjectId) -> io::Result<Option<Content>> {
    let mut file = BufReader::new(File::open(pack)?);
    file.seek(SeekFrom::Start(offset))?;
    let entry = pack::data::Entry::from_read(&mut file, offset, id.kind().len_in_bytes())?;
    if entry.header != pack::data::entry::Header::Blob {
        return Ok(None);
    }
    Ok(Some(Content::Stream {
        size: entry.decompressed_size,
        reader: Box::new(Inflating::over(file)),
    }))
}

/// Reads what a zlib stream holds; its checksum is verified at the end.
struct Inflating {
    file: BufReader<File>,
    state: Decompress,
}

impl Inflating {
    fn new(file: File) -> Self {
        Self::over(BufReader::new(file))
    }

    fn over(file: BufReader<File>) -> Self {
        Self {
            file,
            state: Decompress::new(),
        }
    }
}

impl Read for Inflating {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        inflate::read(&mut self.file, &mut self.state, buffer)
    }
}
