//! A revision is whatever `git rev-parse` takes: it is the judge.

use bulla_packager::source::{GitError, SourceError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::release::Source;

use crate::checkout::{GitRepository, open, open_revision, program, refusal, run};

/// A repository with a merge, tags, a reflog, a stash and an upstream.
fn with_history() -> GitRepository {
    let repository = GitRepository::with_files();
    repository.git(&["tag", "-a", "v1.0", "-m", "one"]);
    repository.git(&["tag", "light"]);
    repository.write("README", "second\n");
    repository.commit("second: a (strange) [subject]");
    repository.git(&["checkout", "-q", "-b", "feature/x", "HEAD~1"]);
    repository.write("x", "x");
    repository.commit("third");
    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "merged", "feature/x"]);
    repository.git(&["tag", "-a", "outer", "-m", "of a tag", "v1.0"]);
    repository.git(&["branch", "v1.0"]);
    let clone = repository.home().join("clone");
    repository.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
    repository.git_in(&clone, &["tag", "-a", "later", "-m", "later"]);
    repository.git_in(
        &clone,
        &["commit", "-q", "--allow-empty", "-m", "after the clone"],
    );
    crate::checkout::write(&clone, "README", "stashed\n");
    repository.git_in(&clone, &["stash", "-q"]);
    repository.git_in(&clone, &["fetch", "-q"]);
    repository.git_in(&clone, &["checkout", "-q", "-b", "other"]);
    repository.git_in(&clone, &["checkout", "-q", "main"]);
    repository
}

/// The id of what `name` means in the clone; empty when it means nothing.
fn git_says(repository: &GitRepository, name: &str) -> String {
    let output = program("git", repository.home())
        .current_dir(repository.home().join("clone"))
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // `^NAME` is all but what leads to NAME: no commit.
    let id = said.trim();
    if id.starts_with('^') {
        String::new()
    } else {
        id.to_owned()
    }
}

#[test]
fn names_mean_what_git_rev_parse_says() {
    let repository = with_history();
    let clone = repository.home().join("clone");
    let mut names: Vec<String> = [
        "HEAD",
        "@",
        "main",
        "heads/main",
        "refs/heads/main",
        "other",
        "v1.0",
        "tags/v1.0",
        "refs/tags/v1.0",
        "light",
        "outer",
        "outer^{}",
        "later",
        "v1.0^0",
        "origin",
        "origin/main",
        "origin/feature/x",
        "@{u}",
        "main@{upstream}",
        "HEAD^",
        "HEAD~2",
        "HEAD^^2",
        "main~1^2",
        "HEAD^{commit}",
        "HEAD^{/third}",
        "HEAD^{/second: a}",
        ":/second",
        ":/second: a (strange",
        ":/!-third",
        "HEAD@{1}",
        "main@{0}",
        "@{1}",
        "@{-1}",
        "stash",
        "stash@{0}",
        "stash^2",
        "main@{2026-11-20 12:00:00}",
        "HEAD@{1.second.ago}",
        "later-1-g0000000",
        "FETCH_HEAD",
        // And what means nothing.
        "nonsense",
        "HEAD~100",
        "HEAD^7",
        ":/nonsense",
        "@{-9}",
        "HEAD@{99}",
        "main..other",
        "^main",
        "--all",
        "-h",
        "",
        " ",
        "HEAD main",
        "refs/heads",
        "../main",
        "main^{blob}",
    ]
    .map(str::to_owned)
    .to_vec();
    let id = repository.git_in(&clone, &["rev-parse", "HEAD"]);
    names.extend([
        id[..7].to_owned(),
        id.clone(),
        format!("v1.0-2-g{}", &id[..9]),
    ]);
    names.push("0".repeat(40));
    for name in &names {
        let expected = git_says(&repository, name);
        // What follows a search belongs to it.
        let expected = git_says(&repository, &format!("{expected}^{{commit}}"));
        let found = match open_revision(&clone, name).map(|checkout| checkout.source) {
            Ok(Source::Git { revision, .. }) => revision,
            Ok(other) => panic!("{name}: {other:?}"),
            Err(error) => {
                assert!(error.to_string().contains(name.as_str()), "{name}: {error}");
                String::new()
            }
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_no_commit_is_said_to_be_something_else() {
    let repository = with_history();
    for name in [
        "HEAD^{tree}",
        "HEAD~2^{tree}",
        "HEAD:README",
        "HEAD:",
        "HEAD:bin",
    ] {
        let error = refusal(open_revision(&repository.work(), name));
        assert!(
            matches!(error, SourceError::Git(GitError::NotCommit { .. })),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_shortened_id_of_several_objects_is_refused() {
    let repository = GitRepository::with_files();
    // Two commits whose ids begin with the same four digits.
    let mut seen = std::collections::HashMap::new();
    let tree = repository.git(&["rev-parse", "HEAD^{tree}"]);
    let script =
        "i=0; while [ $i -lt 700 ]; do git commit-tree -m \"number $i\" \"$1\"; i=$((i+1)); done";
    let ids = run(program("sh", repository.home())
        .current_dir(repository.work())
        .args(["-c", script, "sh", &tree]));
    let clash = ids.lines().find_map(|id| {
        let before = seen.insert(&id[..4], id);
        before.is_some().then(|| id[..4].to_owned())
    });
    let clash = clash.expect("two of 700 ids share four digits");
    let error = refusal(open_revision(&repository.work(), &clash));
    assert_eq!(error.kind(), FailureKind::Failed);
    assert!(error.to_string().contains(&clash), "{error}");
}

#[test]
fn plain_names_need_no_git() {
    let repository = with_history();
    let id = repository.git(&["rev-parse", "light"]);
    let pack = |name: &str, path: Option<&str>| {
        let home = tempfile::TempDir::new().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bulla"));
        command
            .args(["pack", "--revision", name, "--"])
            .arg(repository.work())
            .env("HOME", home.path());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        run(&mut command)
    };
    for name in ["main", "light", "main~1", &id[..8]] {
        assert_eq!(pack(name, Some("/nonexistent")), pack(name, None), "{name}");
    }
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
        ("main~1", "refs/tags/v1"),
        (first.as_str(), "refs/tags/v1"),
    ] {
        let checkout = open_revision(&work, name).unwrap();
        assert_eq!(checkout.provenance.reference, reference, "{name}");
    }
}

#[test]
fn says_what_is_missing() {
    let repository = GitRepository::with_files();
    let error = refusal(open_revision(&repository.work(), "no-such"));
    assert!(
        matches!(error, SourceError::Git(GitError::UnknownRevision { .. })),
        "{error:?}"
    );
    assert_eq!(error.kind(), FailureKind::Failed);
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
    for named in [
        open(&empty.work()),
        open_revision(&empty.work(), "HEAD"),
        open_revision(&empty.work(), "@"),
    ] {
        let error = refusal(named);
        assert!(
            matches!(error, SourceError::Git(GitError::NoCommit { .. })),
            "{error:?}"
        );
        assert_eq!(error.kind(), FailureKind::Failed);
    }
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
