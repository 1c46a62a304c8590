//! Remotes that a program of another name serves.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::program;

#[test]
fn no_helper_for_a_remote_runs() {
    for (key, value) in [
        ("remote.origin.url", "ext::CANARY %S"),
        ("remote.origin.vcs", "own"),
        ("remote.origin.url", "own::x"),
        ("lfs.url", "ext::CANARY"),
        ("remote.origin.lfsurl", "own://x"),
        ("url.ext::CANARY .insteadOf", "https://"),
    ] {
        let canary = Canary::new();
        canary.as_program("git-remote-own");
        let repository = git_repository("https://127.0.0.1:1/x");
        let [key, value] = [key, value].map(|text| text.replace("CANARY", &canary.command()));
        repository.git(&["config", &key, &value]);
        repository.git(&["config", "protocol.allow", "always"]);
        if !key.contains("lfs") {
            canary.assert_heard(
                program("git", repository.home())
                    .env("PATH", canary.search_path())
                    .current_dir(repository.work())
                    .args(["ls-remote", "origin"]),
            );
        }
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
