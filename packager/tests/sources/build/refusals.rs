//! Without a sandbox nothing runs, unless somebody says so; and what cannot be exported.

use bulla_packager::build::{BuildError, BuildOptions, Tools};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::statement::Build;

use super::support::{Project, find, options, sandboxes};

#[test]
fn refuses_without_a_program_that_makes_sandboxes() {
    let options = BuildOptions {
        tools: Tools::default(),
        ..options()
    };
    let error = Project::new("mkdir out; touch out/x").failure(&options);
    assert_eq!(error.kind(), FailureKind::Refused);
    let said = error.to_string();
    assert!(
        said.contains("`bwrap` is not installed\n`unshare` is not installed"),
        "{said}"
    );
    let hint = error.hint().unwrap();
    for word in [
        "apt install bubblewrap",
        "user.max_user_namespaces",
        "--no-sandbox",
    ] {
        assert!(hint.contains(word), "{hint}");
    }
}

#[test]
fn says_what_failed_where_a_machine_forbids_sandboxes() {
    let broken = tempfile::tempdir().unwrap();
    for name in ["bwrap", "unshare"] {
        let program = broken.path().join(name);
        let text = format!("#!/bin/sh\necho {name}: Operation not permitted >&2\nexit 1\n");
        std::fs::write(&program, text).unwrap();
        crate::checkout::make_executable(&program);
    }
    let options = BuildOptions {
        tools: Tools {
            bubblewrap: Some(broken.path().join("bwrap")),
            unshare: Some(broken.path().join("unshare")),
        },
        ..options()
    };
    let said = Project::new("mkdir out; touch out/x")
        .failure(&options)
        .to_string();
    for line in [
        "`bwrap` cannot make one: bwrap: Operation not permitted",
        "`unshare` cannot make one: unshare: Operation not permitted",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn user_namespaces_help_where_bubblewrap_does_not() {
    let Some(unshare) = find("unshare").filter(|_| sandboxes().len() == 2) else {
        return;
    };
    let options = BuildOptions {
        tools: Tools {
            bubblewrap: find("false"),
            unshare: Some(unshare),
        },
        ..options()
    };
    let built = Project::new("mkdir out; touch out/x")
        .build(&options)
        .unwrap();
    assert_eq!(built.provenance.build, Build::Sandbox);
}

#[test]
fn somebody_may_say_that_it_runs_without() {
    let options = BuildOptions {
        tools: Tools::default(),
        no_sandbox: true,
        ..options()
    };
    let project = Project::new("mkdir out; { umask; env; ls -A ~ | wc -l; } > out/said");
    let built = project.build(&options).unwrap();
    assert_eq!(built.provenance.build, Build::NoSandbox);
    let said = project.outputs(&options)["out/said"].clone();
    // Not fixed are the paths and the machine; the rest of the environment is.
    assert!(
        said.starts_with("0022\n") && said.ends_with("0\n"),
        "{said}"
    );
    assert!(
        said.contains("TZ=UTC\n") && !said.contains("CARGO"),
        "{said}"
    );
}

#[test]
fn a_release_without_a_build_says_that_it_has_none() {
    let repository = crate::checkout::GitRepository::with_files();
    let checkout = crate::checkout::open(&repository.work()).unwrap();
    assert_eq!(checkout.provenance.build, Build::None);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    for options in sandboxes() {
        let project = Project::new("exec no-such-program");
        let error = project.failure(&options);
        assert!(matches!(error, BuildError::Exited { .. }));
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
