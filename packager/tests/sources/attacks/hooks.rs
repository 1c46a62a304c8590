//! Hooks, in the repository and where its configuration says.

use super::Trap;
use crate::checkout::make_executable;

#[test]
fn no_hook_of_a_checkout_runs() {
    for elsewhere in [false, true] {
        let trap = Trap::new("https://127.0.0.1:1/x");
        let hooks = if elsewhere {
            ".git/own-hooks"
        } else {
            ".git/hooks"
        };
        for hook in [
            "post-checkout",
            "post-index-change",
            "pre-auto-gc",
            "pre-push",
            "reference-transaction",
            "fsmonitor-watchman",
        ] {
            let path = format!("{hooks}/{hook}");
            let script = format!("#!/bin/sh\nexec {}\n", trap.canary.command());
            trap.repository.write(&path, script);
            make_executable(&trap.repository.work().join(path));
        }
        if elsewhere {
            let hooks = trap.repository.work().join(hooks);
            trap.configure("core.hooksPath", hooks.to_str().unwrap());
        }
        trap.touch();
        trap.assert_sprung_by(&["update-index", "--refresh", "--force-write-index"]);
        trap.assert_silent();
    }
}
