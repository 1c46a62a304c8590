//! A server that waits with a release that people took back before: it goes back meanwhile.

use std::fs;

use bulla_installer::{ActivationAction, AtOnce, InstallRequest, Installed, Outcome};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::statement::Severity;

use super::taken_back::take_back;
use super::{CLOSED, after, in_waves, install, promote_in, waits, widen};
use crate::world::{World, hooks, now, small_tree};

/// A server of the second wave with `b`, which was taken back to `a` before it looked; then `c` came
/// in waves.
fn missed() -> (World, [Digest; 3]) {
    let (mut world, a, b) = in_waves("manual", false);
    widen(&mut world, 2, 0);
    install(&world, &after("wave = 2", 0));
    assert_eq!(world.live(), Some(b));
    take_back(&mut world, a);
    let c = promote_in(&mut world, "c\n", "{}", "manual", false);
    (world, [a, b, c])
}

#[track_caller]
fn went_back(world: &World, installed: &Installed, to: Digest) -> String {
    assert_eq!((installed.hash, world.live()), (to, Some(to)));
    assert!(
        matches!(installed.outcome, Outcome::OnDisk | Outcome::Written { .. }),
        "{installed:?}"
    );
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!((last.action, last.hash), (ActivationAction::Rollback, to));
    installed.meanwhile.clone().unwrap().reason
}

#[test]
fn what_was_taken_back_before_a_promotion_in_waves_goes_at_once_and_the_wave_comes_later() {
    // R1: a channel that is rolled back does not take its servers along.
    let (mut world, [a, b, c]) = missed();
    let request = after("wave = 2", 0);
    let words = went_back(&world, &install(&world, &request), a);
    assert_eq!(
        words,
        format!(
            "waits as wave 2 until people let it go; wave 1 may; alice took {} back to {}: because; \
             so it is {} meanwhile",
            b.short(),
            a.short(),
            a.short()
        )
    );
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!((last.promotion.seq, last.by.as_deref()), (4, None));
    // It stays there, and says only what it waits for.
    let waiting = waits(&world, &request, a);
    assert_eq!(
        waiting.reason,
        "waits as wave 2 until people let it go; wave 1 may"
    );
    widen(&mut world, 2, 0);
    install(&world, &request);
    assert_eq!(world.live(), Some(c));
}

#[test]
fn what_was_taken_back_before_a_promotion_that_waits_for_windows_goes_at_once() {
    let (mut world, a, b) = in_waves("", true);
    install(&world, &after(CLOSED, 0));
    assert_eq!(world.live(), Some(b));
    take_back(&mut world, a);
    promote_in(&mut world, "c\n", "{}", "", false);
    let words = went_back(&world, &install(&world, &after(CLOSED, 0)), a);
    assert!(words.contains("window"), "{words}");
    waits(&world, &after(CLOSED, 0), a);
}

#[test]
fn who_remembers_when_it_first_saw_a_promotion_remembers_that_on_the_way_back() {
    let (mut world, a, b) = in_waves("", false);
    install(&world, &after("", 0));
    assert_eq!(world.live(), Some(b));
    take_back(&mut world, a);
    let c = promote_in(&mut world, "c\n", "{}", "10m", false);
    let behind = -5 * 365 * 24 * 3600;
    let installed = install(&world, &after("wave = 2", behind));
    went_back(&world, &installed, a);
    waits(&world, &after("wave = 2", behind + 599), a);
    install(&world, &after("wave = 2", behind + 600));
    assert_eq!(world.live(), Some(c));
}

#[test]
fn a_rollback_that_is_to_wait_for_windows_does_so_behind_another_promotion() {
    let (mut world, a, b) = in_waves("", true);
    install(&world, &after(CLOSED, 0));
    let mut rollback = world.organisation.draft("prod", a);
    rollback.predicate.issued_at = now();
    rollback.predicate.urgent = Some(false);
    let verdict = world.organisation.append_promotion(&rollback, &["alice"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    promote_in(&mut world, "c\n", "{}", "manual", true);
    let section = format!("wave = 2\n{CLOSED}");
    let waiting = waits(&world, &after(&section, 0), b);
    let words = format!(
        "it is still {}, since {} waits for the window",
        b.short(),
        a.short()
    );
    assert!(waiting.reason.contains(&words), "{waiting:?}");
    went_back(&world, &install(&world, &after("wave = 2", 0)), a);
}

#[test]
fn a_person_here_is_not_overruled() {
    let (world, [_, b, c]) = missed();
    // Not by a word about the release that is live, whatever was promoted before.
    let run = world.run(&["hold", "acme/billing", "-m", "an audit"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let held = install(&world, &after("wave = 2", 0));
    assert!(matches!(held.outcome, Outcome::Held(_)), "{held:?}");
    assert_eq!(world.live(), Some(b));
    let run = world.run(&["release", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    // And who does not want to wait gets the head.
    let at_once = InstallRequest {
        at_once: Some(AtOnce {
            by: "dave".to_owned(),
            reason: None,
        }),
        ..after("wave = 2", 0)
    };
    install(&world, &at_once);
    assert_eq!(world.live(), Some(c));
}

#[test]
fn a_channel_that_is_paused_moves_nobody_back() {
    let (mut world, [_, b, _]) = missed();
    let prod = super::prod();
    let pause = bulla_trust::statement::pause(
        &world.organisation.state,
        &bulla_trust::testing::project(),
        &prod,
        "wait".to_owned(),
        now(),
    );
    let verdict = world
        .organisation
        .append_promotion(&pause.unwrap(), &["alice"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
    let error = world.install_with(&after("wave = 2", 0)).0.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(b));
}

#[test]
fn nobody_goes_back_to_what_is_revoked() {
    let (mut world, [a, b, _]) = missed();
    let verdict = world.organisation.revoke(a, Severity::Block, "alice");
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
    let waiting = waits(&world, &after("wave = 2", 0), b);
    let words = format!("since {} is revoked", a.short());
    assert!(waiting.reason.contains(&words), "{waiting:?}");
}

#[test]
fn a_way_back_that_fails_is_not_tried_again_and_the_wave_comes_all_the_same() {
    // R11: health checks that roll back for ever.
    let mut world = World::new();
    let folder = world.folder.path().to_owned();
    let script = format!(
        "#!/bin/sh\necho start >> {0}/starts\ntest ! -e {0}/broken\n",
        folder.display()
    );
    let tree = small_tree("a\n").executable("bin/start", script).unwrap();
    let a = world.release_with(&tree, r#"{"hooks":{"activate":["bin/start"]}}"#);
    world.install().unwrap();
    let b = promote_in(&mut world, "b\n", "{}", "", false);
    let request = InstallRequest {
        hooks: hooks(),
        ..after("wave = 2", 0)
    };
    install(&world, &request);
    take_back(&mut world, a);
    let c = promote_in(&mut world, "c\n", "{}", "manual", false);
    fs::write(folder.join("broken"), "").unwrap();
    let error = world.install_with(&request).0.unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack, "{error}");
    assert_eq!(
        error.to_string(),
        format!("{} is not live meanwhile", a.short())
    );
    let starts = fs::read_to_string(folder.join("starts")).unwrap();
    for _ in 0..2 {
        let waiting = waits(&world, &request, b);
        let words = format!("since {} failed here", a.short());
        assert!(waiting.reason.contains(&words), "{waiting:?}");
    }
    assert_eq!(fs::read_to_string(folder.join("starts")).unwrap(), starts);
    widen(&mut world, 2, 0);
    install(&world, &request);
    assert_eq!(world.live(), Some(c));
}

#[test]
fn who_returned_from_a_head_that_failed_does_not_stay_on_what_was_taken_back() {
    // R1: a channel that is rolled back does not take its servers along.
    let mut world = World::new();
    let a = world.install_each(&["a\n"])[0];
    let b = promote_in(&mut world, "b\n", "{}", "", false);
    install(&world, &after("", 0));
    take_back(&mut world, a);
    let script = "#!/bin/sh\nexit 1\n";
    let tree = small_tree("c\n").executable("bin/start", script).unwrap();
    let c = world.release_with(&tree, r#"{"hooks":{"activate":["bin/start"]}}"#);
    let request = InstallRequest {
        hooks: hooks(),
        ..after("", 0)
    };
    let error = world.install_with(&request).0.unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack, "{error}");
    assert_eq!(world.live(), Some(b));
    let (from, to) = (b.short(), a.short());
    let dry = world.run(&["install", "acme/billing", "--dry-run"]);
    assert_eq!(dry.status, Some(0), "{dry:?}");
    let failed = format!("{from} -> {to}, nothing was done; {} failed", c.short());
    assert!(dry.stderr.contains(&failed), "{dry:?}");
    assert_eq!(world.live(), Some(b));

    // The head is refused as before, and people's word about the other one counts.
    let (result, notes) = world.install_with(&request);
    assert_eq!(result.unwrap_err().kind(), FailureKind::Refused);
    let said = format!("alice took {from} back to {to}: because; so it is {to} meanwhile");
    assert!(notes.contains(&said), "{notes}");
    assert_eq!(world.live(), Some(a));
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!((last.action, last.hash), (ActivationAction::Rollback, a));
    let (result, notes) = world.install_with(&request);
    assert_eq!(result.unwrap_err().kind(), FailureKind::Refused);
    assert_eq!((world.history(), notes.as_str()), (history, ""));
    let d = promote_in(&mut world, "d\n", "{}", "", false);
    install(&world, &request);
    assert_eq!(world.live(), Some(d));
}

#[test]
fn who_returned_to_what_nobody_took_back_stays_there() {
    let mut world = World::new();
    let b = world.install_each(&["a\n", "b\n"])[1];
    let script = "#!/bin/sh\nexit 1\n";
    let tree = small_tree("c\n").executable("bin/start", script).unwrap();
    world.release_with(&tree, r#"{"hooks":{"activate":["bin/start"]}}"#);
    let request = InstallRequest {
        hooks: hooks(),
        ..after("", 0)
    };
    for kind in [FailureKind::RolledBack, FailureKind::Refused] {
        let error = world.install_with(&request).0.unwrap_err();
        assert_eq!((error.kind(), world.live()), (kind, Some(b)), "{error}");
    }
}
