//! Every kind of clone and work tree shows the same revision with the same content.

use std::path::Path;

use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, contents, open, open_revision, program, refusal, skip};

/// Asserts that `directory` shows the same revision and content as the work tree of `repository`.
fn assert_same(repository: &GitRepository, directory: &Path) {
    let (expected, found) = (open(&repository.work()).unwrap(), open(directory).unwrap());
    assert_eq!(found.source, expected.source);
    assert_eq!(contents(&found), contents(&expected));
}

#[test]
fn finds_the_top_from_a_directory_within() {
    let repository = GitRepository::with_files();
    assert_same(&repository, &repository.work().join("bin"));
}

#[test]
fn a_bare_clone_shows_the_same() {
    let repository = GitRepository::with_files();
    let bare = repository.home().join("bare.git");
    repository.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    assert_same(&repository, &bare);
}

#[test]
fn a_shallow_clone_shows_the_same() {
    let repository = GitRepository::with_files();
    repository.write("README", "second\n");
    repository.commit("second");
    let shallow = repository.home().join("shallow");
    let url = format!("file://{}", repository.work().display());
    repository.git(&["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    assert_same(&repository, &shallow);

    let error = refusal(open_revision(&shallow, "HEAD~1"));
    assert!(error.hint().unwrap().contains("--unshallow"), "{error:?}");
}

#[test]
fn a_linked_work_tree_shows_the_same() {
    let repository = GitRepository::with_files();
    let linked = repository.home().join("linked");
    repository.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        linked.to_str().unwrap(),
    ]);
    assert_same(&repository, &linked);
    assert_eq!(open(&linked).unwrap().provenance.reference, "");
}

#[test]
fn packed_refs_and_packed_objects_show_the_same() {
    let repository = GitRepository::with_files();
    for number in 0..20 {
        repository.write("large", format!("{}{number}\n", "line\n".repeat(1000)));
        repository.commit("more");
    }
    let loose = open(&repository.work()).unwrap();
    let (source, before) = (loose.source.clone(), contents(&loose));
    repository.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    repository.git(&["pack-refs", "--all"]);
    assert!(!repository.work().join(".git/refs/heads/main").exists());
    let packed = open(&repository.work()).unwrap();
    assert_eq!(packed.source, source);
    assert_eq!(contents(&packed), before);
}

#[test]
fn a_sparse_checkout_shows_the_whole_revision() {
    let repository = GitRepository::with_files();
    let expected = contents(&open(&repository.work()).unwrap());
    repository.git(&["sparse-checkout", "init", "--cone", "--no-sparse-index"]);
    repository.git(&["sparse-checkout", "set", "none"]);
    assert!(!repository.work().join("bin").exists());
    assert_eq!(contents(&open(&repository.work()).unwrap()), expected);
}

#[test]
fn borrowed_objects_are_read() {
    let repository = GitRepository::with_files();
    let shared = repository.home().join("shared");
    repository.git(&["clone", "-q", "--shared", ".", shared.to_str().unwrap()]);
    assert_same(&repository, &shared);
}

#[test]
fn references_in_a_reftable_are_refused_with_what_to_do() {
    let repository = GitRepository::with_files();
    let clone = repository.home().join("clone");
    let made = program("git", repository.home())
        .args(["clone", "-q", "--ref-format=reftable"])
        .args([repository.work(), clone.clone()])
        .status()
        .unwrap();
    if !made.success() {
        skip("references in a reftable, because this git makes none");
        return;
    }
    let error = refusal(open(&clone));
    assert_eq!(error.kind(), FailureKind::Failed);
    assert!(error.to_string().contains("reftable"), "{error}");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("git refs migrate --ref-format=files"),
        "{hint}"
    );
}
