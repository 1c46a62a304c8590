//! A monitor that says which files changed.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::program;

#[test]
fn no_file_system_monitor_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    repository.git(&["config", "core.fsmonitor", &canary.command()]);
    repository.git(&["config", "core.fsmonitorHookVersion", "2"]);
    touch(&repository);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .arg("status"),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
