//! What a machine has to offer for other surroundings.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::build::FalseClock;
use crate::child;

/// A year and some days and hours: another year, month, day, weekday and hour.
const OFFSET: &str = "+400d";

/// Finds the library of `faketime`, where a sandbox can see it.
pub(super) fn false_clock() -> Option<FalseClock> {
    let names = ["faketime/libfaketimeMT.so.1", "faketime/libfaketime.so.1"];
    let parents = ["/usr/lib", "/usr/lib64"].into_iter().flat_map(|parent| {
        let below = std::fs::read_dir(parent).into_iter().flatten();
        let below = below.filter_map(Result::ok).map(|entry| entry.path());
        [PathBuf::from(parent)].into_iter().chain(below)
    });
    let library = parents
        .flat_map(|parent| names.map(|name| parent.join(name)))
        .find(|library| library.is_file())?;
    Some(FalseClock {
        library,
        offset: OFFSET,
    })
}

/// Returns a locale with UTF-8 that is installed and orders or writes otherwise than `C.UTF-8`.
pub(super) fn other_locale() -> Option<String> {
    let output = child::command("locale")
        .arg("-a")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let locales = String::from_utf8(output.stdout).ok()?;
    let is_other = |locale: &&str| {
        let lower = locale.to_ascii_lowercase();
        let (language, encoding) = lower.split_once('.').unwrap_or((&lower, ""));
        matches!(encoding, "utf8" | "utf-8") && language != "c"
    };
    locales.lines().find(is_other).map(str::to_owned)
}

/// Returns a directory in memory when `spool` is on a disk and memory has room: directories list
/// their files in another order there.
#[cfg(target_os = "linux")]
pub(super) fn other_spool(spool: &Path) -> Option<PathBuf> {
    use rustix::fs::StatVfsMountFlags;
    const ROOM: u64 = 4 << 30;
    let memory = Path::new("/dev/shm");
    let (here, there) = (
        rustix::fs::stat(spool).ok()?,
        rustix::fs::stat(memory).ok()?,
    );
    let room = rustix::fs::statvfs(memory).ok()?;
    let is_usable = here.st_dev != there.st_dev
        && room.f_bavail.saturating_mul(room.f_frsize) >= ROOM
        && !room.f_flag.contains(StatVfsMountFlags::NOEXEC)
        && rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok();
    is_usable.then(|| memory.to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn other_spool(_: &Path) -> Option<PathBuf> {
    None
}
