//! Submodules: the recorded commits, wherever their objects are.

use std::path::Path;

use bulla_packager::source::{GitContentError, GitError, SourceError, TrackedKind};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::checkout::{GitRepository, RECIPE, open, open_dirty, refusal, resolve, resolved, spec};

const ALLOW: [&str; 2] = ["-c", "protocol.file.allow=always"];

/// A superproject with `lib/other`, which has `deep/inner`.
struct Nested {
    main: GitRepository,
    other: GitRepository,
    /// Where the others fetch from.
    _inner: GitRepository,
}

fn add(repository: &GitRepository, url: &Path, path: &str) {
    let url = url.to_str().unwrap();
    repository.git(&[&ALLOW[..], &["submodule", "-q", "add", url, path]].concat());
    repository.commit("submodule");
}

impl Nested {
    fn new() -> Self {
        let inner = GitRepository::new();
        inner.write("inner", "inner\n");
        inner.commit("inner");
        let other = GitRepository::with_files();
        add(&other, &inner.work(), "deep/inner");
        let main = GitRepository::with_files();
        add(&main, &other.work(), "lib/other");
        main.git(
            &[
                &ALLOW[..],
                &["submodule", "-q", "update", "--init", "--recursive"],
            ]
            .concat(),
        );
        Self {
            main,
            other,
            _inner: inner,
        }
    }

    fn assert_complete(directory: &Path) {
        let found = resolved(directory);
        assert_eq!(found["lib/other/deep/inner/inner"].1, "inner\\n");
        assert_eq!(
            found["lib/other/bin/start"],
            (TrackedKind::Link, "run".to_owned())
        );
        assert!(
            !found
                .values()
                .any(|(kind, _)| *kind == TrackedKind::Submodule)
        );
        assert_eq!(found.len(), 4 + 1 + 4 + 1 + 1);
    }

    /// Clones the superproject without its submodules, with `file` allowed for them.
    fn clone(&self, name: &str, options: &[&str]) -> std::path::PathBuf {
        let directory = self.main.home().join(name);
        let url = format!("file://{}", self.main.work().display());
        let to = directory.to_str().unwrap();
        self.main
            .git(&[&["clone", "-q"], options, &[&url, to]].concat());
        directory
    }
}

#[test]
fn recorded_commits_are_mounted_recursively() {
    let nested = Nested::new();
    Nested::assert_complete(&nested.main.work());
    let tracked = open(&nested.main.work()).unwrap();
    let kinds: Vec<TrackedKind> = tracked.tracked().iter().map(|entry| entry.kind).collect();
    assert!(kinds.contains(&TrackedKind::Submodule));
}

#[test]
fn objects_are_read_from_wherever_git_keeps_them() {
    let nested = Nested::new();
    let work = nested.main.work();
    // Nothing checked out: only `.git/modules`.
    nested
        .main
        .git(&["submodule", "-q", "deinit", "-f", "--all"]);
    assert!(!work.join("lib/other/README").exists());
    Nested::assert_complete(&work);

    // A linked work tree shares them with the main one.
    let linked = nested.main.home().join("linked");
    nested.main.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        linked.to_str().unwrap(),
    ]);
    Nested::assert_complete(&linked);
    std::fs::remove_dir_all(work.join(".git/modules")).unwrap();

    // A linked work tree can have its own.
    nested.main.git_in(
        &linked,
        &[
            &ALLOW[..],
            &["submodule", "-q", "update", "--init", "--recursive"],
        ]
        .concat(),
    );
    assert!(work.join(".git/worktrees/linked/modules").exists());
    Nested::assert_complete(&linked);
}

#[test]
fn a_repository_that_git_has_not_moved_into_its_own_is_read() {
    let inner = GitRepository::with_files();
    let main = GitRepository::with_files();
    main.git(&["clone", "-q", inner.work().to_str().unwrap(), "lib"]);
    main.write(
        ".gitmodules",
        "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib\n",
    );
    main.commit("lib");
    assert!(main.work().join("lib/.git").is_dir());
    assert_eq!(resolved(&main.work())["lib/README"].1, "hello\\n");
}

#[test]
fn an_older_commit_is_the_recorded_one() {
    let nested = Nested::new();
    nested.other.write("README", "newer\n");
    let newer = nested.other.commit("newer");
    let inside = nested.main.work().join("lib/other");
    nested
        .main
        .git_in(&inside, &[&ALLOW[..], &["fetch", "-q"]].concat());
    nested.main.git_in(&inside, &["checkout", "-q", &newer]);
    let mut named = spec(&nested.main.work());
    named.revision = Some("HEAD".to_owned());
    let found = crate::checkout::contents(&resolve(&named).unwrap());
    assert_eq!(found["lib/other/README"].1, "hello\\n");

    // Without a revision, what is checked out must be what is recorded.
    let error = refusal(open(&nested.main.work()));
    assert!(error.to_string().contains("lib/other"), "{error}");
    nested.main.commit("newer");
    assert_eq!(
        resolved(&nested.main.work())["lib/other/README"].1,
        "newer\\n"
    );
}

#[test]
fn changes_inside_are_changes() {
    let nested = Nested::new();
    let inner = nested.main.work().join("lib/other/deep/inner");
    std::fs::write(inner.join("inner"), "changed\n").unwrap();
    std::fs::write(inner.join("untracked"), "x").unwrap();
    let error = refusal(open(&nested.main.work()));
    assert!(
        error
            .to_string()
            .contains("modified: lib/other/deep/inner/inner"),
        "{error}"
    );
    let dirty = open_dirty(&nested.main.work()).unwrap();
    assert!(dirty.provenance.dirty);
    let mut spec = spec(&nested.main.work());
    spec.allow_dirty = true;
    let found = crate::checkout::contents(&resolve(&spec).unwrap());
    assert_eq!(found["lib/other/deep/inner/inner"].1, "changed\\n");
    assert!(!found.contains_key("lib/other/deep/inner/untracked"));
}

#[test]
fn what_is_not_here_is_fetched_when_git_may() {
    let nested = Nested::new();
    let clone = nested.clone("clone", &[]);
    // git allows no local path of a `.gitmodules` unless the user says so.
    let error = refusal(resolve(&spec(&clone)));
    assert!(error.to_string().contains("lib/other"), "{error}");
    assert!(
        error.to_string().contains("transport 'file' not allowed"),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("git submodule update --init --recursive")
    );
    assert_eq!(error.kind(), FailureKind::Failed);
}

#[test]
fn a_commit_that_nobody_has_is_named() {
    let nested = Nested::new();
    let missing = "0123456789012345678901234567890123456789";
    let entry = format!("160000,{missing},lib/other");
    nested.main.git(&["update-index", "--cacheinfo", &entry]);
    nested.main.git(&["commit", "-q", "-m", "missing"]);
    let mut named = spec(&nested.main.work());
    named.revision = Some("HEAD".to_owned());
    let error = refusal(resolve(&named));
    assert!(
        matches!(
            &error,
            SourceError::Git(GitError::Content(GitContentError::SubmoduleUnavailable { path, commit, .. }))
                if path == "lib/other" && commit == missing
        ),
        "{error:?}"
    );
}

#[test]
fn what_the_recipe_leaves_out_is_not_looked_for() {
    for patterns in [
        "exclude = [\"lib/\"]",
        "exclude = [\"/lib/other\"]",
        "exclude = [\"lib/other/**\"]",
        "include = [\"/bin\", \"/bulla.toml\"]",
    ] {
        let nested = Nested::new();
        nested
            .main
            .write("bulla.toml", format!("{RECIPE}{patterns}\n"));
        nested.main.commit("leave it out");
        let clone = nested.clone("clone", &[]);
        assert!(resolve(&spec(&clone)).is_ok(), "{patterns}");
    }
}

#[test]
fn a_commit_of_another_repository_must_be_declared() {
    let repository = GitRepository::with_files();
    repository.git(&["clone", "-q", ".", "lib"]);
    repository.git(&["-c", "advice.addEmbeddedRepo=false", "add", "lib"]);
    repository.git(&["commit", "-q", "-m", "lib"]);
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(
        matches!(&error, SourceError::Git(GitError::Content(GitContentError::Undeclared { path })) if path == "lib"),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("git submodule add"));
}

#[test]
fn a_submodule_with_nothing_in_it_is_an_empty_directory() {
    let empty = GitRepository::new();
    empty.commit("nothing");
    let main = GitRepository::with_files();
    add(&main, &empty.work(), "lib/empty");
    assert_eq!(
        resolved(&main.work())["lib/empty"].0,
        TrackedKind::Directory
    );
}

#[test]
fn attributes_of_a_submodule_are_its_own() {
    let nested = Nested::new();
    nested.main.write(
        ".gitattributes",
        "README export-ignore\nlib/other/bin export-ignore\n",
    );
    nested.main.commit("attributes");
    let found = resolved(&nested.main.work());
    assert!(!found.contains_key("README"));
    assert!(found.contains_key("lib/other/README") && found.contains_key("lib/other/bin/run"));
    nested.main.write(".gitattributes", "other export-ignore\n");
    nested.main.commit("attributes");
    assert!(!resolved(&nested.main.work()).contains_key("lib/other/README"));
}

#[test]
fn of_two_declarations_of_one_path_the_last_counts() {
    let libraries = ["old", "new"].map(|name| {
        let library = GitRepository::new();
        library.write("content", name);
        library.commit(name);
        library
    });
    for order in [[0, 1], [1, 0]] {
        let [first, last] = order.map(|number| libraries[number].work());
        let repository = GitRepository::with_files();
        add(&repository, &last, "lib");
        let section = |name: &str, url: &Path| {
            let url = url.display();
            format!("[submodule \"{name}\"]\n\tpath = lib\n\turl = {url}\n")
        };
        repository.write(".gitmodules", section("z", &first) + &section("a", &last));
        repository.commit("replaced");
        let clone = repository.home().join("clone");
        repository.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
        repository.git_in(
            &clone,
            &[&ALLOW[..], &["submodule", "-q", "update", "--init"]].concat(),
        );
        let expected = std::fs::read_to_string(clone.join("lib/content")).unwrap();
        assert_eq!(resolved(&clone)["lib/content"].1, expected);
    }
}
