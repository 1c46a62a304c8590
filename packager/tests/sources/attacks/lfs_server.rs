//! A commit that chooses where Git LFS asks.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::{refusal, resolve, spec};

#[test]
fn a_commit_can_choose_a_server_and_no_program_or_place() {
    for (url, said) in [
        ("ext::CANARY", "names a program"),
        ("--upload-pack=CANARY", "would be an option"),
        ("ssh://-oProxyCommand=CANARY/x", "would be an option"),
        ("file:///srv/other", "a place on this machine"),
        ("/srv/other", "a place on this machine"),
        ("../other", "a place on this machine"),
    ] {
        let canary = Canary::new();
        let repository = git_repository("https://127.0.0.1:1/x");
        let url = url.replace("CANARY", &canary.command());
        repository.write(".lfsconfig", format!("[lfs]\n\turl = \"{url}\"\n"));
        repository.commit("server");
        let error = refusal(resolve(&spec(&repository.work())));
        assert!(error.to_string().contains(said), "{url}: {error}");
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
