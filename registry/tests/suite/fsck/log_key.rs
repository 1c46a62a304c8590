//! The key of the log: lost, unreadable, or another one.

use bulla_trust::SigningKey;
use bulla_trust::testing::{log_key, log_verifier};

use super::*;

/// Asserts that the key is told to be wrong, and by which line the policy names it.
#[track_caller]
fn assert_damaged(data: &Path, sentence: &str) {
    let (status, report) = fsck(data, &[]);
    let [damage] = &report.damages[..] else {
        panic!("{report:#?}");
    };
    assert_eq!((status, damage.kind), (1, DamageKind::Log), "{report:#?}");
    assert!(damage.found.contains(sentence), "{}", damage.found);
    let hint = damage.hint.as_ref().unwrap();
    assert!(hint.contains("a backup of the registry has it"), "{hint}");
}

#[track_caller]
fn assert_refused(command: &[&str], data: &Path, status: i32, sentences: &[&str]) {
    let output = run(command, data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command:?}: {said}");
    for sentence in sentences.iter().chain(&["hint: put the key of this log"]) {
        assert!(said.contains(sentence), "{command:?}: {said}");
    }
}

#[tokio::test]
async fn a_log_whose_key_is_lost_gets_no_other_one_and_is_told_of() {
    let (registry, ..) = two_releases().await;
    let data = registry.stop().await;
    let (data, key) = (data.path(), data.path().join("log-key.pem"));
    let named = log_verifier(&log_key());
    let known = fs::read(&key).unwrap();

    fs::remove_file(&key).unwrap();
    assert_damaged(data, &named);
    let (_, report) = fsck(data, &[]);
    let hint = report.damages[0].hint.as_ref().unwrap();
    assert!(hint.contains("`bulla-registry log-key --next`"), "{hint}");
    for command in [
        &["serve"][..],
        &["reindex"],
        &["gc"],
        &["token", "create", "--init", "--scope", "pull"],
    ] {
        assert_refused(command, data, 3, &["has lost the key of its log", &named]);
    }
    let folder = tempfile::tempdir().unwrap();
    let restored = folder.path().join("restored");
    let from = data.to_str().unwrap();
    let sentences = ["has lost the key of its log", &named];
    assert_refused(&["restore", from], &restored, 3, &sentences);
    assert!(!restored.exists(), "nothing was copied");
    assert!(!key.exists(), "none was made");

    fs::write(&key, "no key").unwrap();
    assert_damaged(data, "cannot be read");
    assert_refused(&["serve"], data, 1, &["cannot be read"]);

    let other = SigningKey::from_seed(&[7; 32]);
    fs::write(&key, other.to_pem()).unwrap();
    assert_damaged(data, &named);
    for command in [&["serve"][..], &["reindex"]] {
        assert_refused(command, data, 3, &["signed by another key", &named]);
    }

    // Also where entries lie there without a checkpoint: a crash, or a loss.
    fs::remove_file(&key).unwrap();
    fs::remove_file(data.join("log/checkpoint")).unwrap();
    assert_refused(&["reindex"], data, 3, &["has lost the key of its log"]);
    assert!(!key.exists(), "none was made");

    fs::write(&key, known).unwrap();
    drop(Program::start(data, &[]));
    assert_clean(data);
}

#[tokio::test]
async fn a_registry_without_a_log_gets_a_key_when_it_is_first_served() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let create = ["token", "create", "--init", "--scope", "pull"];
    assert!(run(&create, data).status.success());
    assert_clean(data);
    drop(Program::start(data, &[]));
    let key = fs::read(data.join("log-key.pem")).unwrap();
    drop(Program::start(data, &[]));
    assert_eq!(fs::read(data.join("log-key.pem")).unwrap(), key);
    // Nothing was ever signed with it.
    fs::remove_file(data.join("log-key.pem")).unwrap();
    drop(Program::start(data, &[]));
    assert_clean(data);
}

#[tokio::test]
async fn the_next_key_is_made_once_also_where_the_key_is_lost_and_the_registry_is_served_with_it() {
    let (registry, ..) = two_releases().await;
    let data = registry.stop().await;
    let data = data.path();
    fs::remove_file(data.join("log-key.pem")).unwrap();
    let make = || {
        let made = run(&["log-key", "--next"], data);
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap()
    };
    let lines: Vec<_> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
        let lines = makers.into_iter().map(|maker| maker.join().unwrap());
        lines.collect()
    });
    assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}");
    let (status, report) = fsck(data, &[]);
    let [damage] = &report.damages[..] else {
        panic!("{report:#?}");
    };
    assert_eq!((status, damage.kind), (1, DamageKind::Log));
    let hint = damage.hint.as_ref().unwrap();
    let rotate = format!("`bulla log-key rotate '{}'`", lines[0].trim());
    assert!(hint.contains(&rotate), "{hint}");
    drop(Program::start(data, &[]));
    for command in [&["reindex"][..], &["gc"]] {
        assert!(run(command, data).status.success(), "{command:?}");
    }
    assert!(!data.join("log-key.pem").exists());
}

#[tokio::test]
async fn a_mirror_gets_no_next_key_and_imports_no_log() {
    let (registry, ..) = two_releases().await;
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let mut once = crate::program::program(&["mirror", &registry.url, "--once"], &mirror);
    once.args(["--trust-first-use"])
        .env("BULLA_TOKEN", &registry.token);
    let done = tokio::task::spawn_blocking(move || once.output().unwrap());
    let done = done.await.unwrap();
    assert!(done.status.success(), "{done:?}");
    let log = registry.data.path().join("log");
    for command in [
        &["log-key", "--next"][..],
        &["import-log", log.to_str().unwrap()],
    ] {
        let refused = run(command, &mirror);
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("is a mirror of"), "{said}");
    }
    assert!(!mirror.join("log-key-next.pem").exists());
    registry.stop().await;
}
