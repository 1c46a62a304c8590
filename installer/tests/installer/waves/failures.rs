//! What servers of earlier waves say, and what a registry that says it badly delays.

use std::collections::BTreeMap;

use bulla_installer::{
    FollowedLog, HostConfig, LockedSite, Opening, Outcome, Supply, Unproved, install_from,
};
use bulla_schemas::Digest;
use bulla_schemas::api::{Deployment, DeploymentState, Health, Page, ProjectReport, ReportedError};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::server::Standing;
use bulla_trust::testing::project;

use super::{CLOSED, after, in_waves, install, prod, promote_in, waits, widen};
use crate::registry::Registry;
use crate::world::{Notes, World, now};

/// What the registry says of a server of the first wave.
pub(super) fn serve_reports(
    world: &World,
    reports: &[(&str, u64, Health, Option<FailureKind>)],
    hash: Digest,
) {
    let deployments = reports
        .iter()
        .map(|(host, wave, health, failed)| Deployment {
            host: host.parse().unwrap(),
            state: DeploymentState::Current,
            received_at: now(),
            silent_since: None,
            head: Some(hash),
            report: ProjectReport {
                project: project(),
                channel: Some(prod()),
                live: Some(hash),
                activated_at: Some(now()),
                head: Some(hash),
                standing: Standing::UpToDate,
                wave: (*wave).try_into().unwrap(),
                waiting: None,
                head_failed: false,
                failed: Vec::new(),
                health: *health,
                drift: None,
                hold: None,
                drained: None,
                last_error: failed.map(|kind| ReportedError {
                    kind,
                    message: "its port\nis closed".into(),
                    at: now(),
                    hash: None,
                }),
            },
        });
    let page = Page {
        items: deployments.collect::<Vec<_>>(),
        next: None,
    };
    let bytes = serde_json::to_vec(&page).unwrap();
    let path = "/api/v1/projects/acme%2Fbilling/where".to_owned();
    world
        .registry
        .change(|served| drop(served.files.insert(path, bytes)));
}

#[test]
fn a_failure_in_an_earlier_wave_stops_the_next_until_people_say_go() {
    let (mut world, old, new) = in_waves("10m", false);
    let failed = Some(FailureKind::RolledBack);
    serve_reports(
        &world,
        &[
            ("web1", 1, Health::Healthy, None),
            ("web2", 1, Health::Unknown, failed),
        ],
        new,
    );
    let waiting = waits(&world, &after("wave = 2", 600), old);
    assert_eq!(waiting.until, None);
    assert_eq!(
        waiting.reason,
        "waits as wave 2, because it failed on web2 of wave 1, until people let it go: its port is \
         closed"
    );
    widen(&mut world, 2, 650);
    install(&world, &after("wave = 2", 600));
    assert_eq!(world.live(), Some(new));
}

/// Has the registry say nothing that makes sense of other servers.
fn serve_nonsense(world: &World) {
    world.registry.change(|served| {
        let path = "/api/v1/projects/acme%2Fbilling/where".to_owned();
        served.files.insert(path, b"{\"items\":7}".to_vec());
    });
}

#[test]
fn a_failure_that_is_known_counts_while_the_registry_cannot_be_asked() {
    let (world, old, new) = in_waves("10m", false);
    let sick = [("web1", 1, Health::Failing, None)];
    serve_reports(&world, &sick, new);
    let wave = |seconds| after("wave = 2", seconds);
    waits(&world, &wave(600), old);
    serve_nonsense(&world);
    for seconds in [700, 800] {
        let waiting = waits(&world, &wave(seconds), old);
        let since = wave(700).now;
        assert_eq!(
            waiting.reason,
            format!(
                "waits as wave 2, because it failed on web1 of wave 1, until people let it go: it is \
                 not healthy; the registry could not be asked since {since} whether that is still so"
            )
        );
    }
    // Its windows are closed meanwhile.
    let closed = format!("wave = 2\n{CLOSED}");
    waits(&world, &after(&closed, 900), old);
    let waiting = waits(&world, &wave(1000), old);
    assert!(waiting.reason.contains("failed on web1"), "{waiting:?}");
    // A registry that has forgotten all reports lets nobody go either.
    serve_reports(&world, &[], new);
    let waiting = waits(&world, &wave(1100), old);
    assert!(waiting.reason.ends_with("it is not healthy"), "{waiting:?}");
    // That server itself does.
    serve_reports(&world, &[("web1", 1, Health::Healthy, None)], new);
    install(&world, &wave(1200));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn a_failure_counts_that_was_known_before_the_time_came_and_the_registry_died() {
    let (world, old, new) = in_waves("10m", false);
    let wave = |seconds| after("wave = 2", seconds);
    serve_reports(&world, &[("web1", 1, Health::Healthy, None)], new);
    let waiting = waits(&world, &wave(10), old);
    assert!(waiting.until.is_some(), "{waiting:?}");
    let failed = Some(FailureKind::RolledBack);
    serve_reports(&world, &[("web1", 1, Health::Unknown, failed)], new);
    for seconds in [300, 400] {
        let waiting = waits(&world, &wave(seconds), old);
        assert!(waiting.reason.contains("failed on web1"), "{waiting:?}");
        assert_eq!(waiting.until, None);
    }
    serve_nonsense(&world);
    let waiting = waits(&world, &wave(600), old);
    assert!(waiting.reason.contains("failed on web1"), "{waiting:?}");
}

#[test]
fn a_failure_stops_a_wave_that_people_let_go_before_it() {
    let (mut world, old, new) = in_waves("manual", false);
    widen(&mut world, 2, -10);
    let closed = format!("wave = 2\n{CLOSED}");
    serve_reports(&world, &[("web1", 1, Health::Healthy, None)], new);
    let waiting = waits(&world, &after(&closed, 0), old);
    assert!(waiting.reason.contains("window"), "{waiting:?}");
    serve_reports(
        &world,
        &[("web1", 1, Health::Unknown, Some(FailureKind::RolledBack))],
        new,
    );
    waits(&world, &after(&closed, 10), old);
    serve_nonsense(&world);
    let waiting = waits(&world, &after("wave = 2", 20), old);
    assert_eq!(
        waiting.reason,
        format!(
            "waits as wave 2, because it failed on web1 of wave 1 after people had let it go, until \
             people let it go again: its port is closed; the registry could not be asked since {} \
             whether that is still so",
            after("", 20).now
        )
    );
    // Letting the next wave go lets this one go again.
    widen(&mut world, 3, 30);
    install(&world, &after("wave = 2", 40));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn where_the_first_registry_says_nothing_sensible_the_next_one_is_asked() {
    let (world, old, new) = in_waves("10m", false);
    let failed = Some(FailureKind::RolledBack);
    serve_reports(&world, &[("web1", 1, Health::Unknown, failed)], new);
    let files = world.registry.change(|served| served.files.clone());
    let mirror = Registry::start();
    mirror.change(|served| served.files = files);
    serve_nonsense(&world);
    let request = after("wave = 2", 600);
    let (server, notes) = (world.server(), Notes::default());
    let mut log = FollowedLog::open(&server, &HostConfig::default()).unwrap();
    let supplies = [world.registry.url(), mirror.url()]
        .map(|url| Supply::registry(url.parse().unwrap(), None).unwrap());
    let opening = Opening {
        command: "install",
        settings: &request.hooks,
        unproved: Unproved::Prove,
        now: request.now,
    };
    let site = LockedSite::open(&server, &world.project, opening, &notes).unwrap();
    let installed = install_from(&site, &server, &mut log, &supplies, &request, &notes).unwrap();
    let Outcome::Waiting(waiting) = installed.outcome else {
        panic!("{installed:?}");
    };
    assert!(
        waiting.reason.contains("it failed on web1 of wave 1"),
        "{waiting:?}"
    );
    assert!(
        !waiting.reason.contains("could not be asked"),
        "{waiting:?}"
    );
    assert_eq!((world.live(), notes.text()), (Some(old), String::new()));
}

#[test]
fn whom_all_waves_were_let_go_with_nothing_stops() {
    let (mut world, _, new) = in_waves("manual", false);
    widen(&mut world, 99, -10);
    let failed = Some(FailureKind::RolledBack);
    serve_reports(&world, &[("web1", 1, Health::Unknown, failed)], new);
    install(&world, &after("wave = 2", 0));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn an_install_that_fails_forgets_nothing_of_what_it_waited_with() {
    let (world, old, new) = in_waves("10m", false);
    let behind = -5 * 365 * 24 * 3600;
    waits(&world, &after("wave = 2", behind), old);
    let blobs: BTreeMap<_, _> = world.registry.change(|served| {
        let all = std::mem::take(&mut served.files);
        let (blobs, others) = all
            .into_iter()
            .partition(|(path, _)| path.contains("/blobs/"));
        served.files = others;
        blobs
    });
    world
        .install_with(&after("wave = 2", behind + 600))
        .0
        .unwrap_err();
    world.registry.change(|served| served.files.extend(blobs));
    install(&world, &after("wave = 2", behind + 601));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn people_let_a_wave_go_in_spite_of_a_failure_that_nobody_can_be_asked_about() {
    let (mut world, old, new) = in_waves("10m", false);
    serve_reports(&world, &[("web1", 1, Health::Failing, None)], new);
    waits(&world, &after("wave = 2", 600), old);
    serve_nonsense(&world);
    widen(&mut world, 2, 650);
    install(&world, &after("wave = 2", 700));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn a_failure_of_an_earlier_promotion_does_not_count() {
    let (mut world, old, new) = in_waves("10m", false);
    serve_reports(&world, &[("web1", 1, Health::Failing, None)], new);
    waits(&world, &after("wave = 2", 600), old);
    serve_nonsense(&world);
    let fixed = promote_in(&mut world, "fixed\n", "{}", "10m", false);
    install(&world, &after("wave = 2", 700));
    assert_eq!(world.live(), Some(fixed));
}

#[test]
fn what_happens_in_the_same_wave_or_a_later_one_stops_nobody() {
    let (world, _, new) = in_waves("10m", false);
    let failed = Some(FailureKind::Failed);
    serve_reports(
        &world,
        &[
            ("web1", 2, Health::Failing, failed),
            ("web2", 3, Health::Failing, failed),
            ("web3", 1, Health::Unknown, Some(FailureKind::Temporary)),
        ],
        new,
    );
    install(&world, &after("wave = 2", 600));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn an_earlier_wave_that_is_sick_with_another_release_stops_nobody() {
    // R22: one dead server makes the others miss the deployment.
    let (world, old, new) = in_waves("10m", false);
    serve_reports(
        &world,
        &[("web1", 1, Health::Failing, Some(FailureKind::RolledBack))],
        old,
    );
    install(&world, &after("wave = 2", 600));
    assert_eq!(world.live(), Some(new));
}

#[test]
fn where_the_registry_says_nothing_sensible_the_log_alone_counts() {
    let (world, _, new) = in_waves("10m", false);
    serve_nonsense(&world);
    let (installed, notes) = world.install_with(&after("wave = 2", 600));
    installed.unwrap();
    assert_eq!(world.live(), Some(new));
    assert!(notes.contains("could not be asked"), "{notes}");
}
