//! A filter that cleans what is compared with the commit.

use super::Trap;

#[test]
fn no_clean_filter_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    for filter in ["own", "lfs"] {
        trap.configure(&format!("filter.{filter}.clean"), "CANARY");
        trap.configure(&format!("filter.{filter}.required"), "true");
    }
    trap.touch();
    trap.assert_sprung_by(&["status"]);
    trap.assert_silent();
}
