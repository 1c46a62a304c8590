//! A working copy whose database names a server that a program of the user's configuration reaches.

use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::Canary;
use crate::checkout::{SvnRepository, program, refusal, run, spec};
use bulla_packager::source;

/// Lets the user's `svn` run the canary for `svn+own://`.
pub(super) fn define_tunnel(repository: &SvnRepository, canary: &Canary) {
    let configuration = repository.home().join(".subversion");
    std::fs::create_dir_all(&configuration).unwrap();
    let tunnels = format!("[tunnels]\nown = {}\n", canary.command());
    std::fs::write(configuration.join("config"), tunnels).unwrap();
}

#[test]
fn a_root_that_needs_a_tunnel_of_the_user_is_not_asked() {
    let canary = Canary::new();
    let repository = SvnRepository::with_files();
    define_tunnel(&repository, &canary);
    let root = "svn+own://host/repo";
    run(program("python3", repository.home())
        .args([
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
             c.execute('update repository set root = ?', [sys.argv[2]]); c.commit()",
        ])
        .arg(repository.work().join(".svn/wc.db"))
        .arg(root));
    canary.assert_heard(
        program("svn", repository.home())
            .current_dir(repository.work())
            .args(["info", "-r", "1", "."]),
    );
    let mut pack = program(env!("CARGO_BIN_EXE_bulla"), repository.home());
    pack.args(["pack", "--fresh", "--revision", "1"])
        .arg(repository.work());
    let output = pack.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has no such transport itself"), "{said}");
    canary.assert_silent("pack");
    let mut named = spec(&repository.work());
    named.revision = Some("1".to_owned());
    assert_eq!(refusal(source::open(&named)).kind(), FailureKind::Refused);
}
