//! Hooks, in the repository and where its configuration says.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::{make_executable, program};

#[test]
fn no_hook_of_a_checkout_runs() {
    for elsewhere in [false, true] {
        let canary = Canary::new();
        let repository = git_repository("https://127.0.0.1:1/x");
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
            repository.write(&path, format!("#!/bin/sh\nexec {}\n", canary.command()));
            make_executable(&repository.work().join(path));
        }
        if elsewhere {
            let hooks = repository.work().join(hooks);
            repository.git(&["config", "core.hooksPath", hooks.to_str().unwrap()]);
        }
        touch(&repository);
        canary.assert_heard(
            program("git", repository.home())
                .current_dir(repository.work())
                .args(["update-index", "--refresh", "--force-write-index"]),
        );
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
