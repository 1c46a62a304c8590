//! Configuration that another file brings.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::program;

#[test]
fn no_program_of_an_included_file_runs() {
    for key in ["include.path", "includeIf.gitdir:**/.git.path"] {
        let canary = Canary::new();
        let repository = git_repository("https://127.0.0.1:1/x");
        let command = canary.command();
        let included = format!(
            "[filter \"own\"]\n\tclean = {command}\n[filter \"lfs\"]\n\tclean = {command}\n\
             [core]\n\tfsmonitor = {command}\n\tsshCommand = {command}\n"
        );
        repository.write("included", included);
        repository.git(&["config", key, "../included"]);
        touch(&repository);
        canary.assert_heard(
            program("git", repository.home())
                .current_dir(repository.work())
                .arg("status"),
        );
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
