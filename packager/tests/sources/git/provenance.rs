//! What a release statement says of a commit: its repository, its branch or tag, its label.

use crate::checkout::{GitRepository, open};

#[test]
fn the_label_is_the_same_in_every_clone() {
    let repository = GitRepository::with_files();
    for tag in ["a-light", "z-light"] {
        repository.git(&["tag", tag]);
    }
    let label = || open(&repository.work()).unwrap().provenance.label;
    assert_eq!(label(), "a-light");
    repository.git(&["tag", "-a", "v2", "-m", "two"]);
    repository.git(&["tag", "-a", "v1", "-m", "one"]);
    assert_eq!(label(), "v1");
    repository.git(&["pack-refs", "--all"]);
    assert_eq!(label(), "v1");
}

#[test]
fn the_source_is_the_origin_without_secrets() {
    let repository = GitRepository::with_files();
    let source = || open(&repository.work()).unwrap().provenance.source;
    assert_eq!(
        source(),
        format!(
            "git+file://{}",
            repository.work().canonicalize().unwrap().display()
        )
    );
    for (remote, expected) in [
        (
            "https://ada:secret@example.com/acme/billing.git",
            "git+https://example.com/acme/billing.git",
        ),
        (
            "https://token@example.com:8443/b?key=secret#x",
            "git+https://example.com:8443/b",
        ),
        (
            "git@example.com:acme/billing.git",
            "git+ssh://example.com/acme/billing.git",
        ),
        (
            "ssh://git@example.com:2222/b",
            "git+ssh://example.com:2222/b",
        ),
        ("/srv/git/b c.git", "git+file:///srv/git/b%20c.git"),
    ] {
        repository.git(&["config", "remote.origin.url", remote]);
        assert_eq!(source(), expected);
    }
}
