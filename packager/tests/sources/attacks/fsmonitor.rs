//! A monitor that says which files changed.

use super::Trap;

#[test]
fn no_file_system_monitor_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    trap.configure("core.fsmonitor", "CANARY");
    trap.configure("core.fsmonitorHookVersion", "2");
    trap.touch();
    trap.assert_sprung_by(&["status"]);
    trap.assert_silent();
}
