//! Subversion: a working copy and a URL give the same release, at one pinned revision.

mod damage;
mod externals;
mod from_above;
mod history;
mod https;
mod line_ends;
mod nested;
mod offline;
pub(crate) mod server;
mod states;

use std::collections::BTreeMap;

use bulla_bundle::SourceTree as _;
use bulla_packager::filter::Filter;
use bulla_packager::publish::{Run, statement};
use bulla_packager::select::select;
use bulla_packager::source::{Checkout, SourceError, TrackedKind};
use bulla_packager::{recipe, source};
use bulla_schemas::Timestamp;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::release::Source;

use crate::checkout::{
    SvnRepository, contents, open, open_dirty, open_revision, open_url, open_url_revision, program,
    refusal, run, spec, url_spec,
};

const FILE: TrackedKind = TrackedKind::File { executable: false };
const EXECUTABLE: TrackedKind = TrackedKind::File { executable: true };

fn assert_same(expected: &Checkout, found: &Checkout) {
    assert_eq!(found.source, expected.source);
    assert_eq!(contents(found), contents(expected));
}

/// What `svn export` writes, path by path: the judge of what a release has to contain.
fn exported(repository: &SvnRepository, url: &str) -> BTreeMap<String, (TrackedKind, String)> {
    let top = tempfile::TempDir::new_in(repository.home()).unwrap();
    run(program("svn", repository.home())
        .args(["export", "-q", "--force", "--ignore-keywords"])
        .args(["--ignore-externals", "--native-eol", "LF"])
        .arg(format!("{url}@"))
        .arg(top.path()));
    let mut found = BTreeMap::new();
    let mut pending = vec![top.path().to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let (kind, content) = if metadata.is_dir() {
                pending.push(path.clone());
                (TrackedKind::Directory, Vec::new())
            } else if metadata.is_symlink() {
                let target = path.read_link().unwrap();
                (
                    TrackedKind::Link,
                    target.into_os_string().into_encoded_bytes(),
                )
            } else {
                use std::os::unix::fs::PermissionsExt as _;
                let executable = metadata.permissions().mode() & 0o100 != 0;
                (
                    TrackedKind::File { executable },
                    std::fs::read(&path).unwrap(),
                )
            };
            let name = path.strip_prefix(top.path()).unwrap().as_os_str();
            let name = name.as_encoded_bytes().escape_ascii().to_string();
            found.insert(name, (kind, content.escape_ascii().to_string()));
        }
    }
    found
}

/// Asserts that the working copy, the URL of `trunk` and `svn export` say the same; returns it.
fn assert_as_exported(repository: &SvnRepository) -> BTreeMap<String, (TrackedKind, String)> {
    let url = repository.url("trunk");
    let found = open(&repository.work()).unwrap();
    assert_same(&open_url(&url).unwrap(), &found);
    let expected = exported(repository, &url);
    assert_eq!(contents(&found), expected);
    expected
}

/// Puts externals where they belong, as the recipe of the revision wants it.
fn resolve(checkout: Checkout) -> Result<Checkout, SourceError> {
    let recipe = recipe::load(&checkout).unwrap().recipe;
    let filter = Filter::new(&recipe.bundle).unwrap();
    checkout.resolve(&recipe.source, &filter)
}

/// Commits a property that no client would set, as an old client or an import could have.
fn set_unchecked(repository: &SvnRepository, kind: &str, path: &str, name: &str, value: &str) {
    let properties = format!(
        "K {}\n{name}\nV {}\n{value}\nPROPS-END\n",
        name.len(),
        value.len()
    );
    let length = properties.len();
    let dump = format!(
        "SVN-fs-dump-format-version: 2\n\nRevision-number: 1\nProp-content-length: 56\n\
         Content-length: 56\n\nK 8\nsvn:date\nV 27\n2026-11-20T10:00:00.000000Z\n\
         PROPS-END\n\nNode-path: {path}\nNode-kind: {kind}\n\
         Node-action: change\nProp-content-length: {length}\nContent-length: {length}\n\n\
         {properties}\n\n"
    );
    let file = repository.home().join("dump");
    std::fs::write(&file, dump).unwrap();
    run(program("svnadmin", repository.home())
        .args(["load", "-q", "--bypass-prop-validation", "--file"])
        .arg(&file)
        .arg(repository.home().join("repo")));
}

fn revision(checkout: &Checkout) -> &str {
    checkout.source.revision()
}

#[test]
fn reads_a_revision_from_a_working_copy() {
    let repository = SvnRepository::with_files();
    std::fs::create_dir(repository.work().join("empty")).unwrap();
    repository.commit("empty directory");
    let checkout = open(&repository.work()).unwrap();
    let directory = (TrackedKind::Directory, String::new());
    let expected = [
        ("README", (FILE, "hello\\n".to_owned())),
        ("bin", directory.clone()),
        ("bin/run", (EXECUTABLE, "#!/bin/sh\\n".to_owned())),
        ("bin/start", (TrackedKind::Link, "run".to_owned())),
        (
            "bulla.toml",
            (
                FILE,
                "[bundle]\\nproject = \\\"acme/billing\\\"\\n".to_owned(),
            ),
        ),
        ("empty", directory),
    ];
    let expected = expected
        .map(|(path, entry)| (path.to_owned(), entry))
        .into();
    assert_eq!(contents(&checkout), expected);

    let Source::Svn {
        revision,
        uuid,
        path,
        committed,
    } = &checkout.source
    else {
        panic!("{:?}", checkout.source)
    };
    assert_eq!((revision.as_str(), path.as_str()), ("5", "trunk"));
    let url = repository.url("trunk");
    assert_eq!(
        *uuid,
        repository.svn(&["info", "--show-item", "repos-uuid", &url])
    );
    let date = repository.svn(&["info", "--show-item", "last-changed-date", &url]);
    assert!(date.starts_with(committed.to_string().trim_end_matches('Z')));
    assert_eq!(
        checkout.provenance.source,
        format!("svn+{}", repository.url("")).trim_end_matches('/')
    );
    assert_eq!(checkout.provenance.reference, "trunk");
    assert_eq!(checkout.provenance.label, "");
    assert!(!checkout.provenance.dirty);
    assert!(checkout.warnings.is_empty());
}

#[test]
fn a_url_shows_the_same() {
    let repository = SvnRepository::with_files();
    let working_copy = open(&repository.work()).unwrap();
    let url = repository.url("trunk");
    assert_same(&working_copy, &open_url(&url).unwrap());
    assert_same(&working_copy, &open_url(&format!("{url}/")).unwrap());
    assert_same(&working_copy, &open_url_revision(&url, "HEAD").unwrap());
    let again = repository.check_out("trunk", "again");
    assert_same(&working_copy, &open(&again).unwrap());
    assert_as_exported(&repository);
}

#[test]
fn a_commit_elsewhere_changes_nothing() {
    let repository = SvnRepository::with_files();
    let before = open(&repository.work()).unwrap();
    let other = repository.url("other/more");
    repository.svn(&["mkdir", "-q", "-m", "elsewhere", &other]);
    assert_same(&before, &open_url(&repository.url("trunk")).unwrap());
    repository.svn(&["update", "-q"]);
    assert_same(&before, &open(&repository.work()).unwrap());
    assert_eq!(revision(&before), "4");
}

#[test]
fn any_revision_of_the_directory_can_be_named() {
    let repository = SvnRepository::with_files();
    repository.write("README", "second\n");
    repository.commit("second");
    let url = repository.url("trunk");
    for name in ["4", "r4", "PREV"] {
        let checkout = open_revision(&repository.work(), name).unwrap();
        assert_eq!(revision(&checkout), "4", "{name}");
        assert_eq!(contents(&checkout)["README"].1, "hello\\n");
    }
    for name in ["4", "r4"] {
        assert_same(
            &open_revision(&repository.work(), name).unwrap(),
            &open_url_revision(&url, name).unwrap(),
        );
    }
    for name in ["r5", "HEAD", "head", "{2100-01-01}"] {
        for found in [
            open_revision(&repository.work(), name),
            open_url_revision(&url, name),
        ] {
            assert_eq!(revision(&found.unwrap()), "5", "{name}");
        }
    }
    // A tag that is gone can still be packed by its number.
    let tag = repository.url("tags/1.0");
    repository.svn(&["copy", "-q", "-m", "tag", &url, &tag]);
    let tagged = open_url(&tag).unwrap();
    assert_eq!(tagged.provenance.label, "1.0");
    repository.svn(&["delete", "-q", "-m", "gone", &tag]);
    assert_same(&tagged, &open_url_revision(&tag, "6").unwrap());
}

#[test]
fn finds_the_recipe_from_a_directory_within() {
    let repository = SvnRepository::with_files();
    let from_within = open(&repository.work().join("bin")).unwrap();
    assert_same(&open(&repository.work()).unwrap(), &from_within);
}

#[test]
fn names_may_have_spaces_and_any_letters() {
    let repository = SvnRepository::with_files();
    let names = [
        "with space",
        "a@b",
        "@",
        "ümläuts/日本",
        "-dash",
        "100%",
        "a&b<c>\"d'",
        "x@12",
    ];
    for name in names {
        repository.write(name, name);
    }
    repository.commit("names");
    let found = assert_as_exported(&repository);
    let name = |text: &str| text.as_bytes().escape_ascii().to_string();
    for expected in names {
        assert_eq!(found[&name(expected)].1, name(expected));
    }

    let url = repository.url("tags/ü @2 %41");
    repository.svn(&[
        "copy",
        "-q",
        "-m",
        "odd",
        &repository.url("trunk"),
        &format!("{url}@"),
    ]);
    let odd = repository.check_out("tags/ü @2 %41", "wörk @3 copy");
    let checkout = open(&odd).unwrap();
    assert_same(&checkout, &open_url(&url).unwrap());
    assert_eq!(checkout.provenance.reference, "tags/ü @2 %41");
    assert_eq!(checkout.provenance.label, "ü @2 %41");
}

#[test]
fn keywords_and_line_ends_are_those_of_the_repository() {
    let repository = SvnRepository::with_files();
    repository.write("id.txt", "$Id$ $Revision$\nline\n");
    repository.svn(&["add", "-q", "id.txt"]);
    repository.svn(&["propset", "-q", "svn:keywords", "Id Revision", "id.txt"]);
    repository.svn(&["propset", "-q", "svn:eol-style", "native", "id.txt"]);
    repository.commit("keywords");
    let on_disk = std::fs::read_to_string(repository.work().join("id.txt")).unwrap();
    assert!(on_disk.contains("$Revision: 5 $"), "{on_disk}");
    let found = assert_as_exported(&repository);
    assert_eq!(found["id.txt"].1, "$Id$ $Revision$\\nline\\n");

    let packed = crate::pack::packed(&spec(&repository.work()), 1).unwrap();
    let run = Run {
        builder_id: "ci".to_owned(),
        invocation: String::new(),
        started_on: Timestamp::EPOCH,
        finished_on: Timestamp::EPOCH,
    };
    let statement = statement(&packed.bundle, &packed.provenance, &run);
    let [dependency] = statement.predicate.build_definition.resolved_dependencies;
    let recorded = serde_json::to_value(dependency.annotations).unwrap();
    let expected = serde_json::json!({
        "svnRevision": "5", "svnKeywords": "unexpanded", "svnEolStyle": "LF",
    });
    assert_eq!(recorded, expected);
}

#[test]
fn refuses_a_working_copy_that_is_no_revision() {
    let repository = SvnRepository::with_files();
    for name in ["deleted", "missing", "property"] {
        repository.write(name, name);
    }
    repository.commit("more");
    repository.write("README", "changed\n");
    repository.svn(&["delete", "-q", "deleted"]);
    std::fs::remove_file(repository.work().join("missing")).unwrap();
    repository.svn(&["propset", "-q", "x", "y", "property"]);
    repository.write("added", "x");
    repository.svn(&["add", "-q", "added"]);
    repository.svn(&["changelist", "-q", "list", "README"]);
    let error = refusal(open(&repository.work()));
    assert_eq!(error.kind(), FailureKind::Refused);
    let text = error.to_string();
    for line in [
        "modified: README",
        "deleted: deleted",
        "missing: missing",
        "properties modified: property",
        "added: added",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("svn commit") && hint.contains("svn revert"),
        "{hint}"
    );
    // What is missing cannot be packed at all.
    refusal(open_dirty(&repository.work()));
    assert!(open_revision(&repository.work(), "5").is_ok());
}

#[test]
fn packs_changes_of_tracked_files_when_asked() {
    let repository = SvnRepository::with_files();
    repository.write("README", "changed\n");
    repository.write("untracked", "x");
    repository.write("added", "x");
    repository.svn(&["add", "-q", "added"]);
    let checkout = open_dirty(&repository.work()).unwrap();
    assert!(checkout.provenance.dirty);
    let found = contents(&checkout);
    assert_eq!(found["README"].1, "changed\\n");
    assert!(found.contains_key("added") && !found.contains_key("untracked"));
    assert_eq!(
        checkout.warnings,
        ["`untracked` is not tracked and not part of the release"]
    );
    repository.svn(&["revert", "-q", "README", "added"]);
    assert!(!open_dirty(&repository.work()).unwrap().provenance.dirty);
}

#[test]
fn keeps_empty_directories_but_not_emptied_ones() {
    let repository = SvnRepository::with_files();
    std::fs::create_dir_all(repository.work().join("var/cache")).unwrap();
    repository.write("docs/a", "x");
    repository.write(
        "bulla.toml",
        "[bundle]\nproject = \"a\"\nexclude = [\"docs/**\", \"bin/run\", \"/bin/start\"]\n",
    );
    repository.commit("directories");
    let checkout = open(&repository.work()).unwrap();
    let recipe = recipe::load(&checkout).unwrap();
    let selection = select(checkout, &recipe.recipe).unwrap();
    let mut paths: Vec<&str> = selection
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["README", "bulla.toml", "var/cache"]);
}

#[test]
fn says_what_is_missing() {
    let repository = SvnRepository::with_files();
    let url = repository.url("trunk");
    for (attempt, kind, said) in [
        (
            open_url_revision(&url, "BASE"),
            FailureKind::Usage,
            "keywords are invalid for URL",
        ),
        (
            open_revision(&repository.work(), "99"),
            FailureKind::Failed,
            "No such revision 99",
        ),
        (
            open_revision(&repository.work(), "main"),
            FailureKind::Usage,
            "found \"main\"",
        ),
        (
            open_revision(&repository.work(), "1:2"),
            FailureKind::Usage,
            "found \"1:2\"",
        ),
        (
            open_url_revision(&url, "99"),
            FailureKind::Failed,
            "No such revision 99",
        ),
        (
            open_url(&repository.url("trunk/none")),
            FailureKind::Failed,
            "non-existent in revision",
        ),
        (
            open_url(&repository.url("trunk/README")),
            FailureKind::Failed,
            "is not a directory",
        ),
        (
            open_url("nonsense://x"),
            FailureKind::Usage,
            "Unrecognized URL scheme",
        ),
    ] {
        let error = refusal(attempt);
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert_eq!(error.kind(), kind, "{error}");
    }
    std::fs::create_dir(repository.work().join("new")).unwrap();
    crate::checkout::write(&repository.work(), "new/bulla.toml", "");
    let error = refusal(open(&repository.work().join("new")));
    assert!(error.hint().unwrap().contains("svn add"), "{error}");
}

#[test]
fn a_server_that_is_gone_is_temporary() {
    let repository = SvnRepository::with_files();
    std::fs::rename(
        repository.home().join("repo"),
        repository.home().join("away"),
    )
    .unwrap();
    let error = refusal(open_revision(&repository.work(), "4"));
    assert_eq!(error.kind(), FailureKind::Temporary);
    assert!(error.to_string().contains("Unable to connect"), "{error}");
    let error = refusal(open_url("svn://127.0.0.1:9/none"));
    assert_eq!(error.kind(), FailureKind::Temporary, "{error}");
    std::fs::rename(
        repository.home().join("away"),
        repository.home().join("repo"),
    )
    .unwrap();
    assert!(open(&repository.work()).is_ok());
}

#[test]
fn leaves_no_temporary_files() {
    let repository = SvnRepository::with_files();
    let spool = repository.home().join("a spööl@2");
    std::fs::create_dir(&spool).unwrap();
    let mut spec = url_spec(&repository.url("trunk"));
    spec.spool = spool.clone();
    let checkout = source::open(&spec).unwrap();
    let exported = std::fs::read_dir(&spool).unwrap().next().unwrap().unwrap();
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = exported.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    drop(checkout);
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);
}
