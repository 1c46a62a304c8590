//! Clones that leave something out on purpose: partial ones, and sparse checkouts.

use std::path::PathBuf;

use bulla_packager::source::{GitContentError, GitError, SourceError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{
    GitRepository, RECIPE, contents, open, open_dirty, open_revision, refusal, resolve, resolved,
    spec,
};

/// A partial clone with the given filter, without a checkout.
fn partial(repository: &GitRepository, filter: &str) -> PathBuf {
    let clone = repository.home().join("partial");
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repository.work().display());
    let filter = format!("--filter={filter}");
    let to = clone.to_str().unwrap();
    repository.git(&["clone", "-q", &filter, "--no-checkout", &url, to]);
    clone
}

#[test]
fn objects_that_a_partial_clone_lacks_are_named() {
    let repository = GitRepository::with_files();
    repository.write("large", "x".repeat(2000));
    repository.write("bulla.toml", format!("{RECIPE}exclude = [\"/bin\"]\n"));
    repository.commit("large");
    let clone = partial(&repository, "blob:limit=1k");
    let mut named = spec(&clone);
    named.revision = Some("HEAD".to_owned());
    let error = refusal(resolve(&named));
    assert_eq!(error.kind(), FailureKind::Failed);
    let large = repository.git(&["rev-parse", "HEAD:large"]);
    assert!(
        error.to_string().contains(&format!("{large}: large")),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("git fetch --refetch --no-filter"), "{hint}");
    // Asking did not fetch it.
    assert!(resolve(&named).is_err());

    repository.git_in(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
    let found = contents(&resolve(&named).unwrap());
    assert_eq!(found["large"].1.len(), 2000);
}

#[test]
fn what_a_release_leaves_out_may_be_missing() {
    let repository = GitRepository::with_files();
    repository.write("large", "x".repeat(2000));
    repository.write("bulla.toml", format!("{RECIPE}exclude = [\"large\"]\n"));
    repository.commit("large");
    let mut named = spec(&partial(&repository, "blob:limit=1k"));
    named.revision = Some("HEAD".to_owned());
    assert!(resolve(&named).is_ok());
}

#[test]
fn says_what_it_cannot_read() {
    let repository = GitRepository::with_files();
    let checkout = open_revision(&partial(&repository, "blob:none"), "HEAD").unwrap();
    let error = bulla_packager::recipe::load(&checkout).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Failed);
}

#[test]
fn directories_that_a_partial_clone_lacks_are_named() {
    let repository = GitRepository::with_files();
    let clone = partial(&repository, "tree:0");
    let error = refusal(open_revision(&clone, "HEAD"));
    assert!(
        matches!(
            &error,
            SourceError::Git(GitError::Content(GitContentError::Absent {
                partial: true,
                ..
            }))
        ),
        "{error:?}"
    );
}

/// A sparse checkout of `keep` with directories in its index.
fn sparse() -> GitRepository {
    let repository = GitRepository::with_files();
    repository.write("keep/a", "a\n");
    repository.write("gone/b", "b\n");
    repository.write("gone/deep/c", "c\n");
    repository.make_executable("gone/b");
    repository.link("gone/link", "b");
    repository.commit("more");
    repository.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repository.git(&["sparse-checkout", "set", "keep"]);
    assert!(!repository.work().join("gone").exists());
    let listed = repository.git(&["ls-files", "--sparse"]);
    assert!(listed.lines().any(|line| line == "gone/"), "{listed}");
    repository
}

#[test]
fn a_sparse_index_shows_the_whole_revision() {
    let repository = sparse();
    let mut named = spec(&repository.work());
    named.revision = Some("HEAD".to_owned());
    let expected = contents(&resolve(&named).unwrap());
    assert_eq!(expected["gone/deep/c"].1, "c\\n");
    assert_eq!(resolved(&repository.work()), expected);
    assert!(!open_dirty(&repository.work()).unwrap().provenance.dirty);
}

#[test]
fn changes_beside_a_sparse_index_are_found() {
    let repository = sparse();
    repository.write("keep/a", "changed\n");
    repository.write("keep/new", "new\n");
    repository.git(&["add", "keep/new"]);
    let text = refusal(open(&repository.work())).to_string();
    assert!(
        text.contains("modified: keep/a") && text.contains("added: keep/new"),
        "{text}"
    );
    assert!(!text.contains("gone"), "{text}");
    let found = contents(&open_dirty(&repository.work()).unwrap());
    assert_eq!(found["keep/a"].1, "changed\\n");
    assert_eq!(found["gone/link"].1, "b");
    assert_eq!(found["gone/deep/c"].1, "c\\n");
}

#[test]
fn patterns_without_cones_are_sparse_too() {
    let repository = GitRepository::with_files();
    repository.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/bin"]);
    assert!(!repository.work().join("bin").exists());
    assert!(resolved(&repository.work()).contains_key("bin/run"));
}
