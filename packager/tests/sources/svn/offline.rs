//! A working copy is read by itself, and says what its repository would say.

use std::process::Command;

use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::{assert_same, revision};
use crate::checkout::{
    SvnRepository, contents, open, open_dirty, open_url, open_url_revision, refusal, run, write,
};

fn take_repository_away(repository: &SvnRepository) {
    let home = repository.home();
    std::fs::rename(home.join("repo"), home.join("away")).unwrap();
}

#[test]
fn needs_no_repository_and_gives_the_same_release() {
    let repository = SvnRepository::with_files();
    repository.write("lib/ü @ x", "x");
    repository.write("large", vec![b'x'; 600_000]);
    repository.write("lib/bulla.toml", crate::checkout::RECIPE);
    std::fs::create_dir(repository.work().join("empty")).unwrap();
    repository.commit("more");
    let whole = open_url(&repository.url("trunk")).unwrap();
    let part = open_url(&repository.url("trunk/lib")).unwrap();
    take_repository_away(&repository);
    let found = open(&repository.work()).unwrap();
    assert_same(&whole, &found);
    assert_eq!(whole.provenance, found.provenance);
    assert_same(&part, &open(&repository.work().join("lib")).unwrap());
}

#[test]
fn needs_no_svn_program_and_writes_nothing() {
    let repository = SvnRepository::with_files();
    repository.commit("all");
    let work = repository.work();
    let state = || {
        run(Command::new("find")
            .arg(&work)
            .args(["-printf", "%p %s %T@ %C@ %m\\n"]))
    };
    let before = state();
    let pack = |path: &str| {
        Command::new(env!("CARGO_BIN_EXE_bulla"))
            .args(["pack", "--fresh"])
            .arg(&work)
            .env("HOME", repository.home())
            .env("PATH", path)
            .output()
            .unwrap()
    };
    let nowhere = repository.home().join("nowhere");
    let packed = pack(nowhere.to_str().unwrap());
    assert!(packed.status.success(), "{packed:?}");
    assert_eq!(state(), before);
    // Whatever is not so plain is asked from `svn`.
    repository.write("untracked", "x");
    let refused = pack(nowhere.to_str().unwrap());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("`svn`") && said.contains("hint: install it"),
        "{said}"
    );
}

#[test]
fn names_the_last_change_of_a_directory_as_the_server_does() {
    let repository = SvnRepository::with_files();
    for directory in ["changed", "deleted", "property", "deep/er"] {
        repository.write(&format!("a/{directory}/file"), "1");
        repository.write(
            &format!("a/{directory}/bulla.toml"),
            crate::checkout::RECIPE,
        );
    }
    repository.commit("directories");
    // One commit copies a directory and changes the copy inside.
    repository.svn(&["copy", "-q", "a", "b"]);
    repository.write("b/changed/file", "2");
    repository.svn(&["delete", "-q", "b/deleted/file"]);
    repository.svn(&["propset", "-q", "x", "y", "b/property"]);
    repository.write("b/deep/er/est/file", "3");
    repository.commit("copied and changed");
    repository.svn(&["move", "-q", "a", "c"]);
    repository.write("c/changed/file", "4");
    repository.commit("moved and changed");
    repository.svn(&[
        "copy",
        "-q",
        &repository.url("trunk"),
        &repository.url("tags/1"),
        "-m",
        "tag",
    ]);
    repository.svn(&["update", "-q"]);
    let tag = repository.check_out("tags/1", "tag");
    for (work, path) in [(repository.work(), "trunk"), (tag, "tags/1")] {
        for directory in [
            "b/changed",
            "b/deleted",
            "b/property",
            "b/deep/er",
            "c/changed",
            "c/deep/er",
        ] {
            let url = repository.url(&format!("{path}/{directory}"));
            let expected = open_url(&url).unwrap();
            assert_same(&expected, &open(&work.join(directory)).unwrap());
        }
        assert_same(
            &open_url(&repository.url(path)).unwrap(),
            &open(&work).unwrap(),
        );
    }
}

#[test]
fn an_old_revision_that_was_updated_to_is_that_revision() {
    let repository = SvnRepository::with_files();
    for text in ["2", "3", "4"] {
        repository.write("README", text);
        repository.write(&format!("new-{text}"), text);
        repository.commit(text);
    }
    repository.svn(&["update", "-q", "-r", "6"]);
    let found = open(&repository.work()).unwrap();
    assert_eq!(revision(&found), "6");
    assert_same(
        &open_url_revision(&repository.url("trunk"), "6").unwrap(),
        &found,
    );
}

#[test]
fn only_a_commit_that_was_updated_to_is_one_revision() {
    let repository = SvnRepository::with_files();
    repository.svn(&["delete", "-q", "README"]);
    repository.svn(&["commit", "-q", "-m", "deleted"]);
    let error = refusal(open(&repository.work()));
    assert!(
        error.to_string().contains("deleted at r5: README"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("svn update"), "{error}");
    repository.svn(&["update", "-q"]);
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn refuses_sparse_working_copies() {
    let repository = SvnRepository::with_files();
    repository.write("lib/x/y", "y");
    repository.commit("more");
    for arguments in [
        ["--set-depth", "files", "lib"],
        ["--set-depth", "exclude", "lib"],
    ] {
        repository.svn(&[&["update", "-q"][..], &arguments].concat());
        let error = refusal(open(&repository.work()));
        assert!(error.to_string().contains("sparse: lib"), "{error}");
        assert!(error.hint().unwrap().contains("--set-depth infinity"));
        assert_eq!(error.kind(), FailureKind::Refused);
        refusal(open_dirty(&repository.work()));
        repository.svn(&["update", "-q", "--set-depth", "infinity", "lib"]);
        assert!(open(&repository.work()).is_ok());
    }
}

#[test]
fn names_additions_moves_and_replacements_by_their_roots() {
    let repository = SvnRepository::with_files();
    repository.write("lib/x/y", "y");
    repository.commit("more");
    repository.svn(&["move", "-q", "lib", "moved"]);
    repository.svn(&["delete", "-q", "README"]);
    repository.write("README", "new");
    repository.svn(&["add", "-q", "README"]);
    let error = refusal(open(&repository.work())).to_string();
    for line in ["added: moved", "deleted: lib", "replaced: README"] {
        assert!(
            error.lines().any(|found| found == line),
            "{line} in {error}"
        );
    }
    assert!(!error.contains("x/y"), "{error}");
}

#[test]
fn a_touched_file_is_not_a_changed_one() {
    let repository = SvnRepository::with_files();
    run(Command::new("touch").arg(repository.work().join("README")));
    assert!(open(&repository.work()).is_ok());
    // As many bytes, as after an edit that keeps the length.
    write(&repository.work(), "README", "HELLO\n");
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("modified: README"), "{error}");
}

#[test]
fn what_is_in_the_way_is_named() {
    let repository = SvnRepository::with_files();
    let work = repository.work();
    std::fs::remove_file(work.join("README")).unwrap();
    std::fs::create_dir(work.join("README")).unwrap();
    std::fs::remove_dir_all(work.join("bin")).unwrap();
    std::os::unix::fs::symlink(".", work.join("bin")).unwrap();
    let error = refusal(open(&work));
    for line in ["obstructed: README", "obstructed: bin"] {
        assert!(error.to_string().contains(line), "{line} in {error}");
    }
    assert!(error.hint().unwrap().contains("svn revert"));
    // A link to itself cannot even be looked into.
    std::fs::remove_file(work.join("bin")).unwrap();
    std::os::unix::fs::symlink("bin", work.join("bin")).unwrap();
    let error = refusal(open(&work));
    assert!(error.to_string().contains("obstructed: bin"), "{error}");
}

#[test]
fn warns_about_untracked_names_but_not_about_ignored_ones() {
    let repository = SvnRepository::with_files();
    repository.svn(&["propset", "-q", "svn:ignore", "*.log", "."]);
    repository.commit("ignore");
    repository.write("a.log", "x");
    repository.write("bin/b.o", "x");
    assert!(open(&repository.work()).unwrap().warnings.is_empty());
    repository.write("bin/c", "x");
    repository.write("new/deep/er", "x");
    let found = open(&repository.work()).unwrap();
    let expected = "`bin/c` and 1 more are not tracked and not part of the release";
    assert_eq!(found.warnings, [expected]);
    assert!(!contents(&found).contains_key("new"));
}
