//! `Folder`: everything below a directory, with the digests of its files.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_bundle::{Limits, Progress};
use bulla_schemas::Digest;
use bulla_schemas::path::RELEASE_FILE;
use sha2::{Digest as _, Sha256};

use super::error::IdentifyError;

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;
/// What version control keeps beside the files.
const BESIDE: [&str; 2] = [".git", ".svn"];

/// Everything below a directory, by path. Links are not followed, so there are no loops.
#[derive(Debug)]
pub struct Folder {
    pub(super) path: PathBuf,
    pub(super) entries: BTreeMap<String, Found>,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Directory,
    File {
        executable: bool,
        digest: Digest,
    },
    Link {
        target: String,
    },
    /// A device, a socket, a pipe, or a name that is not UTF-8.
    Other,
    Unreadable,
}

impl Folder {
    /// Reads a directory. What cannot be read in it is kept as such.
    pub fn read(
        path: &Path,
        threads: NonZeroUsize,
        progress: &dyn Progress,
    ) -> Result<Self, IdentifyError> {
        let mut walk = Walk::default();
        walk.list(path, "")
            .map_err(|source| IdentifyError::Folder {
                path: path.to_owned(),
                source,
            })?;
        let limit = Limits::default().entries;
        while let Some((directory, prefix)) = walk.directories.pop() {
            if walk.list(&directory, &prefix).is_err() {
                let name = prefix.trim_end_matches('/').to_owned();
                walk.entries.insert(name, Found::Unreadable);
            }
            if walk.entries.len() as u64 > limit {
                let path = path.to_owned();
                return Err(IdentifyError::TooMany { path, limit });
            }
        }
        progress.start(Some(walk.bytes));
        let hashed = hash(&walk.files, threads, progress);
        walk.entries.extend(hashed);
        Ok(Self {
            path: path.to_owned(),
            entries: walk.entries,
        })
    }
}

/// A file that is to be hashed.
struct FileToHash {
    path: PathBuf,
    name: String,
    executable: bool,
}

#[derive(Default)]
struct Walk {
    entries: BTreeMap<String, Found>,
    files: Vec<FileToHash>,
    bytes: u64,
    /// Still to be listed: the directory, and what stands before the names in it.
    directories: Vec<(PathBuf, String)>,
}

impl Walk {
    fn list(&mut self, directory: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_note = prefix.is_empty() && name == RELEASE_FILE;
            if is_note || BESIDE.iter().any(|beside| name == *beside) {
                continue;
            }
            let path = format!("{prefix}{}", name.to_string_lossy());
            let found = if name.to_str().is_none() {
                Found::Other
            } else {
                match self.look(&entry.path(), &path) {
                    Ok(Some(found)) => found,
                    Ok(None) => continue,
                    Err(_) => Found::Unreadable,
                }
            };
            self.entries.insert(path, found);
        }
        Ok(())
    }

    /// Returns what lies at a path; `None` for a file, whose digest comes later.
    fn look(&mut self, at: &Path, name: &str) -> io::Result<Option<Found>> {
        let metadata = fs::symlink_metadata(at)?;
        let kind = metadata.file_type();
        Ok(Some(if kind.is_dir() {
            self.directories.push((at.to_owned(), format!("{name}/")));
            Found::Directory
        } else if kind.is_symlink() {
            match fs::read_link(at)?.into_os_string().into_string() {
                Ok(target) => Found::Link { target },
                Err(_) => Found::Other,
            }
        } else if kind.is_file() {
            self.bytes += metadata.len();
            self.files.push(FileToHash {
                path: at.to_owned(),
                name: name.to_owned(),
                executable: is_executable(&metadata),
            });
            return Ok(None);
        } else {
            Found::Other
        }))
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

/// No such bit: what a release says is not contradicted by a copy.
#[cfg(windows)]
fn is_executable(_: &Metadata) -> bool {
    false
}

/// Hashes files with several threads, each with one buffer.
fn hash(
    files: &[FileToHash],
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Vec<(String, Found)> {
    let next = AtomicUsize::new(0);
    let hashed = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        let mut buffer = vec![0; PIECE];
        let mut mine = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let digest = hash_file(&file.path, &mut buffer, progress);
            let found = digest.map_or(Found::Unreadable, |digest| Found::File {
                executable: file.executable,
                digest,
            });
            mine.push((file.name.clone(), found));
        }
        if let Ok(mut hashed) = hashed.lock() {
            hashed.append(&mut mine);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(work);
        }
        work();
    });
    hashed.into_inner().unwrap_or_default()
}

fn hash_file(path: &Path, buffer: &mut [u8], progress: &dyn Progress) -> io::Result<Digest> {
    let mut file = bulla_files::open_file(path)?;
    let mut hash = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(length) => {
                hash.update(&buffer[..length]);
                progress.advance(length as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
