//! `.svn/pristine/xx/SHA1.svn-base`: the texts as the repository has them.
//!
//! A text is checked against its name while it is read: one that was changed on disk never
//! becomes another release without a word.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gix_hash::{Kind, ObjectId, hasher};

use crate::line_ends::{LineEnds, Translation};

/// Texts up to this size are read at once.
const SMALL: u64 = 256 * 1024;

/// What one read of a large text asks for.
const PIECE: usize = 64 * 1024;

/// The SHA-1 of a text, which is its name in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum(ObjectId);

impl Checksum {
    /// Reads `$sha1$` and 40 hexadecimal digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(b"$sha1$")?;
        (digits.len() == 40)
            .then(|| ObjectId::from_hex(digits).ok())
            .flatten()
            .map(Self)
    }

    /// Returns its bytes.
    pub fn as_bytes(&self) -> Option<[u8; 20]> {
        self.0.as_slice().try_into().ok()
    }
}

/// A text with its lines ending as asked.
pub enum Text {
    /// A small one, whole.
    Memory(Vec<u8>),
    /// A large one. Its end is an error when it is not the text that its name says.
    Stream {
        /// How many bytes the reader gives.
        size: u64,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

/// The texts of one working copy.
#[derive(Debug, Clone)]
pub struct Pristine {
    directory: PathBuf,
}

impl Pristine {
    /// Returns the store of the working copy at `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            directory: root.join(".svn").join("pristine"),
        }
    }

    /// Opens a file's text with its lines ending as the release has them.
    pub fn open(&self, checksum: Checksum, line_ends: LineEnds) -> io::Result<Text> {
        let mut text = self.text(checksum)?;
        if text.size <= SMALL {
            let stored = text.read_whole()?;
            return Ok(Text::Memory(translate(stored, line_ends)));
        }
        if line_ends == LineEnds::Stored {
            return Ok(Text::Stream {
                size: text.size,
                reader: Box::new(text),
            });
        }
        // The size is only known once every line end was seen.
        let mut first = Translated::new(text, line_ends);
        let size = io::copy(&mut first, &mut io::sink())?;
        Ok(Text::Stream {
            size,
            reader: Box::new(Translated::new(self.text(checksum)?, line_ends)),
        })
    }

    /// Reads the text of a node with `svn:special`: `link ` and a target, or nothing special.
    pub fn special(&self, checksum: Checksum) -> io::Result<Special> {
        let mut text = self.text(checksum)?;
        if text.size > SMALL {
            return Ok(Special::File);
        }
        let stored = text.read_whole()?;
        // As `svn` does it: the first line counts.
        let line = stored.split(|byte| *byte == b'\n').next();
        Ok(match line.and_then(|line| line.strip_prefix(b"link ")) {
            Some(target) => Special::Link(target.to_owned()),
            None => Special::File,
        })
    }

    fn text(&self, checksum: Checksum) -> io::Result<Stored> {
        let name = checksum.0.to_hex().to_string();
        let path = self.directory.join(&name[..2]).join(name + ".svn-base");
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::new(
                error.kind(),
                format!(
                    "the working copy lacks its pristine text `{}`; check out again",
                    path.display()
                ),
            ),
            _ => error,
        };
        let file = bulla_files::open_file(&path).map_err(|error| explain(error.into()))?;
        Ok(Stored {
            size: file.metadata()?.len(),
            seen: 0,
            file,
            path: path.clone(),
            expected: checksum.0,
            hasher: Some(hasher(Kind::Sha1)),
        })
    }
}

/// What a node with `svn:special` is.
#[derive(Debug, PartialEq, Eq)]
pub enum Special {
    /// A symbolic link.
    Link(Vec<u8>),
    /// What no version of `svn` makes special on Unix: an ordinary file.
    File,
}

fn translate(stored: Vec<u8>, line_ends: LineEnds) -> Vec<u8> {
    if line_ends == LineEnds::Stored {
        return stored;
    }
    let mut translated = Vec::with_capacity(stored.len());
    Translation::new(line_ends).add(&stored, &mut translated);
    translated
}

/// A stored text that is hashed while it is read; its end is an error when the hash is another.
struct Stored {
    file: File,
    size: u64,
    seen: u64,
    path: PathBuf,
    expected: ObjectId,
    /// Taken at the end.
    hasher: Option<gix_hash::Hasher>,
}

impl Stored {
    fn read_whole(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0) + 1);
        self.file.read_to_end(&mut bytes)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        self.finish()?;
        Ok(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        let found = hasher.try_finalize().map_err(io::Error::other)?;
        if found == self.expected {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the pristine text `{}` was changed: expected SHA-1 {}, found {found}; check out again",
                self.path.display(),
                self.expected
            ),
        ))
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        self.seen += count as u64;
        // Whoever knows the size may not ask for more.
        if self.seen >= self.size {
            self.finish()?;
        }
        Ok(count)
    }
}

/// A large text whose line ends are translated while it is read.
#[expect(clippy::struct_field_names, reason = "the word for it in Subversion")]
struct Translated {
    text: Stored,
    translation: Translation,
    stored: Vec<u8>,
    translated: Vec<u8>,
    /// How much of `translated` was handed out.
    taken: usize,
}

impl Translated {
    fn new(text: Stored, line_ends: LineEnds) -> Self {
        Self {
            text,
            translation: Translation::new(line_ends),
            stored: vec![0; PIECE],
            translated: Vec::with_capacity(PIECE),
            taken: 0,
        }
    }
}

impl Read for Translated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.translated.len() {
            self.translated.clear();
            self.taken = 0;
            let count = self.text.read(&mut self.stored)?;
            if count == 0 {
                return Ok(0);
            }
            self.translation
                .add(&self.stored[..count], &mut self.translated);
        }
        let rest = &self.translated[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
