//! Becomes another program, with the same process id: whoever started this one need not know.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::alarm;

/// Becomes a program, with the arguments that this one was given and a changed environment: a
/// variable with a value is set, one without is removed. Returns only why that did not work.
pub(crate) fn replace(
    path: &Path,
    arguments: &[OsString],
    environment: &[(&str, Option<OsString>)],
) -> io::Error {
    let mut command = Command::new(path);
    command.args(arguments.iter().skip(1));
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.exec()
}

/// Has the system end this process after a time (`SIGALRM`), also when it has become another program
/// by then, unless that program lifts it.
pub(crate) fn set_deadline(time: Duration) {
    alarm::set(u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1));
}

/// Lifts the deadline.
pub(crate) fn lift_deadline() {
    alarm::cancel();
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_deadline_ends_the_program_that_this_one_became() {
        let tests = std::env::current_exe().unwrap();
        let ended = Command::new(tests)
            .args(["--exact", "platform::replace::tests::sleeper", "--ignored"])
            .status()
            .unwrap();
        assert_eq!(ended.signal(), Some(nix::libc::SIGALRM));
    }

    #[test]
    #[ignore = "the program of the test above"]
    fn sleeper() {
        set_deadline(Duration::from_secs(1));
        let arguments = ["sleep", "60"].map(OsString::from);
        panic!("{}", replace(Path::new("/bin/sleep"), &arguments, &[]));
    }
}
