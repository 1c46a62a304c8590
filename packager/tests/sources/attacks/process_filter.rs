//! A filter that stays and cleans many files.

use super::Trap;

#[test]
fn no_filter_process_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    for filter in ["own", "lfs"] {
        trap.configure(&format!("filter.{filter}.process"), "CANARY");
        trap.configure(&format!("filter.{filter}.smudge"), "CANARY");
    }
    trap.touch();
    trap.assert_sprung_by(&["status"]);
    trap.assert_silent();
}
