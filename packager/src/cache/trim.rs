//! Keeps the cache from growing without end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often old frames are looked for.
const PERIOD: Duration = Duration::from_hours(24);
/// Bytes of frames and records that are kept.
const MOST: u64 = 4 * 1024 * 1024 * 1024;

struct File {
    path: PathBuf,
    used: SystemTime,
    size: u64,
}

/// Removes what was not used for longest, once a day, until the rest is small enough.
pub(super) fn trim(directory: &Path, now: SystemTime) -> io::Result<()> {
    let marker = directory.join("trimmed");
    let last = marker.metadata().and_then(|metadata| metadata.modified());
    if last.is_ok_and(|last| now.duration_since(last).unwrap_or_default() < PERIOD) {
        return Ok(());
    }
    bulla_files::write_later(&marker, b"")?;
    remove_oldest(directory, MOST)
}

fn remove_oldest(directory: &Path, most: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for folder in ["frames", "records"] {
        list(&directory.join(folder), &mut files)?;
    }
    files.sort_by_key(|file| file.used);
    let mut size: u64 = files.iter().map(|file| file.size).sum();
    for file in files {
        if size <= most {
            break;
        }
        // Another pack may have removed it, and that is as good.
        let _ = fs::remove_file(&file.path);
        size -= file.size;
    }
    Ok(())
}

fn list(directory: &Path, files: &mut Vec<File>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            list(&path, files)?;
        } else {
            files.push(File {
                path,
                used: metadata.modified()?,
                size: metadata.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let cache = tempfile::tempdir().unwrap();
        let frames = cache.path().join("frames/zstd-1.5.7-5/ab");
        fs::create_dir_all(&frames).unwrap();
        for (name, age) in [("old", 30), ("older", 40), ("new", 20)] {
            let path = frames.join(name);
            fs::write(&path, [0; 100]).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(used).unwrap();
        }
        remove_oldest(cache.path(), 150).unwrap();
        let left: Vec<_> = fs::read_dir(&frames)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["new"]);
    }

    #[test]
    fn looks_once_a_day() {
        let cache = tempfile::tempdir().unwrap();
        let marker = cache.path().join("trimmed");
        let now = tempfile::tempfile()
            .unwrap()
            .metadata()
            .unwrap()
            .modified()
            .unwrap();
        trim(cache.path(), now).unwrap();
        let first = marker.metadata().unwrap().modified().unwrap();
        trim(cache.path(), now + PERIOD / 2).unwrap();
        assert_eq!(marker.metadata().unwrap().modified().unwrap(), first);
        let old = first - PERIOD;
        let file = fs::File::options().write(true).open(&marker).unwrap();
        file.set_modified(old).unwrap();
        trim(cache.path(), first).unwrap();
        assert!(marker.metadata().unwrap().modified().unwrap() > old);
    }
}
