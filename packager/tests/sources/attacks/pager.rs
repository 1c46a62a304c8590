//! A pager, and an editor.

use super::{Canary, assert_silent, git_repository};

#[test]
fn no_pager_or_editor_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    for key in [
        "core.pager",
        "core.editor",
        "pager.rev-parse",
        "pager.config",
    ] {
        repository.git(&["config", key, &canary.command()]);
    }
    assert_silent(&repository.work(), repository.home(), &canary);
}
