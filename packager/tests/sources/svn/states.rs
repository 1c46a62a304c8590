//! What a working copy can be besides one clean revision, each made by `svn` itself.

use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::{assert_same, revision};
use crate::checkout::{
    SvnRepository, contents, make_executable, open, open_dirty, open_url, program, refusal, run,
    write,
};

/// Commits a change of `trunk` from a second working copy.
fn commit_elsewhere(repository: &SvnRepository, change: &[&str]) {
    let other = repository.check_out("trunk", "elsewhere");
    for arguments in [change, &["commit", "-q", "-m", "elsewhere"]] {
        run(program("svn", repository.home())
            .current_dir(&other)
            .args(arguments));
    }
}

fn assert_refused(repository: &SvnRepository, problem: &str, mend: &str) {
    let error = refusal(open(&repository.work()));
    assert_eq!(error.kind(), FailureKind::Refused);
    let said = error.to_string();
    assert!(
        said.lines().any(|line| line == problem),
        "{problem} in {said}"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains(mend), "{mend} in {hint}");
}

#[test]
fn locks_changelists_and_files_that_need_a_lock_change_nothing() {
    let repository = SvnRepository::with_files();
    repository.svn(&["propset", "-q", "svn:needs-lock", "*", "README"]);
    repository.commit("needs a lock");
    let expected = open(&repository.work()).unwrap();
    let read_only = repository.work().join("README").metadata().unwrap();
    assert!(read_only.permissions().readonly());
    repository.svn(&["lock", "README"]);
    repository.svn(&["changelist", "-q", "list", "bin/run"]);
    assert_same(&expected, &open(&repository.work()).unwrap());
    assert_same(&expected, &open_url(&repository.url("trunk")).unwrap());
    // A change in a changelist is a change.
    repository.write("bin/run", "changed\n");
    assert_refused(&repository, "modified: bin/run", "svn revert");
}

#[test]
fn the_property_decides_what_is_executable_and_not_the_disk() {
    let repository = SvnRepository::with_files();
    make_executable(&repository.work().join("README"));
    let kinds = |repository: &SvnRepository| {
        let found = contents(&open(&repository.work()).unwrap());
        [found["README"].0, found["bin/run"].0]
    };
    assert_eq!(kinds(&repository), [super::FILE, super::EXECUTABLE]);
    // The property stays through an edit of the text.
    repository.write("bin/run", "#!/bin/sh\nexit\n");
    repository.commit("edit");
    assert_eq!(kinds(&repository), [super::FILE, super::EXECUTABLE]);
    repository.svn(&["propdel", "-q", "svn:executable", "bin/run"]);
    repository.svn(&["propset", "-q", "svn:executable", "", "README"]);
    assert_refused(&repository, "properties modified: README", "svn revert");
    repository.commit("swap");
    assert_eq!(kinds(&repository), [super::EXECUTABLE, super::FILE]);
}

#[test]
fn a_changed_property_of_a_directory_is_a_change() {
    let repository = SvnRepository::with_files();
    repository.svn(&["propset", "-q", "x", "y", "bin"]);
    assert_refused(&repository, "properties modified: bin", "svn commit");
    repository.svn(&["revert", "-q", "bin"]);
    repository.svn(&["propset", "-q", "x", "y", "."]);
    assert_refused(&repository, "properties modified: .", "svn commit");
    assert!(open_dirty(&repository.work()).unwrap().provenance.dirty);
}

#[test]
fn tree_conflicts_are_conflicts() {
    let repository = SvnRepository::with_files();
    commit_elsewhere(&repository, &["delete", "-q", "README"]);
    repository.write("README", "mine\n");
    repository.svn(&["update", "-q", "--accept", "postpone"]);
    assert_refused(&repository, "conflicted: README", "svn resolve");
    refusal(open_dirty(&repository.work()));
    repository.svn(&["resolve", "-q", "--accept", "working", "README"]);
    assert_refused(&repository, "added: README", "svn commit");
}

#[test]
fn conflicts_of_properties_are_conflicts() {
    let repository = SvnRepository::with_files();
    commit_elsewhere(&repository, &["propset", "-q", "x", "theirs", "README"]);
    repository.svn(&["propset", "-q", "x", "mine", "README"]);
    repository.svn(&["update", "-q", "--accept", "postpone"]);
    assert_refused(&repository, "conflicted: README", "svn resolve");
}

#[test]
fn what_was_deleted_by_hand_is_missing() {
    let repository = SvnRepository::with_files();
    std::fs::remove_dir_all(repository.work().join("bin")).unwrap();
    assert_refused(&repository, "missing: bin", "svn revert");
    refusal(open_dirty(&repository.work()));
}

#[test]
fn a_switched_file_is_named_and_a_switched_whole_is_a_checkout() {
    let repository = SvnRepository::with_files();
    let (trunk, branch) = (repository.url("trunk"), repository.url("other/branch"));
    repository.svn(&["copy", "-q", "-m", "branch", &trunk, &branch]);
    repository.svn(&["switch", "-q", &format!("{branch}/README"), "README"]);
    repository.svn(&["update", "-q"]);
    assert_refused(&repository, "switched: README", "svn switch");
    repository.svn(&["switch", "-q", "--ignore-ancestry", &branch]);
    let found = open(&repository.work()).unwrap();
    assert_same(&open_url(&branch).unwrap(), &found);
    assert_eq!(found.provenance.reference, "other/branch");
    assert_eq!(revision(&found), "5");
}

#[test]
fn a_working_copy_that_has_only_its_top_is_sparse() {
    let repository = SvnRepository::with_files();
    repository.svn(&["update", "-q", "--set-depth", "empty"]);
    write(&repository.work(), "bulla.toml", crate::checkout::RECIPE);
    assert_refused(&repository, "sparse: .", "--set-depth infinity");
}

#[test]
fn refuses_mixed_revisions_and_names_the_command_that_mends_them() {
    let repository = SvnRepository::with_files();
    repository.write("README", "second\n");
    repository.svn(&["commit", "-q", "-m", "second"]);
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("at r5: README"), "{error}");
    assert!(error.hint().unwrap().contains("svn update"));
    repository.svn(&["update", "-q"]);
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn refuses_switched_and_conflicted_paths() {
    let repository = SvnRepository::with_files();
    let branch = repository.url("other/bin");
    repository.svn(&[
        "copy",
        "-q",
        "-m",
        "branch",
        &repository.url("trunk/bin"),
        &branch,
    ]);
    repository.svn(&["switch", "-q", &branch, "bin"]);
    repository.svn(&["update", "-q"]);
    let error = refusal(open(&repository.work()));
    assert!(error.to_string().contains("switched: bin"), "{error}");
    assert!(error.hint().unwrap().contains("svn switch"));
    repository.svn(&["switch", "-q", &repository.url("trunk/bin"), "bin"]);

    let other = repository.check_out("trunk", "again");
    write(&other, "README", "theirs\n");
    run(program("svn", repository.home())
        .current_dir(&other)
        .args(["commit", "-q", "-m", "theirs"]));
    repository.write("README", "mine\n");
    repository.svn(&["update", "-q", "--accept", "postpone"]);
    let error = refusal(open_dirty(&repository.work()));
    assert!(error.to_string().contains("conflicted: README"), "{error}");
    assert!(error.hint().unwrap().contains("svn resolve"));
}
