//! What a release statement says of a commit: its repository, its branch or tag, its label.

use bulla_packager::source::{self, CiRevision, GivenReference, SourceSpec};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, SvnRepository, open, refusal, spec};

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
        (
            "hg::https://ada:secret@example.com/b",
            "git+hg::https://example.com/b",
        ),
        ("ada:secret@example.com:b", "git+ssh://example.com/b"),
        ("git@[::1]:acme/b.git", "git+ssh://[::1]/acme/b.git"),
        ("https://ü.example/b", "git+https://xn--tda.example/b"),
        (
            "codecommit::eu-west-1://secret@b",
            "git+codecommit::eu-west-1://b",
        ),
        ("/srv/git/b c.git", "git+file:///srv/git/b%20c.git"),
    ] {
        repository.git(&["config", "remote.origin.url", remote]);
        assert_eq!(source(), expected);
    }
}

#[test]
fn the_only_remote_is_the_source_whatever_its_name() {
    let repository = GitRepository::with_files();
    let source = || open(&repository.work()).unwrap().provenance.source;
    let remote = |name: &str, url: &str| {
        repository.git(&["remote", "add", name, url]);
    };
    remote("upstream", "https://example.com/acme/billing.git");
    assert_eq!(source(), "git+https://example.com/acme/billing.git");
    remote("origin", "https://example.com/ada/billing.git");
    assert_eq!(source(), "git+https://example.com/ada/billing.git");
}

#[test]
fn tags_and_branches_are_in_no_bundle() {
    let repository = GitRepository::with_files();
    let packed = || {
        let packed = crate::pack::packed(&spec(&repository.work()), 1).unwrap();
        (packed.bundle.hash(), packed.provenance)
    };
    let (expected, provenance) = packed();
    assert_eq!(provenance.label, "");
    repository.git(&["tag", "-a", "v1", "-m", "one"]);
    repository.git(&["checkout", "-q", "-b", "release/1"]);
    repository.git(&["remote", "add", "origin", "https://example.com/b.git"]);
    let (hash, provenance) = packed();
    assert_eq!(hash, expected);
    assert_eq!(provenance.label, "v1");
    assert_eq!(provenance.reference, "refs/heads/release/1");
    repository.git(&["tag", "-d", "v1"]);
    assert_eq!(packed().0, expected);
}

/// What is said of the checkout with `given`.
fn said(repository: &GitRepository, given: GivenReference) -> (String, String) {
    let checkout = source::open(&SourceSpec {
        reference: given,
        ..spec(&repository.work())
    });
    let provenance = checkout.unwrap().provenance;
    (provenance.reference, provenance.label)
}

fn of_ci(commit: &str, reference: &str) -> GivenReference {
    GivenReference {
        named: None,
        ci: Some(CiRevision {
            commit: commit.to_owned(),
            reference: reference.to_owned(),
        }),
    }
}

fn named(reference: &str) -> GivenReference {
    GivenReference {
        named: Some(reference.to_owned()),
        ci: None,
    }
}

#[test]
fn a_detached_commit_is_from_where_a_person_or_the_ci_service_says_or_a_tag() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["checkout", "-q", "--detach"]);
    let pair = |reference: &str, label: &str| (reference.to_owned(), label.to_owned());
    let nothing = GivenReference::default;
    assert_eq!(said(&repository, nothing()), pair("", ""));
    let ci = || of_ci(&commit, "refs/heads/main");
    assert_eq!(said(&repository, ci()), pair("refs/heads/main", ""));
    // What it says of another commit says nothing of this one.
    let other = of_ci(&commit.replace(&commit[..4], "0000"), "refs/heads/x");
    assert_eq!(said(&repository, other), pair("", ""));
    let tagged = of_ci(&commit, "refs/tags/v2");
    assert_eq!(said(&repository, tagged), pair("refs/tags/v2", "v2"));

    repository.git(&["tag", "v1"]);
    assert_eq!(said(&repository, nothing()), pair("refs/tags/v1", "v1"));
    assert_eq!(said(&repository, ci()), pair("refs/heads/main", "v1"));
    let release = named("refs/heads/release");
    assert_eq!(said(&repository, release), pair("refs/heads/release", "v1"));

    repository.git(&["checkout", "-q", "main"]);
    assert_eq!(said(&repository, nothing()), pair("refs/heads/main", "v1"));
    let elsewhere = of_ci(&commit, "refs/heads/x");
    assert_eq!(said(&repository, elsewhere), pair("refs/heads/main", "v1"));
    let tag = named("refs/tags/v1");
    assert_eq!(said(&repository, tag), pair("refs/tags/v1", "v1"));
}

#[test]
fn only_the_full_name_of_a_branch_or_tag_is_taken() {
    let repository = GitRepository::with_files();
    for wrong in ["main", "", "refs/heads/a b", "refs/heads/..", "--x"] {
        let error = refusal(source::open(&SourceSpec {
            reference: named(wrong),
            ..spec(&repository.work())
        }));
        assert_eq!(error.kind(), FailureKind::Usage, "{wrong}");
        assert!(
            error.to_string().contains("such as `refs/heads/main`"),
            "{error}"
        );
    }
    let repository = SvnRepository::with_files();
    let error = refusal(source::open(&SourceSpec {
        reference: named("refs/heads/main"),
        ..spec(&repository.work())
    }));
    assert_eq!(error.kind(), FailureKind::Usage);
}
