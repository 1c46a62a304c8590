//! Externals that would run a program of the user's configuration, or read from this machine.

use super::Canary;
use super::svn_database::define_tunnel;
use crate::checkout::{SvnRepository, program, run};

/// Packs what `svnserve` serves, with an external in it.
fn pack_with_external(external: &str) -> (String, Canary) {
    let canary = Canary::new();
    let repository = SvnRepository::with_files();
    define_tunnel(&repository, &canary);
    let external = external.replace("LOCAL", &repository.url("other"));
    run(program("svnmucc", repository.home())
        .args(["-m", "external", "propset", "svn:externals", &external])
        .arg(repository.url("trunk")));
    let (_server, url) = crate::svn::server::serve(repository.home());
    let output = program(env!("CARGO_BIN_EXE_bulla"), repository.home())
        .args(["pack", "--fresh"])
        .arg(format!("{url}/repo/trunk"))
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    (String::from_utf8(output.stderr).unwrap(), canary)
}

#[test]
fn no_external_runs_a_tunnel_of_the_user() {
    let (said, canary) = pack_with_external("svn+own://host/x@1 lib");
    assert!(said.contains("has no such transport itself"), "{said}");
    assert!(said.contains("`lib`"), "{said}");
    canary.assert_silent("an external");
}

#[test]
fn no_external_is_an_option_of_ssh() {
    let (said, canary) = pack_with_external("svn+ssh://-oProxyCommand=x/y@1 lib");
    assert!(said.contains("would be an option"), "{said}");
    canary.assert_silent("an external");
}

#[test]
fn no_external_of_a_server_is_on_this_machine() {
    let (said, _) = pack_with_external("LOCAL@1 lib");
    assert!(said.contains("it is a place on this machine"), "{said}");
}
