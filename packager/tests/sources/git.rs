//! git: the same revision is the same release, wherever and however it is checked out.

mod attributes;
mod hostile;
mod incomplete;
mod large;
mod lfs;
mod revisions;
mod server;
mod submodules;

use std::path::Path;

use bulla_packager::source::{SourceError, TrackedKind};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::Source;

use crate::checkout::{
    GitRepository, RECIPE, contents, open, open_dirty, open_revision, refusal, spec,
};

const FILE: TrackedKind = TrackedKind::File { executable: false };
const EXECUTABLE: TrackedKind = TrackedKind::File { executable: true };

/// Asserts that `directory` shows the same revision and content as the work tree of `repository`.
fn assert_same(repository: &GitRepository, directory: &Path) {
    let (expected, found) = (open(&repository.work()).unwrap(), open(directory).unwrap());
    assert_eq!(found.source, expected.source);
    assert_eq!(contents(&found), contents(&expected));
}

#[test]
fn reads_a_commit_from_a_work_tree() {
    let repository = GitRepository::with_files();
    let checkout = open(&repository.work()).unwrap();
    let expected = [
        ("README", FILE, "hello\\n"),
        ("bin/run", EXECUTABLE, "#!/bin/sh\\n"),
        ("bin/start", TrackedKind::Link, "run"),
        (
            "bulla.toml",
            FILE,
            "[bundle]\\nproject = \\\"acme/billing\\\"\\n",
        ),
    ];
    let expected = expected
        .map(|(path, kind, content)| (path.to_owned(), (kind, content.to_owned())))
        .into();
    assert_eq!(contents(&checkout), expected);
    assert_eq!(
        checkout.source,
        Source::Git {
            revision: repository.git(&["rev-parse", "HEAD"]),
            tree: repository.git(&["rev-parse", "HEAD^{tree}"]),
            committed: "2026-11-20T09:00:00Z".parse().unwrap(),
        }
    );
    assert_eq!(checkout.provenance.reference, "refs/heads/main");
    assert_eq!(checkout.provenance.label, "");
    assert!(!checkout.provenance.dirty);
    assert!(checkout.warnings.is_empty());
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
fn conversions_of_a_checkout_do_not_show() {
    let repository = GitRepository::with_files();
    repository.write(".gitattributes", "*.txt text eol=crlf ident\n");
    repository.write("a.txt", "$Id$\nb\n");
    repository.commit("text");
    repository.git(&["config", "core.autocrlf", "true"]);
    std::fs::remove_file(repository.work().join("a.txt")).unwrap();
    repository.git(&["checkout", "-q", "--", "a.txt"]);
    let on_disk = std::fs::read(repository.work().join("a.txt")).unwrap();
    assert!(on_disk.windows(2).any(|pair| pair == b"\r\n"));

    let checkout = open(&repository.work()).unwrap();
    assert_eq!(contents(&checkout)["a.txt"].1, "$Id$\\nb\\n");
}

#[test]
fn replacement_objects_do_not_show() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    repository.write("other", "replaced\n");
    let other = repository.git(&["hash-object", "-w", "other"]);
    std::fs::remove_file(repository.work().join("other")).unwrap();
    repository.git(&["replace", &blob, &other]);
    assert_eq!(repository.git(&["cat-file", "-p", &blob]), "replaced");

    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    assert_eq!(contents(&checkout)["README"].1, "hello\\n");
}

#[test]
fn any_name_of_a_revision_is_taken() {
    let repository = GitRepository::with_files();
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "-a", "v1", "-m", "one"]);
    repository.write("README", "second\n");
    repository.commit("second");
    let work = repository.work();
    for name in [
        &first,
        &first[..10],
        "v1",
        "refs/tags/v1",
        "HEAD~1",
        "main^",
        "HEAD@{1}",
        ":/first",
        "main^{/first}",
    ] {
        let checkout = open_revision(&work, name).unwrap();
        assert_eq!(checkout.source.revision(), first, "{name}");
        assert_eq!(checkout.provenance.label, "v1", "{name}");
    }
    for (name, reference) in [
        ("v1", "refs/tags/v1"),
        ("main", "refs/heads/main"),
        ("HEAD", "refs/heads/main"),
        ("main~1", ""),
        (first.as_str(), ""),
    ] {
        let checkout = open_revision(&work, name).unwrap();
        assert_eq!(checkout.provenance.reference, reference, "{name}");
    }
}

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
fn names_may_have_spaces_and_any_letters() {
    let repository = GitRepository::with_files();
    for name in [
        "with space",
        "a@b",
        "ümläuts/日本",
        "-dash",
        "quo\"te",
        "#hash",
        "[x]*",
    ] {
        repository.write(name, name);
    }
    repository.commit("names");
    let found = contents(&open(&repository.work()).unwrap());
    assert_eq!(found["with space"].1, "with space");
    assert_eq!(found.len(), 4 + 7);
}

#[test]
fn submodules_are_seen_as_such() {
    let repository = GitRepository::with_files();
    let other = GitRepository::with_files();
    repository.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "-q",
        "add",
        other.work().to_str().unwrap(),
        "lib/other",
    ]);
    repository.commit("submodule");
    let found = contents(&open(&repository.work()).unwrap());
    assert_eq!(found["lib/other"].0, TrackedKind::Submodule);
}

#[test]
fn says_what_is_missing() {
    let repository = GitRepository::with_files();
    let error = refusal(open_revision(&repository.work(), "no-such"));
    assert!(
        matches!(error, SourceError::UnknownRevision { .. }),
        "{error:?}"
    );
    assert_eq!(error.kind(), FailureKind::Usage);
    assert!(error.to_string().contains("no-such"));
    for revision in [
        "",
        "-n",
        "HEAD..HEAD~1",
        "v1^{nonsense}",
        "\u{1b}[0m",
        "HEAD:README",
    ] {
        refusal(open_revision(&repository.work(), revision));
    }

    let empty = GitRepository::new();
    assert!(matches!(
        refusal(open(&empty.work())),
        SourceError::NoCommit { .. }
    ));
    let error = refusal(open(empty.home()));
    assert!(
        matches!(error, SourceError::NoRepository { .. }),
        "{error:?}"
    );
    assert!(matches!(
        refusal(open(&empty.home().join("missing"))),
        SourceError::Io { .. }
    ));
}

#[test]
fn tells_a_damaged_repository_from_an_unknown_revision() {
    let repository = GitRepository::with_files();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let object = repository
        .work()
        .join(format!(".git/objects/{}/{}", &commit[..2], &commit[2..]));
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "not a zlib stream").unwrap();
    for revision in ["main", "HEAD", &commit] {
        let error = refusal(open_revision(&repository.work(), revision));
        assert!(matches!(error, SourceError::Git { .. }), "{error:?}");
        assert_eq!(error.kind(), FailureKind::Failed);
    }
    repository.write(".git/HEAD", "garbage");
    let error = refusal(open(&repository.work()));
    assert!(matches!(error, SourceError::Git { .. }), "{error:?}");
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
fn repositories_with_long_ids_and_borrowed_objects_are_read() {
    let repository = GitRepository::with_files();
    let shared = repository.home().join("shared");
    repository.git(&["clone", "-q", "--shared", ".", shared.to_str().unwrap()]);
    assert_same(&repository, &shared);

    let long = repository.home().join("long");
    repository.git(&[
        "init",
        "-q",
        "--object-format=sha256",
        long.to_str().unwrap(),
    ]);
    crate::checkout::write(&long, "README", "x");
    repository.git_in(&long, &["add", "-A"]);
    repository.git_in(&long, &["commit", "-q", "-m", "long"]);
    let checkout = open(&long).unwrap();
    assert_eq!(checkout.source.revision().len(), 64);
    assert_eq!(contents(&checkout)["README"].1, "x");
}

#[test]
fn says_what_it_cannot_read() {
    let repository = GitRepository::with_files();
    let partial = repository.home().join("partial");
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repository.work().display());
    repository.git(&[
        "clone",
        "-q",
        "--filter=blob:none",
        "--no-checkout",
        &url,
        partial.to_str().unwrap(),
    ]);
    let checkout = open_revision(&partial, "HEAD").unwrap();
    let error = bulla_packager::recipe::load(&checkout).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Failed);
}

#[test]
fn says_which_object_is_missing() {
    let repository = GitRepository::with_files();
    let blob = repository.git(&["rev-parse", "HEAD:README"]);
    let object = format!(".git/objects/{}/{}", &blob[..2], &blob[2..]);
    std::fs::remove_file(repository.work().join(object)).unwrap();
    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == b"README")
        .unwrap();
    let error = checkout.content(position).unwrap_err();
    assert!(error.to_string().contains(&blob), "{error}");
}

#[test]
fn reads_from_several_threads() {
    let repository = GitRepository::with_files();
    for number in 0..200 {
        repository.write(
            &format!("many/{number}"),
            format!("{number}").repeat(number),
        );
    }
    repository.commit("many");
    repository.git(&["gc", "-q"]);
    let checkout = open(&repository.work()).unwrap();
    let expected = contents(&checkout);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(contents(&checkout), expected));
        }
    });
}

#[test]
fn the_recipe_comes_from_the_revision() {
    let repository = GitRepository::with_files();
    repository.write("bulla.toml", RECIPE.replace("billing", "other"));
    let recipe = |spec| bulla_packager::recipe::load(&bulla_packager::source::open(&spec).unwrap());
    let mut named = spec(&repository.work());
    named.revision = Some("HEAD".to_owned());
    assert_eq!(
        recipe(named).unwrap().recipe.bundle.project.as_str(),
        "acme/billing"
    );
    let mut dirty = spec(&repository.work());
    dirty.allow_dirty = true;
    assert_eq!(
        recipe(dirty).unwrap().recipe.bundle.project.as_str(),
        "acme/other"
    );
}
