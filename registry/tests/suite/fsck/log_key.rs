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
