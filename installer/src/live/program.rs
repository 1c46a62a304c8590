//! The program that a release of the installer's own project carries: where it lies, and whether it
//! could be the agent here. Only a program that works already judges that.

use std::env::consts::ARCH;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use semver::Version;

use super::hooks::of_release;
use crate::platform::child::{self, Output, Program, require_unshared};

/// The program in the tree of a release. Where the same name with the machine's architecture behind
/// it is there too, that one counts.
const PROGRAM: &str = "bin/bulla-installer";

/// How long a program may take to say its version.
const PATIENCE_FOR_VERSION: Duration = Duration::from_secs(10);
/// How long it may take to look whether it could be the agent.
const PATIENCE_FOR_CHECK: Duration = Duration::from_mins(1);

/// Returns the program in the tree of a release, where that carries one.
pub(crate) fn find(tree: &Path) -> Result<Option<PathBuf>, String> {
    let names = [format!("{PROGRAM}-{ARCH}"), PROGRAM.to_owned()];
    let is_there = |name: &&String| tree.join(name).symlink_metadata().is_ok();
    let Some(name) = names.iter().find(is_there) else {
        return Ok(None);
    };
    let found = of_release(tree, name).and_then(|path| {
        require_program(&path)?;
        Ok(Some(path))
    });
    found.map_err(|why| format!("`{name}` of the release: {why}"))
}

/// Refuses what the system would not run by itself. The C library gives such a file to a shell, line
/// by line and as root.
fn require_program(path: &Path) -> Result<(), String> {
    let kind = kind_of(path).map_err(|error| format!("it cannot be read: {error}"))?;
    match kind {
        Kind::Script => Ok(()),
        Kind::Elf(machine) => match kind_of(Path::new("/proc/self/exe")) {
            Ok(Kind::Elf(own)) if own != machine => Err(format!(
                "it is a program for another kind of machine: expected the ELF machine {own}, found \
                 {machine}"
            )),
            _ => Ok(()),
        },
        Kind::Other => Err(
            "it is not a program: expected an ELF file, or a script that begins with `#!`"
                .to_owned(),
        ),
    }
}

/// What the beginning of a file says that it is.
enum Kind {
    Script,
    /// A program for a machine, by its number in the ELF header.
    Elf(u16),
    Other,
}

fn kind_of(path: &Path) -> std::io::Result<Kind> {
    const MAGIC: &[u8] = b"\x7fELF";
    /// Where the byte order and the machine stand.
    const ORDER: usize = 5;
    const MACHINE: std::ops::Range<usize> = 18..20;
    const BIG_ENDIAN: u8 = 2;
    let mut start = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MACHINE.end as u64).read_to_end(&mut start)?;
    if start.starts_with(b"#!") {
        return Ok(Kind::Script);
    }
    let machine = start.get(MACHINE).and_then(|bytes| bytes.try_into().ok());
    Ok(match machine.filter(|_| start.starts_with(MAGIC)) {
        Some(bytes) if start[ORDER] == BIG_ENDIAN => Kind::Elf(u16::from_be_bytes(bytes)),
        Some(bytes) => Kind::Elf(u16::from_le_bytes(bytes)),
        None => Kind::Other,
    })
}

/// Says of a release that it carries none.
pub(crate) fn none() -> String {
    format!("it carries no program `{PROGRAM}`")
}

/// Says of a release why its program cannot be the agent.
pub(super) fn unfit(why: &str) -> String {
    format!("its program could not be the agent here: {why}")
}

/// Asks a program for its version, and so whether it can be started at all.
pub(crate) fn version(path: &Path) -> Result<Version, String> {
    let said = run(path, &["--version".to_owned()], PATIENCE_FOR_VERSION)?;
    let last = said.lines().next_back().unwrap_or_default();
    let version = last.rsplit(' ').next().unwrap_or_default();
    version
        .parse()
        .map_err(|error| format!("`--version` says {last:?}: {error}"))
}

/// Has a program say its version, and look whether it could be the agent of a server. Where this
/// program cannot say that of itself either, the other one is not to blame.
pub(super) fn check(path: &Path, server: &[String]) -> Result<(), String> {
    let user = rustix::process::geteuid().as_raw();
    require_unshared(path, user)
        .and_then(|()| version(path))
        .map_err(|why| unfit(&why))?;
    let mut arguments = server.to_vec();
    arguments.push("self-check".to_owned());
    let Err(why) = run(path, &arguments, PATIENCE_FOR_CHECK) else {
        return Ok(());
    };
    let own = std::fs::read_link("/proc/self/exe").map_err(|error| error.to_string());
    match own.and_then(|own| run(&own, &arguments, PATIENCE_FOR_CHECK)) {
        Ok(_) => Err(format!(
            "its program could not be the agent here, and the one that runs could: {why}"
        )),
        Err(_) => Ok(()),
    }
}

/// Runs a program in the environment of this one, and returns what it said.
fn run(path: &Path, arguments: &[String], timeout: Duration) -> Result<String, String> {
    let mut output = Output::default();
    let program = Program {
        path,
        arguments,
        directory: Path::new("/"),
        environment: None,
        user: None,
        timeout,
    };
    let called = format!("`{} {}`", path.display(), arguments.join(" "));
    let ended = child::run(&program, &mut output);
    let ended = ended.map_err(|error| format!("{called} cannot run: {error}"))?;
    let text = output.text();
    let mut lines = text.lines().map(|line| line.get(5..).unwrap_or(line));
    if ended.is_success() {
        return Ok(lines.collect::<Vec<_>>().join("\n"));
    }
    let last = lines.next_back().map(|line| format!(": {line}"));
    Err(format!("{called} {ended}{}", last.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(tree: &Path, name: &str, content: impl AsRef<[u8]>) {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_program_for_this_kind_of_machine_is_preferred() {
        let tree = tempfile::tempdir().unwrap();
        let tree = tree.path();
        assert_eq!(find(tree), Ok(None));
        write(tree, PROGRAM, "#!/bin/sh\necho bulla-installer 1.2.3\n");
        let found = || find(tree).unwrap().unwrap();
        assert_eq!(found(), tree.join(PROGRAM));
        assert_eq!(version(&found()), Ok(Version::new(1, 2, 3)));
        let here = format!("{PROGRAM}-{ARCH}");
        write(tree, &here, "#!/bin/sh\necho broken\n");
        assert_eq!(found(), tree.join(here));
        assert!(version(&found()).is_err());
    }

    #[test]
    fn what_is_not_a_program_is_refused_and_never_given_to_a_shell() {
        let tree = tempfile::tempdir().unwrap();
        let canary = tree.path().join("canary");
        let shell = format!("touch {}\n", canary.display());
        for (content, why) in [
            (shell.as_bytes(), "expected an ELF file, or a script"),
            (b"", "it is not a program"),
            (b"\x7fELF", "it is not a program"),
            (
                b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xff\x7f",
                "found 32767",
            ),
            (
                b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\x7f\xfe",
                "found 32766",
            ),
        ] {
            write(tree.path(), PROGRAM, content);
            let problem = find(tree.path()).unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
        // What this is the trap for.
        let path = tree.path().join(PROGRAM);
        write(tree.path(), PROGRAM, shell);
        drop(version(&path));
        assert!(canary.exists());
        let own = std::env::current_exe().unwrap();
        assert_eq!(require_program(&own), Ok(()));
    }
}
