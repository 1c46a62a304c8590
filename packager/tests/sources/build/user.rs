//! Root and an ordinary user build the same.

use std::process::Command;

use super::support::{Project, find, sandboxes};
use crate::checkout::{run, skip};

/// The number of `nobody`.
const NOBODY: &str = "65534";

#[test]
fn an_ordinary_user_builds_what_root_builds() {
    let is_root = run(Command::new("id").arg("-u")) == "0";
    if !is_root || find("setpriv").is_none() {
        skip("a build as root and as another user, because that needs root and `setpriv`");
        return;
    }
    if sandboxes().is_empty() {
        return;
    }
    let project = Project::new(
        "mkdir out; id > out/id; ls -ln / /etc > /dev/null; touch out/run; chmod 700 out/run; chmod 0 out/id",
    );
    project.commit();
    let program = env!("CARGO_BIN_EXE_bulla");
    let pack = |command: &mut Command, place: &std::path::Path| {
        run(command
            .args(["pack", "--fresh", "--"])
            .arg(place)
            .env("HOME", place)
            .env("TMPDIR", place.parent().unwrap()))
    };
    let root = pack(&mut Command::new(program), &project.repository.work());

    let directory = tempfile::tempdir().unwrap();
    let work = directory.path().join("work");
    run(Command::new("cp")
        .arg("-a")
        .arg(project.repository.work())
        .arg(&work));
    run(Command::new("chown")
        .args(["-R", &format!("{NOBODY}:{NOBODY}")])
        .arg(directory.path()));
    let copy = directory.path().join("bulla");
    std::fs::copy(program, &copy).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(&copy);
    assert_eq!(pack(&mut command, &work), root);
}
