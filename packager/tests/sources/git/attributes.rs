//! `export-ignore` and `export-subst`: `git archive` is the judge.

use std::collections::BTreeMap;

use bulla_packager::source::{GitContentError, GitError, SourceError, TrackedKind};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use proptest::prelude::*;

use crate::checkout::{GitRepository, program, refusal, resolve, resolved, run, spec};

/// The files and empty directories of `git archive HEAD`, unpacked.
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
                if path.read_dir().unwrap().next().is_none() {
                    let name = path.strip_prefix(&directory).unwrap();
                    files.insert(name.to_str().unwrap().to_owned(), String::new());
                }
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
fn a_directory_stays_when_only_files_in_it_are_left_out() {
    let repository = GitRepository::with_files();
    repository.write(
        ".gitattributes",
        ".gitkeep export-ignore\n/gone export-ignore\n/emptied/all export-ignore\n",
    );
    for path in [
        "cache/.gitkeep",
        "var/log/.gitkeep",
        "var/log/deep/er/.gitkeep",
        "full/.gitkeep",
        "full/file",
        "gone/.gitkeep",
        "gone/deep/.gitkeep",
        "emptied/all/file",
    ] {
        repository.write(path, path);
    }
    repository.commit("directories");
    assert_as_archived(&repository);
    let found = resolved(&repository.work());
    assert_eq!(found["cache"].0, TrackedKind::Directory);
    assert_eq!(found["var/log/deep/er"].0, TrackedKind::Directory);
    for gone in ["var/log", "full", "gone", "emptied"] {
        assert!(!found.contains_key(gone), "{gone}");
    }
}

#[test]
fn reads_the_attributes_that_git_reads() {
    let long = |path: &str, length: usize| {
        let line = format!("{path} export-ignore");
        format!("{line}{}\n", " ".repeat(length - line.len()))
    };
    let long = [("a", 2046), ("b", 2047), ("c", 2048), ("d", 2049)]
        .map(|(path, length)| long(path, length))
        .concat();
    for attributes in [
        long.as_str(),
        &long.replace('\n', "\r\n"),
        "\u{feff}a export-ignore\nb export-ignore\n",
        "\u{feff}\na export-ignore\n",
        "a export-ignore\0 b\nb export-ignore\n",
        "\na export-ignore\r\n  b\texport-ignore\n\"c\" export-ignore\n\"d export-ignore",
        "!a export-ignore\n[attr]own export-ignore\nb own\n[attr]binary export-ignore\nc binary\n",
        "a export-ignore export-subst\nb -export-ignore\n* export-subst\n",
    ] {
        let repository = GitRepository::with_files();
        for path in ["a", "b", "c", "d"] {
            repository.write(path, path);
        }
        repository.write(".gitattributes", attributes);
        repository.commit("attributes");
        assert_as_archived(&repository);
    }
    for target in ["a export-ignore", "attributes", "../x export-ignore"] {
        let repository = GitRepository::with_files();
        repository.write("a", "a");
        repository.write("attributes", "a export-ignore\n");
        repository.link(".gitattributes", target);
        repository.commit("a link");
        assert_as_archived(&repository);
    }
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
                SourceError::Git(GitError::Content(GitContentError::Placeholder { path, .. })) if path == "version"
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

/// Lines of an attributes file that say something about the paths of `any_tree`, or nearly.
fn any_line() -> impl Strategy<Value = String> {
    let pattern = prop_oneof![
        "[abx]",
        "/?[ab*?]{1,2}(/[abx*]{0,2}){0,2}/?",
        "(\\*\\*/)?[abx](/\\*\\*)?",
        "\"[ab]\"",
        "\\[[ab!]\\]?",
        "!?[ab]",
        "\u{feff}?[ab]",
    ];
    let state = prop_oneof![
        4 => Just("export-ignore"),
        2 => Just("-export-ignore"),
        1 => Just("!export-ignore"),
        1 => Just("export-ignore=yes"),
        1 => Just("own"),
        1 => Just("-own text"),
        1 => Just("export-ignore\r"),
    ];
    let line = (
        pattern,
        state,
        prop_oneof![9 => Just(0), 1 => 2000_usize..2100],
    )
        .prop_map(|(pattern, state, padding)| format!("{pattern} {state}{}", " ".repeat(padding)));
    prop_oneof![12 => line, 1 => Just("[attr]own export-ignore".to_owned()), 1 => Just("#".to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn leaves_out_and_keeps_what_git_archive_does(
        paths in prop::collection::btree_set("[ab](/[abx]){0,3}", 1..12),
        top in prop::collection::vec(any_line(), 0..8),
        below in prop::collection::vec(any_line(), 0..4),
    ) {
        let repository = GitRepository::with_files();
        for path in &paths {
            let full = repository.work().join(path);
            // Another path may need a directory there, or have a file above.
            if !full.exists() && std::fs::create_dir_all(full.parent().unwrap()).is_ok() {
                std::fs::write(full, path).unwrap();
            }
        }
        repository.write(".gitattributes", format!("{}\n", top.join("\n")));
        if repository.work().join("a").is_dir() {
            repository.write("a/.gitattributes", below.join("\n"));
        }
        repository.commit("tree");
        assert_as_archived(&repository);
    }
}
