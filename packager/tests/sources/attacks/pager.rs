//! A pager, and an editor.

use super::Trap;

#[test]
fn no_pager_or_editor_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    for key in [
        "core.pager",
        "core.editor",
        "pager.rev-parse",
        "pager.config",
    ] {
        trap.configure(key, "CANARY");
    }
    trap.assert_silent();
}
