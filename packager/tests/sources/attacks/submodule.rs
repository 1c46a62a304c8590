//! A submodule whose own configuration names programs, in a checkout that is fine.

use super::{Canary, assert_silent, git_repository, give_away};
use crate::checkout::{GitRepository, refusal, resolve, spec};

fn with_submodule(canary: &Canary) -> GitRepository {
    let library = git_repository("https://127.0.0.1:1/x");
    let repository = GitRepository::with_files();
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
        ("filter.own.clean", canary.command()),
        ("filter.lfs.process", canary.command()),
        ("core.fsmonitor", canary.command()),
        ("core.sshCommand", canary.command()),
        ("lfs.standalonetransferagent", "own".to_owned()),
        ("lfs.customtransfer.own.path", canary.command()),
    ] {
        repository.git_in(&top, &["config", key, &value]);
    }
    repository.write("lib/secret.txt", "y\n");
    repository.git(&[
        "config",
        "submodule.lib.update",
        &format!("!{}", canary.command()),
    ]);
    repository
}

#[test]
fn no_program_of_a_submodule_runs() {
    let canary = Canary::new();
    let repository = with_submodule(&canary);
    assert_silent(&repository.work(), repository.home(), &canary);
}

#[test]
fn a_submodule_of_another_user_is_refused() {
    let canary = Canary::new();
    let repository = with_submodule(&canary);
    if !give_away(&repository.work().join("lib")) {
        return;
    }
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(
        error.to_string().contains("belongs to another user"),
        "{error}"
    );
    canary.assert_silent("a submodule");
}
