//! Aliases in the place of the commands that are run.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::program;

#[test]
fn no_alias_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    for name in ["lfs", "rev-parse", "config", "fetch", "other"] {
        let command = format!("!{}", canary.command());
        repository.git(&["config", &format!("alias.{name}"), &command]);
    }
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .arg("other"),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
