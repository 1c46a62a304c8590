//! A log that witnesses cosign: nothing new is installed by one that they have not vouched for lately,
//! and what is here stays.

use bulla_installer::{AtOnce, InstallError, InstallRequest, Outcome};
use bulla_schemas::Timestamp;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_trust::testing::{key, policy, witness_line};
use bulla_trust::{Checkpoint, Verdict};

use crate::world::{World, now, request, small_tree};

const HOUR: i64 = 3600;

/// A server whose channel takes a log of the last two hours, by the word of one of two witnesses.
fn world() -> World {
    let mut world = World::new();
    let mut next = policy();
    next.witnesses.keys = vec![witness_line("office"), witness_line("cloud")];
    next.witnesses.quorum = 1;
    for rule in &mut next.channels {
        rule.max_age = Some(7200);
    }
    let verdict = world.organisation.adopt(next, &["alice", "bob"]);
    assert_eq!(verdict, Verdict::Effective);
    world.serve_log();
    world
}

fn later(hours: i64) -> Timestamp {
    Timestamp::from_seconds(now().as_seconds() + hours * HOUR).unwrap()
}

/// Serves the newest checkpoint as witnesses cosigned it at some hours.
fn serve_cosigned(world: &World, cosigned: &[(&str, i64)]) {
    world.serve_log();
    let (_, mut note) = Checkpoint::parse(&world.organisation.checkpoint()).unwrap();
    for (name, hours) in cosigned {
        let time = later(*hours).as_seconds();
        note.cosign(name, &key(name), u64::try_from(time).unwrap())
            .unwrap();
    }
    world.registry.change(|served| {
        let path = "/log/checkpoint".to_owned();
        served.files.insert(path, note.to_bytes())
    });
}

fn at(hours: i64) -> InstallRequest {
    InstallRequest {
        now: later(hours),
        ..request()
    }
}

fn is_stale(result: &Result<bulla_installer::Installed, InstallError>) -> bool {
    matches!(result, Err(error @ InstallError::Stale { .. }) if error.kind() == FailureKind::Refused)
}

#[test]
fn what_is_not_cosigned_is_not_installed() {
    let mut world = world();
    world.release(&small_tree("1"));
    let error = world.install().unwrap_err();
    assert!(error.to_string().contains("refusing the log"), "{error}");
    serve_cosigned(&world, &[("office", 0)]);
    world.install().unwrap();
    // Nobody has seen the next release yet.
    let first = world.live();
    world.release(&small_tree("2"));
    assert_eq!(world.install().unwrap_err().kind(), FailureKind::Refused);
    assert_eq!(world.live(), first);
}

#[test]
fn nothing_new_is_installed_by_an_old_log_and_what_is_live_stays() {
    let mut world = world();
    let first = world.release(&small_tree("1"));
    serve_cosigned(&world, &[("office", 0)]);
    world.install().unwrap();
    let second = world.release(&small_tree("2"));
    serve_cosigned(&world, &[("office", 0)]);
    let (refused, _) = world.install_with(&at(3));
    assert!(is_stale(&refused), "{refused:?}");
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("witnesses vouched for the log 3 h ago"),
        "{said}"
    );
    assert_eq!(world.live(), Some(first));
    // The same checkpoint, cosigned again, is all that it takes.
    serve_cosigned(&world, &[("office", 0), ("cloud", 2)]);
    world.install_with(&at(3)).0.unwrap();
    assert_eq!(world.live(), Some(second));
    // What is live may be looked at, and gone back from, at any age.
    let (again, _) = world.install_with(&at(900));
    assert_eq!(again.unwrap().outcome, Outcome::AlreadyLive);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_fresh() {
    let mut world = world();
    let first = world.release(&small_tree("1"));
    serve_cosigned(&world, &[("office", 5)]);
    world.install_with(&at(5)).0.unwrap();
    world.release(&small_tree("2"));
    // The registry shows what was cosigned hours before, to a server whose clock says so, too.
    serve_cosigned(&world, &[("office", 1)]);
    let (refused, _) = world.install_with(&at(1));
    assert!(is_stale(&refused), "{refused:?}");
    assert_eq!(world.live(), Some(first));
}

#[test]
fn a_time_far_ahead_does_not_count_and_is_not_remembered() {
    let mut world = world();
    world.release(&small_tree("1"));
    serve_cosigned(&world, &[("office", 1000)]);
    let (refused, _) = world.install_with(&at(0));
    assert!(is_stale(&refused), "{refused:?}");
    serve_cosigned(&world, &[("office", 1000), ("cloud", 0)]);
    world.install_with(&at(1)).0.unwrap();
}

#[test]
fn a_person_takes_an_old_log_and_the_history_says_so() {
    let mut world = world();
    let first = world.release(&small_tree("1"));
    serve_cosigned(&world, &[("office", 0)]);
    let request = InstallRequest {
        allow_stale: Some(AtOnce {
            by: "carol".to_owned(),
            reason: Some("the office burns".to_owned()),
        }),
        ..at(72)
    };
    world.install_with(&request).0.unwrap();
    assert_eq!(world.live(), Some(first));
    let last = world.history().pop().unwrap();
    assert_eq!(last.by.as_deref(), Some("carol"));
    let reason = last.reason.unwrap();
    assert!(
        reason.starts_with("the office burns (although witnesses vouched for the log 3 days ago"),
        "{reason}"
    );
}
