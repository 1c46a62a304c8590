//! One program at a time changes a project. The kernel's lock dies with its holder; the text in
//! the file only tells people who that is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::escape::escape;

use super::files::{FileError, OnPath as _};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Takes the lock in the file `path`. While another program holds it, `waiting` is told who, and
/// this one waits.
pub(crate) fn take(
    path: &Path,
    command: &str,
    now: Timestamp,
    waiting: &dyn Fn(&str),
) -> Result<Lock, FileError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .on("open the lock", path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            waiting(&holder(&mut file));
            file.lock().on("lock", path)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).on("lock", path),
    }
    let note = format!("`{command}`, process {}, since {now}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(note.as_bytes()))
        .on("write", path)?;
    Ok(Lock(file))
}

fn holder(file: &mut File) -> String {
    let mut note = String::new();
    match file.take(200).read_to_string(&mut note) {
        Ok(_) if !note.trim().is_empty() => escape(note.trim()),
        _ => "another bulla-installer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn says_who_holds_it_and_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = take(&path, "install", Timestamp::EPOCH, &|_| unreachable!()).unwrap();
        let (tell, told) = mpsc::channel();
        let (done, finished) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                take(&path, "rollback", Timestamp::EPOCH, &|holder| {
                    tell.send(holder.to_owned()).unwrap();
                })
                .unwrap();
                done.send(()).unwrap();
            });
            let holder = told.recv().unwrap();
            assert!(holder.contains("`install`"), "{holder}");
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
            assert!(finished.recv_timeout(Duration::from_millis(50)).is_err());
            drop(held);
            finished.recv().unwrap();
        });
    }
}
