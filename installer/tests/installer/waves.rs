//! Waves and windows of one server: what it waits for, and what does not wait.

mod failures;
mod taken_back;
mod way_back;
mod words;

use std::fs;

use bulla_installer::{AtOnce, InstallRequest, Installed, Outcome, ProjectConfig, Waiting};
use bulla_schemas::api::Health;
use bulla_schemas::{ChannelName, Digest, Timestamp};
use bulla_trust::testing::{name, project};

use self::failures::serve_reports;
use crate::world::{World, now, request, small_tree};

fn prod() -> ChannelName {
    name("prod")
}

/// A world with a live release and another one that is promoted in waves.
fn in_waves(waves: &str, urgent: bool) -> (World, Digest, Digest) {
    let mut world = World::new();
    let old = world.install_each(&["old\n"])[0];
    let new = promote_in(&mut world, "new\n", "{}", waves, urgent);
    (world, old, new)
}

/// Promotes another release, now.
fn promote_in(world: &mut World, content: &str, wants: &str, waves: &str, urgent: bool) -> Digest {
    let wants = serde_json::from_str(wants).unwrap();
    let new = world.publish(&small_tree(content), wants);
    let mut promotion = world.organisation.draft("prod", new);
    promotion.predicate.waves = (!waves.is_empty()).then(|| waves.parse().unwrap());
    promotion.predicate.urgent = urgent.then_some(true);
    promotion.predicate.issued_at = now();
    let verdict = world.organisation.append_promotion(&promotion, &["alice"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
    new
}

/// Lets waves go, so many seconds after the promotion.
fn widen(world: &mut World, up_to: u64, seconds: i64) {
    let then = after("", seconds).now;
    let state = &world.organisation.state;
    let up_to = up_to.try_into().unwrap();
    let widening =
        bulla_trust::statement::widen(state, &project(), &prod(), up_to, "on".to_owned(), then);
    let verdict = world
        .organisation
        .append_promotion(&widening.unwrap(), &["bob"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
}

/// What the host file says, and the seconds since the promotion.
fn after(section: &str, seconds: i64) -> InstallRequest {
    InstallRequest {
        config: toml::from_str::<ProjectConfig>(section).unwrap(),
        now: Timestamp::from_seconds(now().as_seconds() + seconds).unwrap(),
        ..request()
    }
}

fn install(world: &World, request: &InstallRequest) -> Installed {
    world.install_with(request).0.unwrap()
}

/// What an install waits for, having left everything as it was.
#[track_caller]
fn waits(world: &World, request: &InstallRequest, live: Digest) -> Waiting {
    let before = world.history();
    let installed = install(world, request);
    assert_eq!(world.live(), Some(live));
    assert_eq!(world.history(), before);
    match installed.outcome {
        Outcome::Waiting(waiting) => *waiting,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_later_wave_goes_when_its_time_has_come() {
    let (world, old, new) = in_waves("10m", false);
    let waiting = waits(&world, &after("wave = 3", 1199), old);
    let due = Timestamp::from_seconds(now().as_seconds() + 1200).unwrap();
    assert_eq!(waiting.until, Some(due));
    assert_eq!(waiting.reason, format!("waits as wave 3 until {due}"));
    install(&world, &after("wave = 3", 1200));
    assert_eq!(world.live(), Some(new));
    assert!(!world.memory().join("rollout").exists());
}

#[test]
fn the_first_wave_goes_at_once() {
    let (world, _, new) = in_waves("manual", false);
    install(&world, &after("", 0));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn manual_waves_go_when_people_let_them_whatever_the_registry_says() {
    let (mut world, old, new) = in_waves("manual", false);
    // A registry that says that all is well lets nobody go.
    serve_reports(&world, &[("web1", 1, Health::Healthy, None)], new);
    let waiting = waits(&world, &after("wave = 2", 9_999_999), old);
    assert_eq!(waiting.until, None);
    widen(&mut world, 2, 0);
    waits(&world, &after("wave = 3", 9_999_999), old);
    // And one that says that all failed stops nobody whom people let go.
    serve_reports(&world, &[("web1", 1, Health::Failing, None)], new);
    install(&world, &after("wave = 2", 0));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn a_clock_that_is_years_behind_counts_from_the_first_sight() {
    let (world, old, new) = in_waves("10m", false);
    let behind = -5 * 365 * 24 * 3600;
    waits(&world, &after("wave = 2", behind), old);
    waits(&world, &after("wave = 2", behind + 599), old);
    install(&world, &after("wave = 2", behind + 600));
    assert_eq!(world.live(), Some(new));
}

/// The tests' now is a Thursday.
const CLOSED: &str = "windows = [\"Sun 03:00-03:01\"]\ntime-zone = \"Europe/Berlin\"";

#[test]
fn an_install_outside_of_the_windows_ends_well_and_changes_nothing() {
    let (world, old, new) = in_waves("", false);
    let waiting = waits(&world, &after(CLOSED, 0), old);
    let words = &waiting.reason;
    assert!(
        words.starts_with("waits for the window that opens Sun 03:00 CE"),
        "{words}"
    );
    let opening = waiting.until.unwrap();
    let inside = InstallRequest {
        now: opening,
        ..after(CLOSED, 0)
    };
    install(&world, &inside);
    assert_eq!(world.live(), Some(new));
}

#[test]
fn what_people_signed_as_urgent_passes_windows_and_no_wave() {
    let (world, old, new) = in_waves("10m", true);
    let section = format!("wave = 2\n{CLOSED}");
    waits(&world, &after(&section, 0), old);
    install(&world, &after(&section, 600));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn a_person_on_the_server_need_not_wait_and_the_history_says_who_it_was() {
    let (world, _, new) = in_waves("manual", false);
    let mut at_once = after(&format!("wave = 2\n{CLOSED}"), 0);
    at_once.at_once = Some(AtOnce {
        by: "dave".to_owned(),
        reason: Some("a customer waits".to_owned()),
    });
    install(&world, &at_once);
    assert_eq!(world.live(), Some(new));
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!(last.by.as_deref(), Some("dave"));
    let reason = last.reason.as_deref().unwrap();
    assert!(
        reason.starts_with(
            "a customer waits (at once instead of waiting as wave 2 until people let it go)"
        ),
        "{reason}"
    );
    // Those who promoted it, and why, are not forgotten over that.
    let run = world.run(&["history", "acme/billing"]);
    for words in ["alice, dave", "because; dave: a customer waits"] {
        assert!(run.stdout.contains(words), "{run:?}");
    }
}

#[test]
fn the_reason_of_a_person_is_in_the_history_or_said_to_be_nowhere() {
    let (world, _, new) = in_waves("", false);
    let mut at_once = after("", 0);
    at_once.at_once = Some(AtOnce {
        by: "dave".to_owned(),
        reason: Some("a customer waits".to_owned()),
    });
    // Nothing had to be waited for.
    install(&world, &at_once);
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!(last.hash, new);
    assert_eq!(last.by.as_deref(), Some("dave"));
    assert_eq!(last.reason.as_deref(), Some("a customer waits"));
    let unrecorded = "the reason is not in the history";
    let (again, notes) = world.install_with(&at_once);
    assert_eq!(again.unwrap().outcome, Outcome::AlreadyLive);
    assert!(notes.contains(unrecorded), "{notes}");
    assert_eq!(world.history(), history);
    world.rollback(None).unwrap();
    let (held, notes) = world.install_with(&at_once);
    assert!(matches!(held.unwrap().outcome, Outcome::Held(_)));
    assert!(notes.contains(unrecorded), "{notes}");
    let notes = world.install_with(&after("", 0)).1;
    assert!(!notes.contains(unrecorded), "{notes}");
}

#[test]
fn a_rollback_on_the_server_waits_for_nothing() {
    let (world, old, new) = in_waves("manual", false);
    install(&world, &after("", 0));
    assert_eq!(world.live(), Some(new));
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(old));
}

#[test]
fn a_live_tree_is_mended_outside_of_windows_and_whatever_the_wave() {
    let (world, _, new) = in_waves("manual", false);
    install(&world, &after("", 0));
    let file = world.tree(&new).join("version.txt");
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "the file is in a temporary directory"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(&file, permissions).unwrap();
    fs::write(&file, "edited").unwrap();
    let installed = install(&world, &after(&format!("wave = 2\n{CLOSED}"), 0));
    assert!(matches!(installed.outcome, Outcome::Written { .. }));
    world.assert_intact();
}

#[test]
fn a_widening_ends_neither_a_hold_nor_a_quarantine() {
    let (mut world, old, new) = in_waves("manual", false);
    install(&world, &after("", 0));
    world.rollback(None).unwrap();
    widen(&mut world, 5, 0);
    let held = install(&world, &after("", 0));
    assert!(matches!(held.outcome, Outcome::Held(_)), "{held:?}");
    assert_eq!(world.live(), Some(old));
    assert_ne!(old, new);

    let mut world = World::new();
    let old = world.install_each(&["old\n"])[0];
    let sick = r#"{"hooks":{"activate":["false"]}}"#;
    let new = promote_in(&mut world, "new\n", sick, "manual", false);
    let failed = world.install_with(&after("", 0)).0.unwrap_err();
    assert!(failed.to_string().contains(&new.short()), "{failed}");
    widen(&mut world, 5, 0);
    let again = world.install_with(&after("", 0)).0.unwrap_err();
    assert!(
        again.to_string().contains("failed on this server"),
        "{again}"
    );
    assert_eq!(world.live(), Some(old));
}

#[test]
fn status_and_a_dry_run_say_what_is_waited_for() {
    let (world, old, _) = in_waves("manual", false);
    let section = format!("wave = 2\n{CLOSED}");
    waits(&world, &after(&section, 0), old);
    let host = format!("[project.\"acme/billing\"]\nchannel = \"prod\"\n{section}\n");
    let path = world.folder.path().join("server.toml");
    fs::write(&path, host).unwrap();
    let config = path.to_str().unwrap();
    let status = world.run(&["status", "--config", config]);
    assert!(status.stdout.contains("waiting"), "{status:?}");
    assert!(
        status
            .stderr
            .contains("waits as wave 2 until people let it go; wave 1 may"),
        "{status:?}"
    );
    let install = ["install", "acme/billing", "--config", config];
    for more in [&[][..], &["--dry-run"]] {
        let run = world.run(&[&install, more].concat());
        assert_eq!(run.status, Some(0), "{run:?}");
        assert!(
            run.stderr.contains("unchanged: acme/billing prod"),
            "{run:?}"
        );
        assert!(run.stderr.contains("waits as wave 2"), "{run:?}");
        assert_eq!(run.stdout.trim(), old.to_string());
    }
    let run = world.run(&[&install[..], &["--json"]].concat());
    assert!(run.stdout.contains(r#""waiting""#), "{run:?}");
    assert!(!run.stdout.contains(r#""until""#), "{run:?}");
    let json = world.run(&["status", "--json", "--config", config]);
    assert!(json.stdout.contains(r#""standing": "waiting""#), "{json:?}");
    let run = world.run(&[&install[..], &["-m", "why"]].concat());
    assert_eq!(run.status, Some(2), "{run:?}");
    let run = world.run(&[&install[..], &["--now", "-m", "why"]].concat());
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_ne!(world.live(), Some(old));
    assert!(
        !world
            .history()
            .last()
            .unwrap()
            .by
            .as_deref()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_server_with_nothing_waits_too_and_prints_no_hash() {
    let mut world = World::new();
    promote_in(&mut world, "new\n", "{}", "manual", false);
    let installed = install(&world, &after("wave = 2", 0));
    assert!(matches!(installed.outcome, Outcome::Waiting(_)));
    let path = world.folder.path().join("server.toml");
    fs::write(
        &path,
        "wave = 2\n[project.\"acme/billing\"]\nchannel = \"prod\"\n",
    )
    .unwrap();
    let run = world.run(&[
        "install",
        "acme/billing",
        "--config",
        path.to_str().unwrap(),
    ]);
    assert_eq!((run.status, run.stdout.as_str()), (Some(0), ""), "{run:?}");
    assert!(
        run.stderr.contains("nothing is live; waits as wave 2"),
        "{run:?}"
    );
}
