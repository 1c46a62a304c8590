//! `Draft`: a bundle file that is being written, so that nobody ever finds half a file.
//!
//! Where the file system can (`O_TMPFILE`), it has no name at all until it is complete: whatever
//! ends the program leaves nothing. Elsewhere it has a temporary one beside its own.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use bulla_bundle::{BundleFileError, Limits, Progress, read_bundle_file};
use bulla_schemas::outcome::FailureKind;
use tempfile::TempPath;

use crate::counted::Counted;

/// A bundle file that is not there yet; gone when it is dropped.
#[derive(Debug)]
pub struct Draft {
    file: File,
    /// Absent where the file needs no name yet.
    temporary: Option<TempPath>,
    path: PathBuf,
}

/// Why a bundle file is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// The file system refuses.
    #[error("cannot write `{}`", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// What was written is not what it must be.
    #[error(transparent)]
    File(#[from] BundleFileError),
}

impl DraftError {
    /// Returns the exit status' kind.
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. } => FailureKind::Failed,
            Self::File(error) => error.kind(),
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
                    Some("name a file".to_owned())
                }
                io::ErrorKind::NotFound => Some("make its directory first".to_owned()),
                _ => None,
            },
            Self::File(error) => error.hint(),
        }
    }
}

impl Draft {
    /// Begins a file that will lie at `path`.
    pub fn begin(path: &Path) -> Result<Self, DraftError> {
        require_place(path).map_err(failed(path))?;
        let (file, temporary) = if let Some(file) = unnamed(directory_of(path)) {
            (file, None)
        } else {
            let file = builder().tempfile_in(directory_of(path));
            let (file, temporary) = file.map_err(failed(path))?.into_parts();
            (file, Some(temporary))
        };
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
        })
    }

    /// Returns where to write.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Reads all that was written as a stranger would, and checks every byte.
    pub fn verify(&mut self, progress: &dyn Progress) -> Result<(), DraftError> {
        let file = self.file.rewind().and_then(|()| self.file.try_clone());
        let file = file.map_err(failed(&self.path))?;
        let file = read_bundle_file(file, &Limits::default())?;
        let bundle = file.bundle();
        progress.start(Some(bundle.manifest().payload().size));
        let mut payload = Counted {
            reader: file.payload(),
            told: |bytes| progress.advance(bytes),
        };
        let verified = bundle.verify_payload(&mut payload);
        Ok(verified.map_err(BundleFileError::from)?)
    }

    /// Puts the file in place, durably. What was there before is there until then.
    pub fn put(self) -> Result<(), DraftError> {
        let Self {
            file,
            temporary,
            path,
        } = self;
        let put = || {
            file.sync_all()?;
            let directory = directory_of(&path);
            let temporary = match temporary {
                Some(temporary) => temporary,
                // A link cannot replace what is there; a rename can.
                None => builder()
                    .make_in(directory, |name| link(&file, name))?
                    .into_temp_path(),
            };
            temporary.persist(&path)?;
            sync_directory(directory)
        };
        put().map_err(failed(&path))
    }
}

/// A rename would put a file in the place of a device, `/dev/null` for example.
fn require_place(path: &Path) -> io::Result<()> {
    let ends_with_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    match path.metadata() {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if !found.is_dir() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "expected a regular file or nothing, found a device or pipe",
        )),
        Err(_) if !ends_with_slash => Ok(()),
        _ => Err(io::ErrorKind::IsADirectory.into()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DraftError {
    let path = path.to_owned();
    move |source| DraftError::Io { path, source }
}

fn directory_of(path: &Path) -> &Path {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Makes names that no other program uses.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".bulla-");
    // A bundle is no secret: the caller's umask decides, as for any file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Where Linux shows the files that this process has open; a name can be given through it.
#[cfg(target_os = "linux")]
const OPEN_FILES: &str = "/proc/self/fd";

/// Opens a file without a name, on the file system of `directory`.
#[cfg(target_os = "linux")]
fn unnamed(directory: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(directory, flags, Mode::from_raw_mode(0o666)).ok()?;
    Path::new(OPEN_FILES).is_dir().then(|| file.into())
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

/// Gives a name to a file that has none.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd as _;
    let open = format!("{OPEN_FILES}/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes a rename in a directory durable.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Windows writes a rename's entry itself.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
