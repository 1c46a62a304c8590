//! Small files, read and replaced as a whole.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::directory::{create_directory, parent_of, sync_directory, sync_parent};
use crate::draft::{Draft, Readers};
use crate::error::{Attempt as _, FileError};
use crate::kind::require_file;

/// Most bytes of a file that [`read`] takes into memory. Larger ones have readers of their own.
const MOST: u64 = 64 * 1024 * 1024;

/// Tells whether a file is at `path`, also through a link. Anything else there is an error, also a
/// link that leads nowhere: its disk may only not be mounted.
pub fn has_file(path: &Path) -> Result<bool, FileError> {
    match path.metadata() {
        Ok(found) => require_file(path, &found).map(|()| true),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).attempt("look at", path),
        Err(_) if path.is_symlink() => Err(FileError::WrongType {
            path: path.to_owned(),
            expected: "a file",
            found: "a link that leads nowhere",
        }),
        Err(_) => Ok(false),
    }
}

/// Opens a file that anyone may have put there: a pipe, a device or a socket is an error. It is not
/// waited for, and not even opened.
pub fn open_file(path: &Path) -> Result<fs::File, FileError> {
    if !has_file(path)? {
        let error = io::Error::new(ErrorKind::NotFound, "it does not exist");
        return Err(error).attempt("open", path);
    }
    let mut options = fs::File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path).attempt("open", path)?;
    // Another thing may have its name since.
    require_file(path, &file.metadata().attempt("look at", path)?)?;
    Ok(file)
}

/// Replaces a file's content, readable by its owner only. After a crash the old content or the new
/// one is there. Missing directories above it are created. Whatever else lies there is replaced as
/// well, except for a directory: this is for state of ours.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    drafted(path, content)?.put()
}

/// Replaces a file's content as [`write`] does; it is durable once its file system is synced.
pub fn write_later(path: &Path, content: &[u8]) -> Result<(), FileError> {
    drafted(path, content)?.put_later()
}

/// Replaces the content of files of one directory as [`write`] does each, and waits once for their
/// names.
pub fn write_together<'a>(
    files: impl IntoIterator<Item = (&'a Path, &'a [u8])>,
) -> Result<(), FileError> {
    let mut drafts = Vec::new();
    for (path, content) in files {
        let draft = drafted(path, content)?;
        draft.sync()?;
        drafts.push(draft);
    }
    let directory = drafts
        .first()
        .map(|draft| parent_of(draft.path()).to_owned());
    drafts.into_iter().try_for_each(Draft::put_later)?;
    directory.map_or(Ok(()), |directory| sync_directory(&directory))
}

/// Writes a file unless there is one, and tells whether it did. For names that say what the content
/// is: no process replaces what another one reads.
pub fn write_once(path: &Path, content: &[u8]) -> Result<bool, FileError> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    drafted(path, content)?.put_new()
}

fn drafted(path: &Path, content: &[u8]) -> Result<Draft, FileError> {
    create_directory(parent_of(path))?;
    if path.is_dir() && !path.is_symlink() {
        return Err(FileError::WrongType {
            path: path.to_owned(),
            expected: "a file",
            found: "a directory",
        });
    }
    let mut draft = Draft::begin_over(path, Readers::Owner)?;
    draft.file().write_all(content).attempt("write", path)?;
    Ok(draft)
}

/// Gives a synced file or directory another name, durably, in place of what has that name.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    create_directory(parent_of(to))?;
    fs::rename(from, to).attempt("rename into place", to)?;
    sync_parent(to)?;
    if parent_of(from) == parent_of(to) {
        return Ok(());
    }
    sync_directory(parent_of(from))
}

/// Removes a file durably, and tells whether there was one.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).attempt("remove", path),
    }
}

/// Removes a file, and is content when there is none; it is gone for good once its file system is
/// synced.
pub fn remove_later(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).attempt("remove", path),
        _ => Ok(()),
    }
}

/// Reads a whole small file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    read_up_to(path, MOST)
}

/// Reads a whole file of at most `limit` bytes; `None` when there is none.
pub fn read_up_to(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let file = match open_file(path) {
        Err(error) if error.io_kind() == Some(ErrorKind::NotFound) => return Ok(None),
        opened => opened?,
    };
    let too_large = || FileError::TooLarge {
        path: path.to_owned(),
        limit,
    };
    let size = file.metadata().attempt("look at", path)?.len();
    if size > limit {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(limit + 1)
        .read_to_end(&mut content)
        .attempt("read", path)?;
    // It may have grown since.
    if content.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(Some(content))
}

/// Reads a whole JSON file; `None` when there is none.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let parse = |content: Vec<u8>| {
        serde_json::from_slice(&content).map_err(|source| FileError::Damaged {
            path: path.to_owned(),
            source,
        })
    };
    read(path)?.map(parse).transpose()
}

/// Replaces a JSON file as [`write`] does; people may read it.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let content = serde_json::to_vec_pretty(value);
    let mut content = content.map_err(Into::into).attempt("write", path)?;
    content.push(b'\n');
    write(path, &content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::*;

    fn names(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert!(!write_once(&path, b"three").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), std::slice::from_ref(&path));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
        assert!(write_once(&path, b"three").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"three");
    }

    #[test]
    fn a_link_is_replaced_and_what_it_points_at_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "kept").unwrap();
        let path = folder.path().join("file");
        symlink(&target, &path).unwrap();
        assert!(!write_once(&path, b"new").unwrap());
        write(&path, b"new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert!(!path.is_symlink());
    }

    /// Puts something in the place of a file.
    fn put(path: &Path, found: &str) {
        match found {
            "a directory" => fs::create_dir(path).unwrap(),
            "a socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
            "a device" => symlink("/dev/zero", path).unwrap(),
            "a link that leads nowhere" => symlink(path.with_extension("gone"), path).unwrap(),
            _ => {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.unwrap().success());
            }
        }
    }

    #[test]
    fn what_is_not_a_file_is_named_and_not_waited_for_and_can_be_replaced() {
        for found in [
            "a directory",
            "a named pipe",
            "a socket",
            "a device",
            "a link that leads nowhere",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state");
            put(&path, found);
            for error in [
                read(&path).unwrap_err(),
                open_file(&path).unwrap_err(),
                has_file(&path).unwrap_err(),
            ] {
                let expected = format!("`{}` is {found}; expected a file", path.display());
                assert_eq!(error.to_string(), expected);
                assert!(error.is_damage());
            }
            if found == "a directory" {
                let error = write(&path, b"new").unwrap_err();
                assert!(matches!(error, FileError::WrongType { .. }), "{error}");
                continue;
            }
            write(&path, b"new").unwrap();
            assert_eq!(read(&path).unwrap().unwrap(), b"new");
            fs::remove_file(&path).unwrap();
            put(&path, found);
            write_later(&path, b"newer").unwrap();
            assert_eq!(read(&path).unwrap().unwrap(), b"newer");
        }
    }

    #[test]
    fn a_file_larger_than_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, "1234").unwrap();
        assert_eq!(read_up_to(&path, 4).unwrap().unwrap(), b"1234");
        let error = read_up_to(&path, 3).unwrap_err();
        assert!(
            matches!(error, FileError::TooLarge { limit: 3, .. }),
            "{error}"
        );
        // As large as no memory is, though nothing of it is on the disk.
        let file = fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        assert!(read(&path).unwrap_err().is_damage());
    }

    #[test]
    fn a_renamed_file_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a/one"), folder.path().join("b/two"));
        write(&from, b"one").unwrap();
        write(&to, b"two").unwrap();
        rename(&from, &to).unwrap();
        assert_eq!(read(&to).unwrap().unwrap(), b"one");
        assert_eq!(read(&from).unwrap(), None);
    }

    #[test]
    fn damaged_json_is_told_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        write_json(&path, &7).unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(7));
        fs::write(&path, "{").unwrap();
        let error = read_json::<u32>(&path).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. }), "{error}");
        assert_eq!(error.path(), path);
    }
}
