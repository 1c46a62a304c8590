//! Blobs that are being received: `uploads/<id>`.
//!
//! An upload lives in this process: a restart forgets it and sweeps the folder, and the client
//! begins again. It survives errors of its client (a chunk out of order, a lost connection) and
//! ends when it is finished, cancelled, or not used for too long. Where there are too many, or the
//! disk is full, those that rest make room, empty ones first; one that a request holds never does.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bulla_files::{Attempt as _, FileError, create_directory};
use bulla_schemas::ProjectName;
use bytes::Bytes;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::error::StoreError;
use super::space::{Disk, Purpose};
use super::sweep::COPY;
use super::upload::Upload;
use crate::blocking::blocking;
use crate::settings::UploadLimits;

/// Bytes of an upload that a registry with room can always take.
const SMALL: u64 = 1 << 20;

/// All uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    directory: PathBuf,
    disk: Disk,
    limits: UploadLimits,
    sessions: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    /// The id of the token that began it.
    token: String,
    project: ProjectName,
    used: Instant,
    upload: Arc<tokio::sync::Mutex<Upload>>,
}

impl Uploads {
    /// Sweeps the folder.
    pub(crate) fn open(
        directory: PathBuf,
        disk: Disk,
        limits: UploadLimits,
    ) -> Result<Self, FileError> {
        create_directory(&directory)?;
        for entry in std::fs::read_dir(&directory).attempt("read", &directory)? {
            let path = entry.attempt("read", &directory)?.path();
            if path.is_dir() && !path.is_symlink() {
                tracing::warn!(path = %path.display(), "a directory in the place of an upload stays");
                continue;
            }
            // `gc` may be running, and removes what it left over itself.
            let name = path.file_name().map(OsStr::as_encoded_bytes);
            if !name.is_some_and(|name| name.starts_with(COPY.as_bytes())) {
                std::fs::remove_file(&path).attempt("remove", &path)?;
            }
        }
        Ok(Self {
            directory,
            disk,
            limits,
            sessions: Mutex::default(),
        })
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.sessions().len()
    }

    /// Begins an upload and returns its id, a UUID.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        token: &str,
        project: &ProjectName,
    ) -> Result<String, StoreError> {
        let (uploads, token, project) = (Arc::clone(self), token.to_owned(), project.clone());
        blocking(move || uploads.create(token, project)).await
    }

    fn create(&self, token: String, project: ProjectName) -> Result<String, StoreError> {
        let mut sessions = self.sessions();
        self.drop_stale(&mut sessions);
        let limits = &self.limits;
        let limited: [(usize, Filter<'_>); 3] = [
            (limits.most_of_token, &|session| session.token == token),
            (limits.most_of_project, &|session| {
                session.project == project
            }),
            (limits.most, &|_| true),
        ];
        for (most, counts) in limited {
            self.make_room(&mut sessions, most, counts)?;
        }
        let uuid = uuid().map_err(StoreError::Random)?;
        let (upload, id) = (Upload::create(&self.directory, uuid)?, uuid.to_string());
        let session = Session {
            token,
            project,
            used: Instant::now(),
            upload: Arc::new(tokio::sync::Mutex::new(upload)),
        };
        sessions.insert(id.clone(), session);
        Ok(id)
    }

    /// Waits until no other request holds the upload, and holds it.
    pub(crate) async fn hold(
        &self,
        project: &ProjectName,
        id: &str,
    ) -> Result<OwnedMutexGuard<Upload>, StoreError> {
        let upload = {
            let mut sessions = self.sessions();
            self.drop_stale(&mut sessions);
            let session = sessions
                .get_mut(id)
                .filter(|session| session.project == *project)
                .ok_or(StoreError::NoSuchUpload)?;
            session.used = Instant::now();
            Arc::clone(&session.upload)
        };
        let upload = upload.lock_owned().await;
        // The request before this one may have made it a blob.
        if upload.is_closed() || !self.sessions().contains_key(id) {
            return Err(StoreError::NoSuchUpload);
        }
        Ok(upload)
    }

    /// Writes to the end of an upload that is held. On a full disk, uploads that rest make room.
    pub(crate) async fn append(
        self: &Arc<Self>,
        mut upload: OwnedMutexGuard<Upload>,
        bytes: Vec<Bytes>,
    ) -> Result<OwnedMutexGuard<Upload>, StoreError> {
        let uploads = Arc::clone(self);
        blocking(move || {
            let length = bytes.iter().map(|chunk| chunk.len() as u64).sum();
            loop {
                let room = uploads.disk.require(length, Purpose::Blob);
                match room.and_then(|()| upload.append(&bytes)) {
                    Ok(()) => return Ok(upload),
                    Err(error) if error.is_full() && uploads.end_resting(length) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        })
        .await
    }

    /// Refuses early what is going to be too large for the disk, also when everything that rests
    /// makes room. An announcement alone ends no other upload.
    pub(crate) async fn require_room(self: &Arc<Self>, bytes: u64) -> Result<(), StoreError> {
        let uploads = Arc::clone(self);
        blocking(move || {
            let resting = resting_bytes(&uploads.sessions());
            let more = bytes.saturating_sub(resting);
            Ok(uploads.disk.require(more, Purpose::Blob)?)
        })
        .await
    }

    /// Fails when no upload can be taken, not even a small one.
    pub(crate) fn require_space(&self) -> Result<(), FileError> {
        self.disk.require(SMALL, Purpose::Blob)?;
        self.disk.require_writing()
    }

    /// Notes that an upload was used until now.
    pub(crate) fn touch(&self, id: &str) {
        if let Some(session) = self.sessions().get_mut(id) {
            session.used = Instant::now();
        }
    }

    /// Forgets an upload; its file goes when no request holds it any more.
    pub(crate) fn end(&self, id: &str) {
        self.sessions().remove(id);
    }

    /// Ends the uploads that have rested for too long.
    pub(crate) fn sweep(&self) {
        self.drop_stale(&mut self.sessions());
    }

    fn drop_stale(&self, sessions: &mut HashMap<String, Session>) {
        sessions.retain(|_, session| {
            let Some(received) = session.rests_with() else {
                return true;
            };
            let patience = match received {
                0 => self.limits.patience_empty,
                _ => self.limits.patience,
            };
            session.used.elapsed() < patience
        });
    }

    /// Ends an upload that counts and rests when as many as allowed count already.
    fn make_room(
        &self,
        sessions: &mut HashMap<String, Session>,
        most: usize,
        counts: Filter<'_>,
    ) -> Result<(), StoreError> {
        if sessions.values().filter(|session| counts(session)).count() < most {
            return Ok(());
        }
        let resting = longest_resting(sessions, &|session, received| {
            counts(session) && (received == 0 || session.used.elapsed() >= self.limits.least_rest)
        });
        match resting {
            Some(id) => {
                sessions.remove(&id);
                Ok(())
            }
            None => Err(StoreError::TooManyUploads),
        }
    }

    /// Ends the upload that has rested longest, when those that rest can make room for `bytes`
    /// together. Tells whether it did.
    fn end_resting(&self, bytes: u64) -> bool {
        let missing = self.disk.missing(bytes, Purpose::Blob).unwrap_or(0);
        let mut sessions = self.sessions();
        if resting_bytes(&sessions) < missing {
            return false;
        }
        let Some(id) = longest_resting(&sessions, &|_, received| received > 0) else {
            return false;
        };
        sessions.remove(&id);
        tracing::warn!(id, "an upload was ended, because the disk is full");
        true
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Filter<'a> = &'a dyn Fn(&Session) -> bool;

/// Returns how many bytes the uploads that rest have received.
fn resting_bytes(sessions: &HashMap<String, Session>) -> u64 {
    sessions.values().filter_map(Session::rests_with).sum()
}

/// Returns the upload that makes room: of those that rest and that `may` be ended an empty one
/// first, then the one not used for longest.
fn longest_resting(
    sessions: &HashMap<String, Session>,
    may: &dyn Fn(&Session, u64) -> bool,
) -> Option<String> {
    sessions
        .iter()
        .filter_map(|(id, session)| Some((id, session, session.rests_with()?)))
        .filter(|(_, session, received)| may(session, *received))
        .min_by_key(|(_, session, received)| (*received > 0, session.used))
        .map(|(id, ..)| id.clone())
}

impl Session {
    /// Returns how much an upload that no request holds has received.
    fn rests_with(&self) -> Option<u64> {
        // A request that waits for another one has a copy already.
        if Arc::strong_count(&self.upload) > 1 {
            return None;
        }
        self.upload.try_lock().ok().map(|upload| upload.received())
    }
}

/// A random UUID, the form that clients expect in an upload's URL.
fn uuid() -> Result<Uuid, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waited_for_an_upload_that_became_content_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_owned());
        let directory = folder.path().join("uploads");
        let uploads = Uploads::open(directory, disk, UploadLimits::default()).unwrap();
        let uploads = Arc::new(uploads);
        let project: ProjectName = "acme/billing".parse().unwrap();
        let id = uploads.begin("token", &project).await.unwrap();
        let mut held = uploads.hold(&project, &id).await.unwrap();
        let waits = {
            let (uploads, project, id) = (Arc::clone(&uploads), project.clone(), id.clone());
            tokio::spawn(async move { uploads.hold(&project, &id).await.map(drop) })
        };
        while Arc::strong_count(&uploads.sessions()[&id].upload) < 3 {
            tokio::task::yield_now().await;
        }
        held.close();
        drop(held);
        // The session is still there: what stores the content ends it later.
        let waited = waits.await.unwrap();
        assert!(matches!(waited, Err(StoreError::NoSuchUpload)));
        let late = uploads.hold(&project, &id).await.map(drop);
        assert!(matches!(late, Err(StoreError::NoSuchUpload)));
    }

    #[test]
    fn a_start_leaves_the_pack_that_gc_writes() {
        let folder = tempfile::tempdir().unwrap();
        let [left, written] = ["upload", "copy-abc"].map(|name| folder.path().join(name));
        for path in [&left, &written] {
            std::fs::write(path, "content").unwrap();
        }
        let disk = Disk::new(folder.path().to_owned());
        Uploads::open(folder.path().to_owned(), disk, UploadLimits::default()).unwrap();
        assert!(!left.exists() && written.exists());
    }
}
