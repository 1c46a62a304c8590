//! Several registries of which not all have the same log: the newest that is valid counts.

use bulla_trust::testing::Organisation;
use serde_json::Value;

use crate::host::{BILLING, Host};
use crate::registry::Registry;

/// Serves a log, and nothing else.
fn serve(registry: &Registry, organisation: &Organisation) {
    registry.change(|served| {
        for (path, bytes) in organisation.files() {
            served.files.insert(format!("/log/{path}"), bytes);
        }
    });
}

/// A server with a release live, and a registry that stands still from now on.
fn frozen() -> (Host, Registry) {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    let frozen = host.mirror();
    (host, frozen)
}

#[test]
fn a_first_registry_that_stands_still_keeps_no_server_behind() {
    let (mut host, frozen) = frozen();
    host.write(&[&frozen, &host.world.registry], BILLING);
    host.done(&["install"]);
    assert_eq!(host.json(&["status"])[0]["behind"], Value::Null);
    let two = host.release("acme/billing", "two\n");
    let dry = host.done(&["install", "acme/billing", "--dry-run"]);
    assert!(dry.stderr.contains(&two.short()), "{dry:?}");
    let run = host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));
    let (first, second) = (frozen.url(), host.world.registry.url());
    let said = format!("{first}/ is 2 entries behind the log of {second}/");
    assert!(run.stderr.contains(&said), "{run:?}");

    let status = host.done(&["status"]);
    let said = format!("{first}/ is 2 entries behind the log that is followed, since ");
    assert!(status.stderr.contains(&said), "{status:?}");
    let behind = &host.json(&["status"])[0]["behind"];
    assert_eq!(behind[0]["url"], format!("{first}/"));
    assert_eq!(behind[0]["entries"], 2);
    let since = behind[0]["since"].clone();

    // It falls behind further, and then moves again.
    host.release("acme/billing", "three\n");
    host.done(&["install"]);
    let behind = &host.json(&["status"])[0]["behind"];
    assert_eq!(
        (&behind[0]["entries"], &behind[0]["since"]),
        (&4.into(), &since)
    );
    serve(&frozen, &host.world.organisation);
    let run = host.done(&["install"]);
    assert!(!run.stderr.contains("behind"), "{run:?}");
    assert_eq!(host.json(&["status"])[0]["behind"], Value::Null);
}

#[test]
fn a_mirror_that_comes_late_is_named_where_people_look_and_not_at_each_install() {
    let (mut host, late) = frozen();
    host.release("acme/billing", "two\n");
    host.write(&[&host.world.registry, &late], BILLING);
    let run = host.done(&["install"]);
    assert!(!run.stderr.contains(&late.url()), "{run:?}");
    let status = host.done(&["status"]);
    let said = format!("{}/ is 2 entries behind", late.url());
    assert!(status.stderr.contains(&said), "{status:?}");
    // Of the second, nothing is asked but how far it has come.
    let asked = late.requests("");
    assert!(
        asked.iter().all(|line| line.contains("/log/checkpoint")),
        "{asked:?}"
    );
}

#[test]
fn a_registry_that_shows_another_history_is_refused_and_named_however_long_that_is() {
    let (mut host, other) = frozen();
    host.write(&[&other, &host.world.registry], BILLING);
    host.done(&["install"]);
    let mut fork = host.world.organisation.clone();
    let two = host.release("acme/billing", "two\n");
    for (number, size) in ["shorter", "as long", "longer"].into_iter().enumerate() {
        let project = bulla_trust::testing::project();
        fork.publish(&project, &format!("another {number}"));
        serve(&other, &fork);
        let run = host.done(&["install"]);
        assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));
        let said = format!("refusing the log of {}/", other.url());
        assert!(run.stderr.contains(&said), "{size}: {run:?}");
    }
}

#[test]
fn a_registry_that_claims_a_longer_log_than_it_serves_delays_nobody() {
    let (mut host, liar) = frozen();
    let two = host.release("acme/billing", "two\n");
    host.write(&[&liar, &host.world.registry], BILLING);
    let mut fork = host.world.organisation.clone();
    for content in ["a", "b", "c"] {
        fork.publish(&bulla_trust::testing::project(), content);
    }
    liar.change(|served| {
        let checkpoint = fork.checkpoint();
        served
            .files
            .insert("/log/checkpoint".to_owned(), checkpoint);
    });
    let run = host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));
    let said = format!("{}/ does not serve", liar.url());
    assert!(run.stderr.contains(&said), "{run:?}");
}

#[test]
fn a_doctor_compares_the_log_of_a_registry_that_knows_no_tokens() {
    let (mut host, frozen) = frozen();
    host.release("acme/billing", "two\n");
    host.write(&[&frozen, &host.world.registry], BILLING);
    host.done(&["install"]);
    let found = host.json(&["doctor"]);
    let behind = format!("{}/ is 2 entries behind the newest log", frozen.url());
    let of_log = found.as_array().unwrap().iter();
    let of_log = of_log.filter(|finding| finding["step"] == "log");
    let found: Vec<_> = of_log.map(|finding| finding["found"].to_string()).collect();
    assert!(
        found.iter().any(|found| found.contains(&behind)),
        "{found:#?}"
    );
}
