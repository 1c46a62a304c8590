//! A filter that stays and cleans many files.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::program;

#[test]
fn no_filter_process_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    for filter in ["own", "lfs"] {
        let key = format!("filter.{filter}.process");
        repository.git(&["config", &key, &canary.command()]);
        repository.git(&[
            "config",
            &format!("filter.{filter}.smudge"),
            &canary.command(),
        ]);
    }
    touch(&repository);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .arg("status"),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
