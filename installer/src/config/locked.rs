//! `LockedHostFile`: a host file that this process alone changes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use bulla_files::{Draft, Lock, Readers};
use bulla_schemas::{ChannelName, ProjectName, Timestamp};
use toml_edit::DocumentMut;

use super::edit::{self, Enrollment};
use super::error::ConfigError;
use super::file::HostFile;
use super::host::HostConfig;
use crate::observer::Observer;
use crate::platform::files::Attempt as _;
use crate::site::Server;

/// A host file that no other command changes until this is dropped.
#[derive(Debug)]
pub struct LockedHostFile<'a> {
    file: &'a HostFile,
    _lock: Lock,
}

impl HostFile {
    /// Waits until no other command changes the file.
    pub fn lock(
        &self,
        server: &Server,
        command: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<LockedHostFile<'_>, ConfigError> {
        bulla_files::create_private_directory(server.state())?;
        let path = server.host_file_lock();
        let lock = Lock::take(&path, command, now, |holder| {
            observer.note(&format!(
                "waiting for {holder}, which changes the host file"
            ));
        })?;
        Ok(LockedHostFile {
            file: self,
            _lock: lock,
        })
    }
}

impl LockedHostFile<'_> {
    /// Writes down that a project is followed, and perhaps that its releases carry this program.
    /// Returns what the file said before.
    pub fn follow(
        &self,
        project: &ProjectName,
        channel: &ChannelName,
        carries_installer: bool,
    ) -> Result<HostConfig, ConfigError> {
        self.change(|document, _| edit::follow(document, project, channel, carries_installer))
    }

    /// Writes down that a project is not followed, and returns the channel before.
    pub fn unfollow(&self, project: &ProjectName) -> Result<Option<ChannelName>, ConfigError> {
        let before = self.change(|document, _| edit::unfollow(document, project))?;
        Ok(before.project(project).channel)
    }

    /// Writes down where the log is read.
    pub fn enroll(&self, new: &Enrollment<'_>) -> Result<(), ConfigError> {
        self.change(|document, said| edit::enroll(document, said.anchor.as_ref(), new))?;
        Ok(())
    }

    /// Changes the text and returns what it said before. The file is written only where that makes a
    /// difference, and never so that it is wrong.
    fn change(
        &self,
        change: impl FnOnce(&mut DocumentMut, &HostConfig),
    ) -> Result<HostConfig, ConfigError> {
        let bytes = self.file.text()?.unwrap_or_default();
        let before = self.file.parse(&bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut document: DocumentMut =
            text.parse().map_err(|source| ConfigError::Unchangeable {
                path: self.file.path().to_owned(),
                source: Box::new(source),
            })?;
        change(&mut document, &before);
        let changed = document.to_string();
        if changed != text {
            self.file.parse(changed.as_bytes())?;
            replace(self.file.path(), changed.as_bytes())?;
        }
        Ok(before)
    }
}

/// Replaces the file, or the one that a link leads to, with the owner and permissions that it has.
fn replace(path: &Path, content: &[u8]) -> Result<(), ConfigError> {
    const MODE: u32 = 0o644;
    let real = path.canonicalize();
    let path = real.as_deref().unwrap_or(path);
    let before = fs::metadata(path).ok();
    if let Some(directory) = path.parent() {
        bulla_files::create_directory(directory)?;
    }
    let mut draft = Draft::begin(path, Readers::Umask)?;
    let file = draft.file();
    let mut write = || {
        file.write_all(content)?;
        let own = file.metadata()?;
        if let Some(before) = &before
            && (before.uid(), before.gid()) != (own.uid(), own.gid())
        {
            fchown(&*file, Some(before.uid()), Some(before.gid()))?;
        }
        let mode = before
            .as_ref()
            .map_or(MODE, |before| before.mode() & 0o7777);
        file.set_permissions(fs::Permissions::from_mode(mode))
    };
    write().attempt("write", path)?;
    Ok(draft.put()?)
}
