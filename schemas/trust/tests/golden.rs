//! Golden logs, kept for ever: every version must replay them to the same state.
//!
//! `golden/NAME.log` has one entry per line, `golden/NAME.json` what they lead to. A file is
//! never changed; new rules bring new files:
//! `cargo test -p bulla-trust --test golden -- --ignored` writes those that are missing.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_schemas::Digest;
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::statement::{Action, Severity};
use bulla_trust::statement::{pause, policy_after, to_payload, widen};
use bulla_trust::testing::{
    Organisation, describe, key, name, policy, project, random_log, release, security_key, sign_as,
    sign_as_builder, time,
};
use bulla_trust::{LogState, Verdict, replay};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(log: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(log).expect("a golden log");
    let lines = text.strip_suffix(b"\n").expect("a last line that is ended");
    lines
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

fn lead_to(entries: &[Vec<u8>]) -> (LogState, Value) {
    let (state, verdicts) = replay(LogState::default(), entries.iter().map(Vec::as_slice))
        .expect("entries of this version");
    let description = describe(&state, &verdicts);
    (state, description)
}

#[test]
fn old_logs_give_the_states_they_always_gave() {
    let mut count = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let log = file.unwrap().path();
        if log.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let expected = fs::read(log.with_extension("json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let (state, description) = lead_to(&read(&log));
        assert_eq!(description, expected, "{}", log.display());
        assert_eq!(LogState::from_bytes(&state.to_bytes()), Ok(state));
        count += 1;
    }
    assert_eq!(
        count,
        scenes().len(),
        "run with --ignored to write missing files"
    );
}

/// What is read at once is read under the policy before it, and judged under the one of its turn.
#[test]
fn a_log_leads_to_the_same_read_at_once_in_two_parts_or_one_by_one() {
    for (name, acme) in scenes() {
        let (whole, verdicts) = replay(LogState::default(), entries_of(&acme)).unwrap();
        for cut in (1..acme.entries.len()).step_by(5) {
            let (first, mut found) =
                replay(LogState::default(), entries_of(&acme).take(cut)).unwrap();
            let (state, rest) = replay(first, entries_of(&acme).skip(cut)).unwrap();
            found.extend(rest);
            assert_eq!(
                (&state, &found),
                (&whole, &verdicts),
                "{name}, cut at {cut}"
            );
        }
        let mut one_by_one = LogState::default();
        for (entry, expected) in entries_of(&acme).zip(&verdicts) {
            let (next, found) = replay(one_by_one, [entry]).unwrap();
            assert_eq!(found, std::slice::from_ref(expected), "{name}");
            one_by_one = next;
        }
        assert_eq!(one_by_one, whole, "{name}");
    }
}

fn entries_of(acme: &Organisation) -> impl Iterator<Item = &[u8]> {
    acme.entries.iter().map(Vec::as_slice)
}

#[test]
#[ignore = "writes golden logs that are missing"]
fn write_missing_golden_logs() {
    for (name, acme) in scenes() {
        let log = folder().join(name).with_extension("log");
        if !log.exists() {
            let one_line = |entry: &&Vec<u8>| !entry.contains(&b'\n');
            let entries: Vec<Vec<u8>> = acme.entries.iter().filter(one_line).cloned().collect();
            let mut text = entries.join(&b'\n');
            text.push(b'\n');
            fs::write(&log, text).unwrap();
        }
        let json = log.with_extension("json");
        if !json.exists() {
            let state = serde_json::to_string_pretty(&lead_to(&read(&log)).1).unwrap();
            fs::write(json, state + "\n").unwrap();
        }
    }
}

fn scenes() -> Vec<(&'static str, Organisation)> {
    vec![
        ("everyday", everyday()),
        ("policies", policies()),
        ("hostile-1", random_log(20_261_123, 120)),
        ("hostile-2", random_log(4711, 120)),
        ("hostile-3", random_log(20_261_128, 160)),
        ("repeated-releases", repeated_releases()),
        ("unbound-statements", unbound_statements()),
        ("later-policies", later_policies()),
        ("written-defaults", written_defaults()),
        ("waves", waves()),
        ("hostile-waves", random_log(4712, 200)),
    ]
}

/// Releases, promotions, a roll-back, an approval by two, a pause and revocations.
fn everyday() -> Organisation {
    let mut acme = Organisation::new();
    let effective = |verdict| assert_eq!(verdict, Verdict::Effective);
    let first = acme.publish(&project(), "first");
    let second = acme.publish(&project(), "second");
    effective(acme.promote("dev", first, &["alice"]));
    effective(acme.promote("prod", first, &["alice"]));
    effective(acme.promote("staging", second, &["carol"]));
    effective(acme.promote("vault", second, &["alice", "bob"]));
    effective(acme.promote("prod", second, &["bob"]));
    effective(acme.promote("prod", first, &["bob", "carol"]));
    effective(acme.revoke(second, Severity::Warn, "carol"));
    effective(acme.revoke(second, Severity::Block, "alice"));
    let mut pause = acme.draft("prod", first);
    pause.predicate.action = Action::Pause;
    effective(acme.append_promotion(&pause, &["carol"]));
    effective(acme.promote("prod", first, &["alice"]));
    let mut dirty = release(&project(), Digest::of(b"third"));
    let definition = &mut dirty.predicate.build_definition;
    definition.external_parameters.dirty = true;
    effective(acme.append_release(&dirty));
    acme.append_release(&release(&project(), Digest::of(b"first")));
    acme
}

/// One release stated again and again, by one builder and by two.
fn repeated_releases() -> Organisation {
    let mut acme = Organisation::with_policy(|policy| {
        let mut deploy = policy.builders[0].clone();
        deploy.name = name("deploy");
        deploy.key = key("deploy").public_key().to_openssh();
        policy.builders.push(deploy);
    });
    let payload = to_payload(&release(&project(), Digest::of(b"x")));
    for builder in ["ci", "ci", "deploy", "ci", "deploy"] {
        acme.append(sign_as_builder(builder, &payload));
    }
    acme.publish(&name("acme/shop"), "x");
    let mut dirty = release(&project(), Digest::of(b"x"));
    dirty.predicate.build_definition.external_parameters.dirty = true;
    acme.append_release(&dirty);
    acme.append_release(&dirty);
    acme.append(acme.entries[1].clone());
    acme
}

/// Statements of people that were signed for an empty log.
fn unbound_statements() -> Organisation {
    let (mut acme, old, new) = Organisation::live();
    let empty = LogState::default().position();
    let mut promotion = acme.draft("prod", new);
    promotion.predicate.log = empty;
    acme.append_promotion(&promotion, &["alice"]);
    let mut revocation = acme.draft_revocation(old, Severity::Block);
    revocation.predicate.log = empty;
    acme.append(sign_as(&["bob"], IN_TOTO, &to_payload(&revocation)));
    let mut next = policy_after(&acme.state, policy());
    next.log = empty;
    acme.append(sign_as(&["alice", "bob"], POLICY, &to_payload(&next)));
    acme.promote("prod", new, &["alice"]);
    acme
}

/// Policies of a later version that the root did not sign, and what comes after them.
fn later_policies() -> Organisation {
    let (mut acme, _, new) = Organisation::live();
    let later = "application/vnd.bulla.policy.v2+json";
    for signers in [&["mallory"][..], &["carol"], &["alice", "mallory"]] {
        acme.append(sign_as(signers, later, b"{}"));
    }
    acme.promote("prod", new, &["alice"]);
    acme
}

/// Fields at their defaults that are written out.
fn written_defaults() -> Organisation {
    let mut acme = Organisation::new();
    let statement = to_payload(&release(&project(), Digest::of(b"x")));
    let text = String::from_utf8(statement).expect("JSON");
    for build in [r#""none""#, "null", r#""sandbox""#, r#""no-sandbox""#] {
        let written = format!(r#""dirty":false,"build":{build}"#);
        let text = text.replace(r#""dirty":false"#, &written);
        acme.append(sign_as_builder("ci", text.as_bytes()));
    }
    acme.publish(&project(), "x");
    acme
}

/// Promotions in waves, widened, paused and gone on with; urgent ones and patient rollbacks; and
/// each with what it may not say.
fn waves() -> Organisation {
    let (mut acme, old, new) = Organisation::live();
    let wave = |number: u64| number.try_into().expect("a wave");
    let say = |acme: &mut Organisation, hash, waves: Option<&str>, urgent| {
        let mut promotion = acme.draft("prod", hash);
        promotion.predicate.waves = waves.map(|waves| waves.parse().expect("waves"));
        promotion.predicate.urgent = urgent;
        acme.append_promotion(&promotion, &["alice"])
    };
    let wider = |acme: &mut Organisation, up_to| {
        let (why, when) = ("it holds".to_owned(), time(60));
        let widening = widen(&acme.state, &project(), &name("prod"), up_to, why, when);
        acme.append_promotion(&widening.expect("a head"), &["bob"])
    };
    wider(&mut acme, wave(2));
    say(&mut acme, new, Some("manual"), None);
    for up_to in [1, 2, 2, 5] {
        wider(&mut acme, wave(up_to));
    }
    let (why, when) = ("look".to_owned(), time(61));
    let pausing = pause(&acme.state, &project(), &name("prod"), why, when);
    acme.append_promotion(&pausing.expect("a head"), &["carol"]);
    wider(&mut acme, wave(6));
    say(&mut acme, new, None, Some(false));
    say(&mut acme, new, None, None);
    wider(&mut acme, wave(6));
    say(&mut acme, old, Some("10m"), None);
    say(&mut acme, old, None, Some(true));
    say(&mut acme, old, None, Some(false));
    let third = acme.publish(&project(), "third");
    say(&mut acme, third, Some("90s"), Some(false));
    say(&mut acme, third, Some("90s"), Some(true));
    let payload = to_payload(&acme.draft("prod", Digest::of(b"fourth")));
    acme.publish(&project(), "fourth");
    let text = String::from_utf8(payload).expect("JSON");
    for waves in [r#""60s""#, r#"{"every":"60s"}"#, r#"{"every":600}"#, "null"] {
        let written = format!(r#""waves":{waves},"log":"#);
        let text = text.replace(r#""log":"#, &written);
        acme.append(sign_as(&["alice"], IN_TOTO, text.as_bytes()));
    }
    wider(&mut acme, wave(99));
    acme
}

/// Policies that take effect and policies that do not, with a security key.
fn policies() -> Organisation {
    let mut acme = Organisation::with_policy(|policy| {
        policy.people[0]
            .keys
            .push(security_key("token").to_openssh());
    });
    acme.adopt(policy(), &["alice"]);
    acme.adopt(policy(), &["alice", "carol"]);
    let mut rotated = policy();
    rotated.people[1].keys = vec![key("bob2").public_key().to_openssh()];
    rotated.root.threshold = 3;
    acme.adopt(rotated.clone(), &["alice", "bob", "carol"]);
    acme.adopt(rotated, &["alice", "bob", "bob2", "carol"]);
    acme.adopt(policy(), &["alice", "bob"]);
    let hash = acme.publish(&project(), "x");
    acme.promote("prod", hash, &["bob"]);
    acme.promote("prod", hash, &["bob2"]);
    acme
}
