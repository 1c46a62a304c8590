//! Programs that show differences, and turn files into text first.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::program;

#[test]
fn no_diff_program_of_a_checkout_runs() {
    for key in ["diff.external", "diff.own.command", "diff.own.textconv"] {
        let canary = Canary::new();
        let repository = git_repository("https://127.0.0.1:1/x");
        repository.git(&["config", key, &canary.command()]);
        touch(&repository);
        canary.assert_heard(
            program("git", repository.home())
                .current_dir(repository.work())
                .arg("diff"),
        );
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
