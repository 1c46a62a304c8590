//! Aliases in the place of the commands that are run.

use super::Trap;

#[test]
fn no_alias_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    for name in ["lfs", "rev-parse", "config", "fetch", "other"] {
        trap.configure(&format!("alias.{name}"), "!CANARY");
    }
    trap.assert_sprung_by(&["other"]);
    trap.assert_silent();
}
