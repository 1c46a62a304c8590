//! An extension of Git LFS.

use super::{Canary, assert_silent, git_repository, touch};

#[test]
fn no_extension_of_git_lfs_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    for key in ["clean", "smudge"] {
        let key = format!("lfs.extension.own.{key}");
        repository.git(&["config", &key, &canary.command()]);
    }
    repository.git(&["config", "lfs.extension.own.priority", "0"]);
    repository.git(&["config", "filter.lfs.clean", "git-lfs clean -- %f"]);
    touch(&repository);
    assert_silent(&repository.work(), repository.home(), &canary);
}
