//! The program that a release of the installer's own project carries: where it lies, and whether it
//! could be the agent here. Only a program that works already judges that.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::time::Duration;

use semver::Version;

use super::hooks::of_release;
use crate::platform::child::{self, Output, Program};

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
    let found = of_release(tree, name).map_err(|why| format!("`{name}` of the release: {why}"));
    found.map(Some)
}

/// Says of a release that it carries none.
pub(crate) fn none() -> String {
    format!("it carries no program `{PROGRAM}`")
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
    version(path).map_err(|why| format!("its program could not be the agent here: {why}"))?;
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

    fn write(tree: &Path, name: &str, text: &str) {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
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
    fn what_is_no_program_cannot_be_started() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), PROGRAM, "\u{7f}ELF of another machine");
        let found = find(tree.path()).unwrap().unwrap();
        let problem = version(&found).unwrap_err();
        assert!(problem.contains("--version"), "{problem}");
    }
}
