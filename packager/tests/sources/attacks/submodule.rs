//! A submodule whose own configuration names programs, in a checkout that is fine.

use super::{Trap, git_repository, give_away};
use crate::checkout::{GitRepository, refusal, resolve, spec};

fn with_submodule() -> Trap {
    let library = git_repository("https://127.0.0.1:1/x");
    let trap = Trap::in_checkout(GitRepository::with_files());
    let repository = &trap.repository;
    let url = library.work().display().to_string();
    repository.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "-q",
        "add",
        &url,
        "lib",
    ]);
    repository.commit("library");
    let top = repository.work().join("lib");
    for (key, value) in [
        ("filter.own.clean", "CANARY"),
        ("filter.lfs.process", "CANARY"),
        ("core.fsmonitor", "CANARY"),
        ("core.sshCommand", "CANARY"),
        ("lfs.standalonetransferagent", "own"),
        ("lfs.customtransfer.own.path", "CANARY"),
    ] {
        trap.configure_in(&top, key, value);
    }
    repository.write("lib/secret.txt", "y\n");
    trap.configure("submodule.lib.update", "!CANARY");
    trap
}

#[test]
fn no_program_of_a_submodule_runs() {
    with_submodule().assert_silent();
}

#[test]
fn a_submodule_of_another_user_is_refused() {
    let trap = with_submodule();
    let top = trap.repository.work();
    if !give_away(&top.join("lib")) {
        return;
    }
    let error = refusal(resolve(&spec(&top)));
    assert!(
        error.to_string().contains("belongs to another user"),
        "{error}"
    );
    trap.canary.assert_silent("a submodule");
}
