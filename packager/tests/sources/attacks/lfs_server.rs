//! A commit that chooses where Git LFS asks.

use super::Trap;
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
        let trap = Trap::new("https://127.0.0.1:1/x");
        let url = url.replace("CANARY", &trap.canary.command());
        let configuration = format!("[lfs]\n\turl = \"{url}\"\n");
        trap.repository.write(".lfsconfig", configuration);
        trap.repository.commit("server");
        let error = refusal(resolve(&spec(&trap.repository.work())));
        assert!(error.to_string().contains(said), "{url}: {error}");
        trap.assert_silent();
    }
}
