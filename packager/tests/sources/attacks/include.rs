//! Configuration that another file brings.

use super::Trap;

#[test]
fn no_program_of_an_included_file_runs() {
    for key in ["include.path", "includeIf.gitdir:**/.git.path"] {
        let trap = Trap::new("https://127.0.0.1:1/x");
        let command = trap.canary.command();
        let included = format!(
            "[filter \"own\"]\n\tclean = {command}\n[filter \"lfs\"]\n\tclean = {command}\n\
             [core]\n\tfsmonitor = {command}\n\tsshCommand = {command}\n"
        );
        trap.repository.write("included", included);
        trap.configure(key, "../included");
        trap.touch();
        trap.assert_sprung_by(&["status"]);
        trap.assert_silent();
    }
}
