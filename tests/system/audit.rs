//! A builder's key leaked: what it signed, where that is, and how it is stopped.

use bulla_tests::{Person, World};

const PROJECT: &str = "acme/billing";

/// The steps of docs/trust.md, "When a key leaks".
#[test]
fn what_a_leaked_key_made_is_found_and_stopped() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let good = world.release(&checkout.path, PROJECT);
    let public = format!("{}.pub", world.builder_key().display());
    checkout.commit_change("by the thief");
    let bad = world.publish(&checkout.path);
    world.promote(PROJECT, &bad, "dev");
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"Debian GNU/Linux 13","logSize":3,"projects":[{{"project":"{PROJECT}",
            "channel":"dev","live":"{bad}","standing":"up-to-date","drift":0}}]}}"#
    );
    world.registry.report("web1", &report);

    let audit = world
        .bulla(&["audit", "--key", &public, "--since", "2"])
        .done();
    let short = &bad["sha256:".len()..][..12];
    assert!(
        audit
            .stdout
            .contains(&format!("release of {PROJECT}: {short}")),
        "{audit}"
    );
    assert!(
        audit
            .stdout
            .contains("signed by the builder ci\n          (SHA256:"),
        "{audit}"
    );
    assert!(
        audit
            .stdout
            .contains(&format!("{short} is now head of dev")),
        "{audit}"
    );
    assert!(!audit.stdout.contains("alice"), "{audit}");
    for said in [
        "is the builder ci's and counts; `bulla key rotate ci NEW.pub`",
        "1 release made with it and not revoked",
        "head of dev, live on web1",
    ] {
        assert!(audit.stderr.contains(said), "{said:?} of {audit}");
    }
    assert!(
        !audit.stderr.contains(&good["sha256:".len()..][..12]),
        "{audit}"
    );

    // First nothing more is made with it, then what was made goes.
    let new = world.path("new.pem");
    world
        .bulla(&["key", "generate", new.to_str().unwrap()])
        .done();
    world
        .signed(
            &world.alice,
            &["key", "rotate", "ci", &format!("{}.pub", new.display())],
        )
        .done();
    let revoke = audit
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("  bulla revoke "));
    let revoke = revoke
        .unwrap()
        .replace(" -m 'made with a key that leaked'", "");
    let revoke: Vec<&str> = revoke.split(' ').collect();
    world
        .signed(
            &world.alice,
            &[&["revoke", "-m", "leaked"], &revoke[..]].concat(),
        )
        .done();

    let fingerprint = audit.stderr.split(' ').next().unwrap();
    let after = world
        .bulla(&["audit", "--key", fingerprint, "--since", "2"])
        .done();
    assert!(after.stdout.contains("head of dev, revoked"), "{after}");
    assert!(
        after.stderr.contains("was ci's and counts no more"),
        "{after}"
    );
    assert!(!after.stderr.contains("bulla revoke"), "{after}");
    // Nothing but the release was made with it since then.
    assert_eq!(after.stdout.matches("signed by").count(), 1, "{after}");
}

#[test]
fn the_log_is_audited_by_person_project_time_and_for_a_spreadsheet() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let audit = |arguments: &[&str]| world.bulla(&[&["audit"], arguments].concat()).done();
    let all = audit(&[]);
    assert!(all.stdout.starts_with("     0  policy 1\n"), "{all}");
    assert_eq!(all.stdout.matches("signed by").count(), 3, "{all}");
    assert!(
        all.stdout.contains("reason: because a test says so"),
        "{all}"
    );
    let of_alice = audit(&["--person", "alice"]);
    assert!(
        of_alice.stdout.contains("promote of acme/billing on prod"),
        "{of_alice}"
    );
    assert!(
        of_alice
            .stderr
            .contains("moved `prod` of acme/billing last"),
        "{of_alice}"
    );
    assert!(of_alice.stderr.contains("signed policy 1"), "{of_alice}");
    world
        .bulla(&["audit", "--person", "nobody"])
        .fails(1, "ever named `nobody`");
    let other = world.bulla(&["audit", "--project", "acme/shop"]);
    let other = other.fails(1, "the log knows no project acme/shop");
    assert!(
        other.stderr.contains("hint: projects: acme/billing"),
        "{other}"
    );
    let of_policy = audit(&["--project", PROJECT, "--since", "3"]);
    assert!(of_policy.stderr.contains("no entry"), "{of_policy}");
    world
        .bulla(&["audit", "--since", "2130-01-01"])
        .fails(1, "2130-01-01T00:00:00Z is in the future");
    world
        .bulla(&["audit", "--since", "4"])
        .fails(1, "the log has no entry 4: it has 3 entries");
    assert_eq!(audit(&["--since", "3"]).stdout, "", "the next one may come");
    assert_eq!(
        audit(&["--since", "2020-01-01", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    world
        .bulla(&["audit", "--since", "soon"])
        .fails(2, "2026-11-30");
    let csv = audit(&["--csv"]).stdout;
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(
        rows[0].starts_with("entry,kind,project,") && rows.len() == 5,
        "{csv}"
    );
    let columns = rows[0].split(',').count();
    assert!(
        rows[1..4]
            .iter()
            .all(|row| row.split(',').count() == columns),
        "{csv}"
    );
    let stranger = Person::with_new_key("stranger", &world.path("people"));
    let key = stranger.public_key.to_str().unwrap();
    for form in [&[][..], &["--json"], &["--csv"]] {
        let nothing = world.bulla(&[&["audit", "--key", key], form].concat());
        let nothing = nothing.fails(1, "no policy of the log ever named the key SHA256:");
        assert_eq!(nothing.stdout, "");
        assert!(
            nothing
                .stderr
                .contains("hint: keys that policies named: alice SHA256:"),
            "{nothing}"
        );
    }
}
