//! The Go project's transparency log reads our files: `tests/oracle/tlog/main.go`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, io};

use bulla_trust::testing::{Organisation, cosign, key, log_key, log_verifier, project};

const GOPATH: &str = "/usr/share/gocode";

/// Builds the checker in a folder; `None` when it cannot be built here.
fn checker(folder: &Path) -> Option<PathBuf> {
    let module = Path::new(GOPATH).join("src/golang.org/x/mod/sumdb/tlog");
    if !module.exists() || Command::new("go").arg("version").output().is_err() {
        // Not `eprintln`, which the test harness swallows.
        let skipped = b"skip: Go's log needs golang-go and golang-golang-x-mod-dev\n";
        io::stderr().write_all(skipped).expect("stderr");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/tlog/main.go");
    let program = folder.join("tlog");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg(source)
        .env("GO111MODULE", "off")
        .env("GOPATH", GOPATH)
        .env("GOFLAGS", "")
        .env("GOCACHE", folder.join("cache"))
        .output()
        .expect("go starts");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    Some(program)
}

fn check(program: &Path, folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Output {
    let log = folder.join("log");
    for (path, content) in files {
        let file = log.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, content).expect("a file");
    }
    let output = Command::new(program)
        .arg(log_verifier(&log_key()))
        .arg(&log)
        .output()
        .expect("the checker starts");
    fs::remove_dir_all(log).expect("the log");
    output
}

#[test]
fn go_accepts_our_log_and_refuses_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = checker(folder.path()) else {
        return;
    };
    let check = |files: &_| check(&program, folder.path(), files);
    let mut acme = Organisation::new();
    for length in [1, 2, 255, 256, 257, 600] {
        while acme.entries.len() < length {
            acme.publish(&project(), &format!("release {}", acme.entries.len()));
        }
        let output = check(&acme.files());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(said.starts_with(&format!("{length} entries")), "{said}");
    }
    let honest = acme.files();
    for (path, content) in &honest {
        let mut damaged = honest.clone();
        let mut other = content.clone();
        let middle = other.len() / 2;
        other[middle] ^= 1;
        damaged.insert(path.clone(), other);
        assert!(!check(&damaged).status.success(), "{path}");
    }
    let mut cosigned = honest.clone();
    let note = cosign(&acme.checkpoint(), "office", 0);
    cosigned.insert("checkpoint".to_owned(), note);
    assert!(check(&cosigned).status.success(), "with a cosignature");
    let mut other = honest;
    other.insert(
        "checkpoint".to_owned(),
        acme.checkpoint_at(600, &key("mallory")),
    );
    assert!(!check(&other).status.success());
}
