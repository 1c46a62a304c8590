//! Permissions of a tree that is going to be live. They are no part of what is compared: a person
//! may have had reasons. Only a program that can be read must be executable, or nothing runs.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fchmod, fstat, openat};

use super::compare::executable_bits;
use super::descent::Descent;

/// Lets everybody who may read a program execute it. Returns how many could not be changed: they
/// belong to another user.
pub(crate) fn make_executable(tree: &Path, programs: &[String]) -> usize {
    let Ok(mut descent) = Descent::open(tree) else {
        return programs.len();
    };
    programs
        .iter()
        .filter(|path| make_one(&mut descent, path).is_err())
        .count()
}

fn make_one(descent: &mut Descent, path: &str) -> io::Result<()> {
    let (directory, name) = descent.parent_of(path)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(directory, name, flags, Mode::empty())?;
    let mode = fstat(&file)?.st_mode & 0o7777;
    Ok(fchmod(
        &file,
        Mode::from_raw_mode(mode | executable_bits(mode)),
    )?)
}
