//! Programs that show differences, and turn files into text first.

use super::Trap;

#[test]
fn no_diff_program_of_a_checkout_runs() {
    for key in ["diff.external", "diff.own.command", "diff.own.textconv"] {
        let trap = Trap::new("https://127.0.0.1:1/x");
        trap.configure(key, "CANARY");
        trap.touch();
        trap.assert_sprung_by(&["diff"]);
        trap.assert_silent();
    }
}
