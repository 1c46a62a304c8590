//! What the log allows, and what this version does.

use bulla_installer::{ActivationAction, InstallError, ResolveError};
use bulla_schemas::install::Install;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::statement::{Action, Severity};
use bulla_trust::Verdict;

use crate::world::{World, request, small_tree};

#[test]
fn refuses_a_release_that_was_never_promoted() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let other = world.publish(&small_tree("two\n"), Install::default());
    let mut request = request();
    request.hash = Some(other.hex().parse().unwrap());
    let error = world.install_with(&request).0.unwrap_err();
    assert!(
        matches!(error, InstallError::Resolve(ResolveError::NeverHead { .. })),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(first));
}

#[test]
fn an_earlier_head_needs_a_word_and_is_recorded_as_such() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    let second = world.release(&small_tree("two\n"));
    world.install().unwrap();
    let mut request = request();
    request.hash = Some(first.hex()[..8].parse().unwrap());
    let error = world.install_with(&request).0.unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Resolve(ResolveError::EarlierHead { .. })
        ),
        "{error}"
    );
    assert_eq!(world.live(), Some(second));
    request.pin_old = true;
    world.install_with(&request).0.unwrap();
    assert_eq!(world.live(), Some(first));
    let activations = world.history();
    assert_eq!(activations[1].action, ActivationAction::PinOld);
    assert_eq!(activations[1].promotion.seq, 1);
    request.hash = Some(second.hex()[..8].parse().unwrap());
    request.pin_old = false;
    // It is held there, like after a rollback.
    world.install_with(&request).0.unwrap();
    assert_eq!(world.live(), Some(first));
    request.release_hold = true;
    world.install_with(&request).0.unwrap();
    assert_eq!(world.live(), Some(second));
}

#[test]
fn refuses_a_revoked_release_and_only_warns_of_a_doubtful_one() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&small_tree("two\n"));
    world.organisation.revoke(second, Severity::Warn, "alice");
    world.serve_log();
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert!(notes.contains("broken"), "{notes}");
    let third = world.release(&small_tree("three\n"));
    world.organisation.revoke(third, Severity::Block, "alice");
    world.serve_log();
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Resolve(ResolveError::Revoked { .. })),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(second));
    assert_ne!(world.live(), Some(first));
}

#[test]
fn a_paused_channel_stops_installs() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&small_tree("two\n"));
    let mut pause = world.organisation.draft("prod", second);
    pause.predicate.action = Action::Pause;
    let verdict = world.organisation.append_promotion(&pause, &["alice"]);
    assert_eq!(verdict, Verdict::Effective);
    world.serve_log();
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Resolve(ResolveError::Paused { .. })),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(first));

    // Nothing has failed: the server waits, and says so everywhere in the same words.
    let folder = world.folder.path();
    let (file, metrics) = (folder.join("server.toml"), folder.join("bulla.prom"));
    let text = format!(
        "metrics = \"{}\"\n[project.\"acme/billing\"]\nchannel = \"prod\"\n",
        metrics.display()
    );
    std::fs::write(&file, text).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let agent = world.run(&[&["agent", "--once"][..], &config].concat());
    assert_eq!(agent.status, Some(0), "{agent:?}");
    assert!(
        agent.stderr.contains("paused by alice: because"),
        "{agent:?}"
    );
    assert!(!agent.stderr.contains("rror"), "{agent:?}");
    let status = world.run(&[&["status"][..], &config].concat());
    assert!(status.stdout.contains("waiting"), "{status:?}");
    assert!(
        status.stderr.contains("paused by alice: because") && !status.stderr.contains("--now"),
        "{status:?}"
    );
    let json = world.run(&[&["status", "--json"][..], &config].concat());
    assert!(json.stdout.contains(r#""standing": "waiting""#), "{json:?}");
    let measured = std::fs::read_to_string(&metrics).unwrap();
    for line in [
        "behind{project=\"acme/billing\"} 0",
        "waiting{project=\"acme/billing\"} 1",
    ] {
        assert!(measured.contains(line), "{measured}");
    }
    assert_eq!(world.live(), Some(first));
}

#[test]
fn an_unknown_channel_names_the_known_ones() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    let mut request = request();
    request.channel = "staging".parse().unwrap();
    let error = world.install_with(&request).0.unwrap_err();
    assert!(
        matches!(error, InstallError::Resolve(ResolveError::NoHead { .. })),
        "{error}"
    );
    assert_eq!(error.hint().unwrap(), "its channels are: prod");
}

#[test]
fn a_state_that_was_put_back_does_not_install_an_older_promotion() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    let state = world.state();
    let saved = world.folder.path().join("saved");
    copy(&state.join("log"), &saved);
    let log = world.organisation.clone();
    let second = world.release(&small_tree("two\n"));
    world.install().unwrap();

    // The log of this server is put back, and the registry shows an older one.
    std::fs::remove_dir_all(state.join("log")).unwrap();
    copy(&saved, &state.join("log"));
    world.organisation = log;
    world.serve_log();
    let error = world.install().unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Resolve(ResolveError::SeqWentBack { .. })
        ),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(second));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
