//! `Draft`: a bundle file that is being written. It has a temporary name beside its own until it
//! is complete, so that nobody ever finds half a file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bulla_bundle::{BundleFileError, Limits, Progress, read_bundle_file};
use bulla_schemas::outcome::FailureKind;
use tempfile::NamedTempFile;

use crate::counted::Counted;

/// A bundle file that is not there yet; gone when it is dropped.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
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
            Self::Io { .. } => None,
            Self::File(error) => error.hint(),
        }
    }
}

impl Draft {
    /// Begins a file that will lie at `path`.
    pub fn begin(path: &Path) -> Result<Self, DraftError> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".bulla-");
        // A bundle is no secret: the caller's umask decides, as for any file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(directory.unwrap_or(Path::new(".")));
        Ok(Self {
            file: file.map_err(failed(path))?,
            path: path.to_owned(),
        })
    }

    /// Returns where to write.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Reads all that was written as a stranger would, and checks every byte.
    pub fn verify(&self, progress: &dyn Progress) -> Result<(), DraftError> {
        let file = self.file.reopen().map_err(failed(&self.path))?;
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
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(failed(&path))?;
        match file.persist(&path) {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&path)(error.error)),
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DraftError {
    let path = path.to_owned();
    move |source| DraftError::Io { path, source }
}
