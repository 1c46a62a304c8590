//! `export-ignore` and `export-subst`: `git archive` is the judge.

use std::collections::BTreeMap;

use bulla_packager::source::{GitContentError, SourceError};
use bulla_schemas::outcome::FailureKind;

use crate::checkout::{GitRepository, program, refusal, resolve, resolved, run, spec};

/// The files of `git archive HEAD`, unpacked.
fn archived(repository: &GitRepository) -> BTreeMap<String, String> {
    let directory = repository.home().join("archived");
    let tar = repository.home().join("archive.tar");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir(&directory).unwrap();
    repository.git(&["archive", "-o", tar.to_str().unwrap(), "HEAD"]);
    run(program("tar", repository.home())
        .arg("-xf")
        .arg(&tar)
        .arg("-C")
        .arg(&directory));
    let mut files = BTreeMap::new();
    let mut pending = vec![directory.clone()];
    while let Some(here) = pending.pop() {
        for entry in here.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(&directory).unwrap();
            let name = name.to_str().unwrap().to_owned();
            let content = match path.read_link() {
                Ok(target) => target.to_str().unwrap().to_owned(),
                Err(_) => std::fs::read(&path).unwrap().escape_ascii().to_string(),
            };
            files.insert(name, content);
        }
    }
    files
}

fn assert_as_archived(repository: &GitRepository) {
    let found: BTreeMap<String, String> = resolved(&repository.work())
        .into_iter()
        .map(|(path, (_, content))| (path, content))
        .collect();
    assert_eq!(found, archived(repository));
}

#[test]
fn leaves_out_what_git_archive_leaves_out() {
    let repository = GitRepository::with_files();
    repository.write(
        ".gitattributes",
        "[attr]private export-ignore\n\
         .gitattributes export-ignore\n\
         *.log export-ignore\n\
         keep.log -export-ignore\n\
         /docs export-ignore\n\
         tests/ export-ignore\n\
         src/**/*.tmp export-ignore\n\
         secret* private\n\
         \"with space\" export-ignore\n\
         unset !export-ignore\n\
         value export-ignore=yes\n",
    );
    repository.write(
        "src/.gitattributes",
        "*.c export-ignore\n/top export-ignore\n",
    );
    repository.write(
        "src/deep/.gitattributes",
        "b.c -export-ignore\n[attr]nothing export-ignore\nz nothing\n",
    );
    for path in [
        "a.log",
        "keep.log",
        "docs/a",
        "src/docs/a",
        "tests/a/b",
        "src/tests/c",
        "src/x.tmp",
        "src/deep/y.tmp",
        "src/a.c",
        "src/deep/a.c",
        "src/deep/b.c",
        "src/deep/z",
        "src/top",
        "src/deep/top",
        "secrets/a",
        "with space",
        "unset",
        "value",
        "a.c",
        "tests.txt",
    ] {
        repository.write(path, path);
    }
    repository.commit("attributes");
    assert_as_archived(&repository);
    let found = resolved(&repository.work());
    assert!(!found.contains_key("docs/a") && found.contains_key("src/docs/a"));
}

#[test]
fn only_the_attributes_of_the_commit_count() {
    let repository = GitRepository::with_files();
    repository.write(".gitattributes", "# export-ignore\n");
    repository.commit("attributes");
    repository.write(".git/info/attributes", "README export-ignore\n");
    repository.write("attributes", "README export-ignore\n");
    let file = repository.work().join("attributes");
    repository.git(&["config", "core.attributesFile", file.to_str().unwrap()]);
    assert!(resolved(&repository.work()).contains_key("README"));
}

#[test]
fn fills_in_what_is_a_function_of_the_commit() {
    let repository = GitRepository::with_files();
    repository.write(".gitattributes", "version* export-subst\n");
    repository.write(
        "version",
        "$Format:%H %T %P$\n$Format:%an <%ae> %al %ad|%aD|%at|%ai|%aI|%as$\n\
         $Format:%cn <%ce> %cl %cd|%cD|%ct|%ci|%cI|%cs$\n\
         $Format:%s|%f|%e|%n%%%x41$\n[$Format:%b$]\n[$Format:%B$]\n\
         $Format:$ $Id$ $Format:not closed\n",
    );
    repository.write("version-plain", "nothing to do %H\n");
    repository.write("other", "$Format:%H$\n");
    repository.git(&["add", "-A"]);
    repository.git(&[
        "commit",
        "-q",
        "-m",
        "\n  A subject.. with -- odd/parts \n goes on.\n\nThe body,\n\ntwo parts.\n",
    ]);
    assert_as_archived(&repository);
    repository.git(&["checkout", "-q", "--orphan", "root"]);
    repository.git(&["commit", "-q", "-m", "without parents, ümläut..."]);
    assert_as_archived(&repository);

    let checkout = resolve(&spec(&repository.work())).unwrap();
    let id = |name: &str| {
        let is_it = |path: &[u8]| path == name.as_bytes();
        let position = checkout
            .tracked()
            .iter()
            .position(|tracked| is_it(&tracked.path));
        checkout.id(position.unwrap())
    };
    assert!(id("version").is_none() && id("version-plain").is_some());
}

#[test]
fn refuses_placeholders_that_differ_between_clones() {
    for placeholder in [
        "%h",
        "%t",
        "%p",
        "%d",
        "%D",
        "%(describe)",
        "%(trailers)",
        "%N",
        "%aN",
        "%cE",
        "%ar",
        "%ah",
        "%G?",
        "%GS",
        "%gd",
        "%S",
        "%Cred",
        "%w(1)",
        "%<(3)",
        "%+s",
        "%m",
        "%q",
        "%",
    ] {
        let repository = GitRepository::with_files();
        repository.write(".gitattributes", "version export-subst\n");
        repository.write("version", format!("$Format:%H{placeholder}$\n"));
        repository.commit("version");
        let error = refusal(resolve(&spec(&repository.work())));
        assert!(
            matches!(
                &error,
                SourceError::GitContent(GitContentError::Placeholder { path, .. }) if path == "version"
            ),
            "{placeholder}: {error:?}"
        );
        assert_eq!(error.kind(), FailureKind::Refused);
        let named = placeholder.len().min(2);
        assert!(error.to_string().contains(&placeholder[..named]), "{error}");

        let exclude = format!("{}exclude = [\"version\"]\n", crate::checkout::RECIPE);
        repository.write("bulla.toml", exclude);
        repository.commit("exclude");
        assert!(resolve(&spec(&repository.work())).is_ok());
    }
}

#[test]
fn refuses_text_of_a_commit_in_another_encoding() {
    let repository = GitRepository::with_files();
    repository.write(".gitattributes", "version export-subst\n");
    repository.write("version", "$Format:%H %e$\n");
    repository.git(&["config", "i18n.commitEncoding", "ISO-8859-1"]);
    repository.commit("first");
    assert_as_archived(&repository);
    repository.write("version", "$Format:%s$\n");
    repository.commit("second");
    let error = refusal(resolve(&spec(&repository.work())));
    assert!(error.to_string().contains("%s"), "{error}");
}
