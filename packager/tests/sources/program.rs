//! The program `bulla pack` in other surroundings: they change no byte.

use std::path::Path;
use std::process::Command;

use crate::checkout::{GitRepository, SvnRepository, run};

/// Packs `checkout` from a shell with the given umask, and returns the hash.
fn pack(checkout: &Path, umask: &str, variables: &[(&str, &str)]) -> String {
    let home = tempfile::TempDir::new().unwrap();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "umask \"$1\" && exec \"$2\" pack -- \"$3\"",
            "sh",
            umask,
        ])
        .arg(env!("CARGO_BIN_EXE_bulla"))
        .arg(checkout)
        .env("HOME", home.path())
        .envs(variables.iter().copied());
    let output = run(&mut command);
    let hash = output.lines().last().unwrap().to_owned();
    assert!(hash.starts_with("sha256:"), "{output}");
    hash
}

/// Other places, languages and habits, and variables that would lead git and svn astray.
const SURROUNDINGS: [(&str, &[(&str, &str)]); 3] = [
    ("022", &[]),
    (
        "077",
        &[("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8")],
    ),
    (
        "000",
        &[
            ("LC_ALL", "C"),
            ("LANGUAGE", "de"),
            ("GIT_DIR", "/nonexistent"),
            ("GIT_WORK_TREE", "/nonexistent"),
            ("GIT_INDEX_FILE", "/nonexistent"),
            ("GIT_OBJECT_DIRECTORY", "/nonexistent"),
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.fileMode"),
            ("GIT_CONFIG_VALUE_0", "false"),
        ],
    ),
];

#[test]
fn surroundings_do_not_change_a_git_release() {
    let repository = GitRepository::with_files();
    repository.write("ümläut @ file", "x");
    repository.commit("more");
    let hashes = SURROUNDINGS.map(|(umask, variables)| pack(&repository.work(), umask, variables));
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn surroundings_do_not_change_an_svn_release() {
    let repository = SvnRepository::with_files();
    repository.write("ümläut @ file", "x");
    repository.commit("more");
    let hashes = SURROUNDINGS.map(|(umask, variables)| pack(&repository.work(), umask, variables));
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn svn_need_not_be_there_for_a_working_copy_but_for_a_url() {
    let repository = SvnRepository::with_files();
    let pack = |source: &std::ffi::OsStr| {
        Command::new(env!("CARGO_BIN_EXE_bulla"))
            .arg("pack")
            .arg(source)
            .env("PATH", "/nonexistent")
            .output()
            .unwrap()
    };
    let output = pack(repository.work().as_ref());
    assert!(output.status.success(), "{output:?}");
    let output = pack(repository.url("trunk").as_ref());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`svn`") && said.contains("apt install subversion"),
        "{said}"
    );
}

#[test]
fn git_need_not_be_there() {
    let repository = GitRepository::with_files();
    let output = Command::new(env!("CARGO_BIN_EXE_bulla"))
        .arg("pack")
        .arg(repository.work())
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_wrong_recipe_is_a_wrong_use() {
    let repository = GitRepository::with_files();
    repository.write("bulla.toml", "[bundle]\nproject = \"a\"\ncolour = 1\n");
    repository.commit("wrong");
    let output = Command::new(env!("CARGO_BIN_EXE_bulla"))
        .arg("pack")
        .arg(repository.work())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("line 3, column 1, `bundle.colour`"), "{said}");
}
