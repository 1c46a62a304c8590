//! A filter that cleans what is compared with the commit.

use super::{Canary, assert_silent, git_repository, touch};
use crate::checkout::program;

#[test]
fn no_clean_filter_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    for filter in ["own", "lfs"] {
        let key = format!("filter.{filter}.clean");
        repository.git(&["config", &key, &canary.command()]);
        repository.git(&["config", &format!("filter.{filter}.required"), "true"]);
    }
    touch(&repository);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .arg("status"),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
