//! A commit, read from its own clone: its entries, their content and its recipe.

use bulla_packager::source::TrackedKind;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::release::Source;

use super::{EXECUTABLE, FILE};
use crate::checkout::{GitRepository, RECIPE, contents, open, open_revision, spec};

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

#[test]
fn revisions_of_externals_are_refused_for_there_are_none() {
    let repository = GitRepository::with_files();
    let pins = "[source]\nexternals = { \"vendor/lib\" = 1234 }\n";
    repository.write("bulla.toml", format!("{RECIPE}{pins}"));
    repository.commit("pins");
    let error = crate::checkout::refusal(crate::checkout::resolve(&spec(&repository.work())));
    assert!(error.to_string().contains("`vendor/lib`"), "{error}");
    assert_eq!(error.kind(), FailureKind::Usage);
}
