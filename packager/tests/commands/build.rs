//! `pack` and `check` of a recipe with a build, as a person sees them.

use std::path::Path;

use serde_json::Value;

use crate::program::{Home, Ran};

/// A home with a checkout whose build is a script of `sh`.
fn home(script: &str) -> Home {
    let home = Home::with_checkout();
    home.write(
        "checkout/bulla.toml",
        &format!(
            "[bundle]\nproject = \"acme/billing\"\n[build]\ncommand = [\"sh\", \"-ec\", '''{script}''']\noutputs = [\"out/\"]\n"
        ),
    );
    home.commit("a build");
    home
}

/// Runs `bulla` where only these programs can be found.
fn bulla_with_programs(home: &Home, programs: &[&str], arguments: &[&str]) -> Ran {
    let directory = home.path("programs");
    std::fs::create_dir_all(&directory).unwrap();
    for name in programs {
        if let Some(program) = find(name) {
            let _ = std::os::unix::fs::symlink(program, directory.join(name));
        }
    }
    home.bulla_with(arguments, &[("PATH", directory.to_str().unwrap())])
}

fn find(name: &str) -> Option<std::path::PathBuf> {
    let places = ["/usr/local/bin", "/usr/bin", "/bin"].map(|place| Path::new(place).join(name));
    places.into_iter().find(|path| path.is_file())
}

#[test]
fn what_a_build_says_is_streamed_and_kept_and_stdout_is_the_hash() {
    let home = home("echo compiling; printf 'red \\033[31m\\n'; mkdir out; echo 1 > out/one");
    let ran = home.bulla(&["pack", "checkout"]);
    if ran.stderr().contains("cannot make a sandbox") {
        crate::program::skip("a build, because this machine can make no sandbox");
        return;
    }
    let hash = ran.last_line();
    assert_eq!(ran.stdout(), format!("{hash}\n"));
    assert!(
        ran.stderr().contains("compiling\nred \\u{1b}[31m\n"),
        "{}",
        ran.stderr()
    );
    let log = home.path(".local/state/bulla/builds/acme+billing.log");
    assert_eq!(
        std::fs::read_to_string(log).unwrap(),
        "compiling\nred \u{1b}[31m\n"
    );
}

#[test]
fn without_a_sandbox_it_takes_a_word_and_is_said() {
    let home = home("mkdir out; echo 1 > out/one");
    let ran = bulla_with_programs(&home, &[], &["pack", "checkout"]);
    ran.assert_failure(3, &["`bwrap` is not installed", "--no-sandbox"]);
    assert_eq!(ran.stdout(), "");
    let ran = bulla_with_programs(&home, &[], &["pack", "checkout", "--no-sandbox"]);
    let hash = ran.last_line();
    assert!(
        ran.stderr().contains("warning: built without a sandbox"),
        "{}",
        ran.stderr()
    );
    let ran = bulla_with_programs(&home, &["bwrap", "unshare"], &["pack", "checkout"]);
    if !ran.stderr().contains("cannot make a sandbox") {
        assert_eq!(ran.last_line(), hash);
    }
}

#[test]
fn a_failed_build_names_the_log_and_packs_nothing() {
    let home = home("echo the reason; exit 7");
    let ran = home.bulla(&["pack", "checkout", "--no-sandbox"]);
    ran.assert_failure_after(1, &["exit status: 7", "the reason", "acme+billing.log"]);
    assert_eq!(ran.stdout(), "");
}

#[test]
fn a_builds_environment_does_not_come_from_the_caller() {
    let home = home("mkdir out; env > out/said; grep -c . out/said; ! grep -i secret out/said");
    let variables = [
        ("BULLA_TOKEN", "secret"),
        ("BULLA_KEY", "secret"),
        ("SSH_AUTH_SOCK", "/secret"),
        ("NPM_TOKEN", "secret"),
        ("LD_LIBRARY_PATH", "/secret"),
    ];
    for sandbox in [&[] as &[&str], &["--no-sandbox"]] {
        let ran = home.bulla_with(&[&["pack", "checkout"], sandbox].concat(), &variables);
        if !ran.stderr().contains("cannot make a sandbox") {
            ran.last_line();
        }
    }
}

#[test]
fn check_names_what_differs_and_ends_with_status_1() {
    let home =
        home("echo making; mkdir out; echo same > out/same; id -un > out/user; date > out/date");
    let arguments = ["check", "checkout"];
    let ran = bulla_with_programs(&home, &["bwrap", "unshare"], &arguments);
    if ran.stderr().contains("cannot make a sandbox") {
        crate::program::skip("`bulla check`, because this machine can make no sandbox");
        return;
    }
    ran.assert_failure_after(1, &["2 paths differ", "umask 022 and 077"]);
    let both = "first build:\nmaking\nsecond build:\nmaking\n";
    assert!(ran.stderr().starts_with(both), "{}", ran.stderr());
    let listed = ran.stdout();
    assert!(
        listed.contains(
            "changed out/user (6 B -> 8 B)\n  first at byte 0, line 1\n  - build\n  + checker\n"
        ),
        "{listed}"
    );
    assert!(
        listed.contains("changed out/date") && !listed.contains("out/same"),
        "{listed}"
    );

    let ran = bulla_with_programs(
        &home,
        &["bwrap", "unshare"],
        &["check", "checkout", "--json"],
    );
    assert_eq!(ran.status(), 1);
    let report: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(report["project"], "acme/billing");
    assert_eq!(report["differences"][1]["path"], "out/user");
    assert_eq!(report["differences"][1]["place"]["offset"], 0);
}

#[test]
fn check_prints_the_hash_of_what_is_the_same_twice() {
    let home = Home::with_checkout();
    let hash = home.bulla(&["pack", "checkout"]).last_line();
    let ran = home.bulla(&["check", "checkout"]);
    assert_eq!(ran.last_line(), hash);
    assert!(
        ran.stderr().contains("its recipe has no build"),
        "{}",
        ran.stderr()
    );
}
