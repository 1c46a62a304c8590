//! Policies that no log accepts, each with the one thing that is wrong.

use bulla_schemas::Name;
use bulla_schemas::policy::Policy;
use bulla_trust::policy::{CheckedPolicy, PolicyError, matches};
use bulla_trust::testing::{key, log_verifier, name, policy, security_key};
use bulla_trust::{SignatureType, VerifierKey};

type Edit<'a> = &'a dyn Fn(&mut Policy);

fn refused(edit: impl FnOnce(&mut Policy)) -> PolicyError {
    let mut policy = policy();
    policy.version = 1;
    edit(&mut policy);
    CheckedPolicy::new(policy).expect_err("a wrong policy")
}

fn witness(name: &str, key_name: &str) -> String {
    let key = key(key_name).public_key();
    VerifierKey::new(name, SignatureType::Cosignature, key)
        .expect("a good name")
        .to_string()
}

#[test]
fn a_key_has_one_owner_and_one_purpose() {
    let openssh = |name: &str| key(name).public_key().to_openssh();
    let shared: [Edit<'_>; 6] = [
        &|policy| policy.people[1].keys.push(openssh("alice")),
        &|policy| policy.people[0].keys.push(openssh("alice")),
        &|policy| policy.people[0].keys.push(openssh("ci")),
        &|policy| policy.log_keys.push(log_verifier(&key("ci"))),
        &|policy| policy.witnesses.keys = vec![witness("w", "log")],
        // The same point, once in a security key.
        &|policy| {
            policy.people[1]
                .keys
                .push(security_key("alice").to_openssh());
        },
    ];
    for (case, edit) in shared.iter().enumerate() {
        let error = refused(|policy| edit(policy));
        assert!(
            matches!(error, PolicyError::SharedKey { .. }),
            "{case}: {error}"
        );
    }
}

#[test]
fn names_are_known_and_stand_once() {
    let nobody = || name::<Name>("nobody");
    for error in [
        refused(|policy| policy.root.people.push(nobody())),
        refused(|policy| policy.channels[0].people.push("nobody".to_owned())),
        refused(|policy| policy.channels[0].builders.push(nobody())),
    ] {
        assert!(matches!(error, PolicyError::Unknown { .. }), "{error}");
    }
    for error in [
        refused(|policy| policy.people[1].name = name("alice")),
        refused(|policy| policy.builders[0].name = name("alice")),
        refused(|policy| policy.root.people.push(name("alice"))),
        refused(|policy| policy.channels[3].people.push("alice".to_owned())),
        refused(|policy| policy.channels[0].builders.push(name("ci"))),
        refused(|policy| policy.witnesses.keys = vec![witness("w", "a"), witness("w", "b")]),
    ] {
        assert!(matches!(error, PolicyError::Twice { .. }), "{error}");
    }
}

#[test]
fn thresholds_can_be_reached_and_are_not_zero() {
    for error in [
        refused(|policy| policy.root.threshold = 0),
        refused(|policy| policy.root.threshold = 4),
        refused(|policy| policy.channels[3].threshold = 0),
        refused(|policy| policy.channels[3].threshold = 4),
        refused(|policy| policy.channels[0].threshold = 5),
    ] {
        assert!(matches!(error, PolicyError::Threshold { .. }), "{error}");
    }
    let quorum = refused(|policy| policy.witnesses.quorum = 1);
    assert!(matches!(quorum, PolicyError::Quorum { .. }), "{quorum}");
    let mut all_of_dev = policy();
    all_of_dev.version = 1;
    all_of_dev.channels[0].threshold = 4;
    assert!(CheckedPolicy::new(all_of_dev).is_ok());
}

#[test]
fn keys_are_of_the_right_kind_and_in_their_one_form() {
    let line = key("x").public_key().to_openssh();
    for text in [
        format!("{line} x@home"),
        format!(" {line}"),
        line.replace(' ', "  "),
    ] {
        let error = refused(|policy| policy.people[0].keys = vec![text]);
        assert!(matches!(error, PolicyError::KeyText { .. }), "{error}");
    }
    assert!(matches!(
        refused(|policy| policy.people[0].keys.clear()),
        PolicyError::NoKey { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.people[0].keys = vec!["ssh-rsa AAAA".to_owned()]),
        PolicyError::Key { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.builders[0].key = security_key("x").to_openssh()),
        PolicyError::BuilderKey { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.log_keys.push(witness("w", "x"))),
        PolicyError::VerifierKey { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.witnesses.keys = vec![log_verifier(&key("x"))]),
        PolicyError::VerifierKey { .. }
    ));
}

#[test]
fn the_log_has_a_name_and_a_key_of_that_name() {
    assert_eq!(refused(|policy| policy.version = 0), PolicyError::Version);
    assert_eq!(
        refused(|policy| policy.log_keys.clear()),
        PolicyError::NoLogKey
    );
    assert!(matches!(
        refused(|policy| policy.origin = "a b".to_owned()),
        PolicyError::Origin { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.origin = "other.example".to_owned()),
        PolicyError::LogKeyName { .. }
    ));
    assert!(matches!(
        refused(|policy| policy.builders[0].builder_id.clear()),
        PolicyError::BuilderId { .. }
    ));
}

#[test]
fn a_star_stands_at_the_end_of_a_pattern_only() {
    for error in [
        refused(|policy| policy.channels[0].project = "*/billing".to_owned()),
        refused(|policy| policy.channels[0].channel = "**".to_owned()),
        refused(|policy| policy.builders[0].sources.push("git+*/x".to_owned())),
    ] {
        assert!(matches!(error, PolicyError::Pattern { .. }), "{error}");
    }
    assert!(matches("shop-*", "shop-api") && matches("shop-*", "shop-"));
    assert!(!matches("shop-*", "shop") && !matches("shop", "shop-api"));
    assert!(matches("*", "") && matches("", ""));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let mut policy = policy();
    policy.version = 1;
    let mut all = policy.channels[1].clone();
    all.channel = "*".to_owned();
    policy.channels.insert(3, all);
    let checked = CheckedPolicy::new(policy).unwrap();
    let rule = |channel: &str| {
        checked
            .channel_rule(&name("acme/x"), &name(channel))
            .map(|rule| rule.channel.as_str())
    };
    assert_eq!(rule("vault"), Some("vault"));
    assert_eq!(rule("prod"), Some("*"));
    assert!(checked.channel_rule(&name("other"), &name("dev")).is_none());
}
