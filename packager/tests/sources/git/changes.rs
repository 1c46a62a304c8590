//! Work trees with changes that are in no commit.

use bulla_packager::source::TrackedKind;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::{EXECUTABLE, FILE};
use crate::checkout::{GitRepository, contents, open, open_dirty, open_revision, refusal};

#[test]
fn refuses_changes_that_are_in_no_commit() {
    let repository = GitRepository::with_files();
    repository.write("deleted", "x");
    repository.write("staged", "x");
    repository.write("type", "x");
    repository.commit("more");
    repository.write("README", "changed\n");
    std::fs::remove_file(repository.work().join("deleted")).unwrap();
    repository.write("staged", "y");
    repository.git(&["add", "staged"]);
    repository.write("new", "x");
    repository.git(&["add", "new"]);
    std::fs::remove_file(repository.work().join("type")).unwrap();
    repository.link("type", "README");
    repository.write("untracked", "x");

    for directory in [repository.work(), repository.work().join("bin")] {
        let error = refusal(open(&directory));
        assert_eq!(error.kind(), FailureKind::Refused);
        let text = error.to_string();
        for line in [
            "modified: README",
            "deleted: deleted",
            "modified: staged",
            "added: new",
            "type changed: type",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("untracked"), "{text}");
    }
    // A named revision is what it is, whatever the work tree looks like.
    assert!(open_revision(&repository.work(), "HEAD").is_ok());
}

#[test]
fn names_ten_changed_files_and_counts_the_rest() {
    let repository = GitRepository::with_files();
    for number in 10..25 {
        repository.write(&format!("file-{number}"), "x");
    }
    repository.git(&["add", "-A"]);
    let text = refusal(open(&repository.work())).to_string();
    assert!(
        text.contains("file-19") && !text.contains("file-20"),
        "{text}"
    );
    assert!(text.ends_with("and 5 more"), "{text}");
}

#[test]
fn packs_changes_of_tracked_files_when_asked() {
    let repository = GitRepository::with_files();
    repository.write("gone", "x");
    repository.commit("more");
    repository.write("README", "changed\n");
    repository.make_executable("README");
    std::fs::remove_file(repository.work().join("gone")).unwrap();
    repository.write("new", "new\n");
    repository.git(&["add", "new"]);
    repository.write("untracked", "x");

    let checkout = open_dirty(&repository.work()).unwrap();
    assert!(checkout.provenance.dirty);
    let found = contents(&checkout);
    assert_eq!(found["README"], (EXECUTABLE, "changed\\n".to_owned()));
    assert_eq!(found["new"], (FILE, "new\\n".to_owned()));
    assert_eq!(found["bin/start"], (TrackedKind::Link, "run".to_owned()));
    assert!(!found.contains_key("gone") && !found.contains_key("untracked"));
    assert_eq!(checkout.warnings.len(), 1);
}

#[test]
fn a_clean_checkout_is_not_marked_dirty() {
    let repository = GitRepository::with_files();
    assert!(!open_dirty(&repository.work()).unwrap().provenance.dirty);
}

#[test]
fn warns_about_untracked_files_and_leaves_them_out() {
    let repository = GitRepository::with_files();
    repository.write(".gitignore", "*.log\n");
    repository.commit("ignore");
    repository.write("a.log", "x");
    repository.write("notes", "x");
    repository.write("drafts/one", "x");
    let checkout = open(&repository.work()).unwrap();
    assert_eq!(
        checkout.warnings,
        ["`drafts` and 1 more are not tracked and not part of the release"]
    );
    assert!(!contents(&checkout).contains_key("notes"));
}

#[test]
fn a_touched_file_is_not_a_changed_file() {
    let repository = GitRepository::with_files();
    repository.write("README", "hello\n");
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn what_lies_beyond_a_link_is_not_packed() {
    let repository = GitRepository::with_files();
    let bin = repository.work().join("bin");
    let outside = repository.home().join("outside");
    std::fs::rename(&bin, &outside).unwrap();
    std::fs::write(outside.join("run"), "secret\n").unwrap();
    repository.link("bin", "../outside");
    // As in `git status`: deleted.
    let text = refusal(open(&repository.work())).to_string();
    assert!(text.contains("deleted: bin/run"), "{text}");
    let found = contents(&open_dirty(&repository.work()).unwrap());
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["README", "bulla.toml"]);
}
