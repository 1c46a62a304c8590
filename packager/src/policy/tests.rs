use bulla_schemas::Name;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::policy::ChannelRule;
use bulla_trust::testing::{self, Organisation, key, name};

use super::*;

fn public(person: &str) -> bulla_trust::key::PublicKey {
    key(person).public_key()
}

fn add(person: &str) -> Change {
    Change::AddPerson {
        name: name(person),
        key: public(person),
        is_root: true,
    }
}

fn rule(project: &str, channel: &str) -> ChannelRule {
    ChannelRule {
        project: project.to_owned(),
        channel: channel.to_owned(),
        people: vec!["*".to_owned()],
        builders: Vec::new(),
        threshold: 1,
        via: None,
        max_age: None,
    }
}

#[track_caller]
fn refused(state: &LogState, change: &Change) -> String {
    let error = next(state, change).unwrap_err();
    assert!(
        matches!(error.kind(), FailureKind::Refused | FailureKind::Failed),
        "{error}"
    );
    assert!(error.hint().is_none_or(|hint| !hint.is_empty()));
    error.to_string()
}

#[test]
fn the_next_policy_follows_on_the_one_in_effect_and_takes_effect() {
    let mut acme = Organisation::new();
    let next = next(&acme.state, &add("zoe")).unwrap();
    assert_eq!(next.version, acme.state.policy_version() + 1);
    assert_eq!(next.prev, acme.state.policy_payload());
    let root: Vec<String> = next.root.people.iter().map(Name::to_string).collect();
    let root: Vec<&str> = root.iter().map(String::as_str).collect();
    let verdict = acme.adopt(next, &root);
    assert!(verdict.is_effective(), "{verdict:?}");
}

#[test]
fn a_change_is_told_by_the_lines_that_come_and_go() {
    let acme = Organisation::new();
    let before = in_effect(&acme.state).unwrap();
    let after = next(&acme.state, &add("zoe")).unwrap();
    let (gone, come) = difference(before, &after);
    assert!(come.contains(&format!("zoe signs with {}", public("zoe").fingerprint())));
    assert!(
        come.iter()
            .any(|line| line.starts_with("changing the policy needs"))
    );
    assert!(
        gone.iter()
            .any(|line| line.starts_with("changing the policy needs"))
    );
    let (gone, come) = difference(&after, &after);
    assert!(gone.is_empty() && come.is_empty());
}

#[test]
fn who_changes_the_policy_is_said_where_that_changes() {
    let acme = Organisation::new();
    let before = in_effect(&acme.state).unwrap();
    let mut after = before.clone();
    assert_eq!(root_change(before, &after), None);
    after.root.people = testing::names(&["alice", "zoe"]);
    after.root.threshold = 2;
    let said = root_change(before, &after).unwrap();
    assert!(
        said.ends_with("now, and 2 of alice, zoe after this"),
        "{said}"
    );
}

#[test]
fn what_others_chose_is_not_taken_for_words_of_the_policy() {
    let acme = Organisation::new();
    let mut policy = in_effect(&acme.state).unwrap().clone();
    policy.builders[0].builder_id = "ci) may release every project from every source".to_owned();
    policy.builders[0].refs = vec!["refs/heads/main or every ref".to_owned()];
    policy.channels[0].project = "acme/x needs mallory\u{1b}[2K".to_owned();
    policy.channels[0].channel = "prod` of every project".to_owned();
    let lines = describe(&policy).join("\n");
    for said in [
        "\"ci) may release every project from every source\"",
        "\"refs/heads/main or every ref\"",
        "moving \"prod` of every project\" of \"acme/x needs mallory\\u{1b}[2K\" needs",
    ] {
        assert!(lines.contains(said), "{lines}");
    }
}

#[test]
fn nobody_gets_a_name_or_a_key_that_another_one_has() {
    let acme = Organisation::new();
    let taken = Change::AddPerson {
        name: name("alice"),
        key: public("zoe"),
        is_root: false,
    };
    assert!(refused(&acme.state, &taken).contains("`alice`"));
    let taken = Change::AddPerson {
        name: name("zoe"),
        key: public("alice"),
        is_root: false,
    };
    assert!(refused(&acme.state, &taken).contains("`alice`'s"));
}

#[test]
fn nobody_is_locked_out_for_good() {
    let acme = Organisation::new();
    let people: Vec<Name> = in_effect(&acme.state).unwrap().root.people.clone();
    // One after the other goes, until the next one would leave too few.
    let mut policy = in_effect(&acme.state).unwrap().clone();
    policy.channels.clear();
    let mut refusals = 0;
    for name in people {
        let without = Change::RemovePerson { name }.apply(&policy).unwrap();
        match CheckedPolicy::new(without.clone()) {
            Ok(_) => policy = without,
            Err(_) => refusals += 1,
        }
    }
    assert!(refusals > 0);
    let last = Change::RemoveKey {
        person: name("alice"),
        key: KeyName::Key(public("alice")),
    };
    assert!(refused(&acme.state, &last).contains("only key of `alice`"));
}

#[test]
fn a_key_is_put_in_the_place_of_another() {
    let acme = Organisation::new();
    for owner in ["alice", "ci"] {
        let rotate = Change::RotateKey {
            owner: name(owner),
            from: None,
            to: public("new"),
        };
        let next = next(&acme.state, &rotate).unwrap();
        let checked = CheckedPolicy::new(next).unwrap();
        let of = |key: &str| checked.key(&public(key).fingerprint()).cloned();
        assert_eq!(of(owner), None);
        assert_eq!(of("new").unwrap().0.name().as_str(), owner);
    }
    let other = Change::RotateKey {
        owner: name("alice"),
        from: Some(KeyName::Fingerprint(public("bob").fingerprint())),
        to: public("new"),
    };
    assert!(refused(&acme.state, &other).contains("`alice` has no key"));
}

#[test]
fn a_rule_for_fewer_projects_comes_before_the_one_that_it_narrows() {
    let acme = Organisation::new();
    let narrow = rule("acme/payroll", "prod");
    let next = next(&acme.state, &Change::AddChannel(narrow.clone())).unwrap();
    let checked = CheckedPolicy::new(next).unwrap();
    let found = checked.channel_rule(&name("acme/payroll"), &name("prod"));
    assert_eq!(found, Some(&narrow));
    let again = Change::AddChannel(narrow);
    assert!(again.apply(checked.policy()).is_err());
    let gone = Change::RemoveChannel {
        project: "acme/payroll".to_owned(),
        channel: "prod".to_owned(),
    };
    assert_eq!(
        gone.apply(checked.policy()).unwrap().channels,
        in_effect(&acme.state).unwrap().channels
    );
    assert!(refused(&acme.state, &gone).contains("no rule for exactly"));
}

#[test]
fn a_rule_keeps_what_is_not_said_of_it() {
    let acme = Organisation::new();
    let before = in_effect(&acme.state).unwrap();
    let change = |threshold, people: Option<&[&str]>, via| {
        Change::ChangeChannel(RuleChange {
            project: "acme/*".to_owned(),
            channel: "vault".to_owned(),
            people: people.map(|people| people.iter().map(|&one| one.to_owned()).collect()),
            threshold,
            via,
            max_age: None,
        })
    };
    let vault = |policy: &Policy| {
        let mut rules = policy.channels.iter();
        rules.find(|rule| rule.channel == "vault").unwrap().clone()
    };
    let after = next(&acme.state, &change(Some(3), None, None)).unwrap();
    let expected = ChannelRule {
        threshold: 3,
        ..vault(before)
    };
    assert_eq!(vault(&after), expected);
    let direct = next(
        &acme.state,
        &change(None, Some(&["bob", "carol"]), Some(None)),
    )
    .unwrap();
    let expected = ChannelRule {
        people: vec!["bob".to_owned(), "carol".to_owned()],
        via: None,
        ..vault(before)
    };
    assert_eq!(vault(&direct), expected);
    let few = change(Some(3), Some(&["bob", "carol"]), None);
    assert!(refused(&acme.state, &few).contains("would need 3 people, and 2 people may"));
    let nowhere = change(None, None, Some(Some(name("nowhere"))));
    assert!(refused(&acme.state, &nowhere).contains("nobody could move `vault`"));
    let unknown = Change::ChangeChannel(RuleChange {
        project: "*".to_owned(),
        channel: "vault".to_owned(),
        people: None,
        threshold: Some(1),
        via: None,
        max_age: None,
    });
    assert!(refused(&acme.state, &unknown).contains("no rule for exactly"));
}

#[test]
fn builders_do_not_count_where_people_decide() {
    let acme = Organisation::new();
    // `dev` has three people and a builder.
    let change = Change::ChangeChannel(RuleChange {
        project: "acme/*".to_owned(),
        channel: "dev".to_owned(),
        people: None,
        threshold: Some(4),
        via: None,
        max_age: None,
    });
    assert!(refused(&acme.state, &change).contains("would need 4 people"));
}

#[test]
fn the_root_never_needs_more_people_than_it_has() {
    let acme = Organisation::new();
    let all = next(&acme.state, &Change::RootThreshold(3)).unwrap();
    assert_eq!(all.root.threshold, 3);
    assert!(refused(&acme.state, &Change::RootThreshold(4)).contains("`root`"));
    assert!(refused(&acme.state, &Change::RootThreshold(0)).contains("`root`"));
}

#[test]
fn only_the_root_is_asked_to_sign() {
    let acme = Organisation::new();
    let personal = |person: &str| PersonalKey {
        path: format!("{person}.pub").into(),
        public: testing::key(person).public_key(),
    };
    let root = in_effect(&acme.state).unwrap().root.people[0].clone();
    check_signer(&acme.state, &personal(root.as_str())).unwrap();
    for other in ["ci", "mallory"] {
        let error = check_signer(&acme.state, &personal(other)).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Refused, "{error}");
    }
}

#[test]
fn whoever_is_to_get_another_key_is_looked_for_among_people_and_builders() {
    let acme = Organisation::new();
    let rotate = Change::RotateKey {
        owner: name("nobody"),
        from: None,
        to: public("new"),
    };
    let error = next(&acme.state, &rotate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy has no person or builder `nobody`"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("alice") && hint.contains("ci"), "{hint}");
}

#[test]
fn what_was_typed_is_the_next_policy_of_the_one_that_it_was_taken_from() {
    let mut acme = Organisation::new();
    let text = Rules::of(in_effect(&acme.state).unwrap()).to_text();
    let typed = |text: &str| Change::Replace(Rules::parse(text).unwrap());
    let line = public("zoe").to_openssh();
    let added = format!("{text}\n[[people]]\nname = \"zoe\"\nkeys = [\"{line}\"]\n");
    let next = next(&acme.state, &typed(&added)).unwrap();
    assert_eq!(next.log_keys, in_effect(&acme.state).unwrap().log_keys);
    let root: Vec<String> = next.root.people.iter().map(Name::to_string).collect();
    let root: Vec<&str> = root.iter().map(String::as_str).collect();
    assert!(acme.adopt(next, &root).is_effective());
    // Somebody else's change is not undone by a text that was there before.
    assert!(refused(&acme.state, &typed(&text)).contains("policy 1, and policy 2"));
    let gone = Change::RemovePerson { name: name("zoe") };
    let without = super::next(&acme.state, &gone).unwrap();
    assert!(acme.adopt(without, &root).is_effective());
    // A name that comes back has to bring a key of then.
    let text = Rules::of(in_effect(&acme.state).unwrap()).to_text();
    let again = |key: &str| {
        let line = public(key).to_openssh();
        typed(&format!(
            "{text}\n[[people]]\nname = \"zoe\"\nkeys = [\"{line}\"]\n"
        ))
    };
    assert!(refused(&acme.state, &again("another")).contains("`zoe` was in the policy before"));
    super::next(&acme.state, &again("zoe")).unwrap();
}

#[test]
fn another_order_of_rules_is_told() {
    let acme = Organisation::new();
    let before = in_effect(&acme.state).unwrap();
    let mut after = before.clone();
    after.channels.reverse();
    let (gone, come) = difference(before, &after);
    assert!(gone.is_empty());
    assert!(
        come.len() == 1 && come[0].contains("in this order"),
        "{come:?}"
    );
}

#[test]
fn what_is_so_already_is_no_change() {
    let acme = Organisation::new();
    let current = in_effect(&acme.state).unwrap();
    let with = |threshold| next(&acme.state, &Change::RootThreshold(threshold)).unwrap();
    let threshold = current.root.threshold;
    assert!(is_same(current, &with(threshold)));
    assert!(!is_same(current, &with(threshold + 1)));
}

#[test]
fn words_say_where_a_rule_that_changed_stands_among_those_for_the_same_channels() {
    let acme = Organisation::new();
    let mut before = in_effect(&acme.state).unwrap().clone();
    before.channels = vec![
        rule("acme/billing", "prod"),
        rule("*", "prod"),
        rule("*", "dev"),
    ];
    let order = |after: &Policy| {
        let (_, come) = difference(&before, after);
        come.into_iter()
            .find(|line| line.starts_with("the first rule"))
    };
    let with = |change: &dyn Fn(&mut Vec<ChannelRule>)| {
        let mut after = before.clone();
        change(&mut after.channels);
        after
    };
    // Where it stood, among others, and where no other rule is for the same.
    assert_eq!(order(&with(&|rules| rules[1].threshold = 2)), None);
    assert_eq!(order(&with(&|rules| rules.push(rule("*", "qa")))), None);
    // The wide rule goes before the narrow one, with a change that hides the move.
    let hidden = with(&|rules| {
        let mut wide = rules.remove(1);
        wide.threshold = 2;
        rules.insert(0, wide);
    });
    let said = order(&hidden).unwrap();
    assert!(
        said.contains("`prod` of every project, then `prod` of acme/billing"),
        "{said}"
    );
    // A new one decides in front of the others, or never.
    let first = order(&with(&|rules| rules.insert(0, rule("acme/*", "prod")))).unwrap();
    let last = order(&with(&|rules| rules.push(rule("acme/*", "prod")))).unwrap();
    assert_ne!(first, last);
    // Two of one place are told by what they say.
    let mut twice = before.clone();
    twice.channels.push(ChannelRule {
        threshold: 2,
        ..rule("*", "dev")
    });
    let mut swapped = twice.clone();
    swapped.channels.swap(2, 3);
    let (_, come) = difference(&twice, &swapped);
    assert!(
        come.iter().any(|line| line.starts_with("the first rule")),
        "{come:?}"
    );
}

#[test]
fn words_tell_one_witness_from_none() {
    let acme = Organisation::new();
    let mut before = in_effect(&acme.state).unwrap().clone();
    before.witnesses.keys = vec!["office.acme.example+c91a2041+BNrG".to_owned()];
    before.witnesses.quorum = 1;
    let mut after = before.clone();
    after.witnesses.quorum = 0;
    let (gone, come) = difference(&before, &after);
    assert_eq!((gone.len(), come.len()), (1, 1), "{gone:?} {come:?}");
    assert!(come[0].contains("need no witness"), "{come:?}");
}

#[test]
fn no_change_leaves_a_channel_that_nobody_can_move() {
    let mut acme = Organisation::new();
    let mut policy = in_effect(&acme.state).unwrap().clone();
    let shared = ChannelRule {
        people: vec!["alice".to_owned(), "bob".to_owned()],
        builders: testing::names(&["ci"]),
        threshold: 2,
        ..rule("acme/shared", "prod")
    };
    policy.channels.insert(0, shared);
    let root: Vec<String> = policy.root.people.iter().map(Name::to_string).collect();
    let root: Vec<&str> = root.iter().map(String::as_str).collect();
    let policy = statement::policy_after(&acme.state, policy);
    assert!(acme.adopt(policy, &root).is_effective());
    // A builder signs nothing that people decide together.
    let gone = Change::RemovePerson { name: name("bob") };
    let said = refused(&acme.state, &gone);
    assert!(
        said.contains("would need 2 people, and 1 person may"),
        "{said}"
    );
    // What was let into effect like that before stays in nobody's way, and neither does a rule that one
    // builder can follow alone.
    let mut short = in_effect(&acme.state).unwrap().clone();
    short.channels[0].people.pop();
    Change::RootThreshold(1).apply(&short).unwrap();
    let alone = ChannelRule {
        people: Vec::new(),
        builders: testing::names(&["ci"]),
        ..rule("acme/shared", "nightly")
    };
    next(&acme.state, &Change::AddChannel(alone)).unwrap();
    let mut circle = in_effect(&acme.state).unwrap().clone();
    let after = |channel: &str, via: &str| ChannelRule {
        via: Some(via.parse().unwrap()),
        ..rule("acme/*", channel)
    };
    circle.channels = vec![
        after("prod", "stage"),
        after("stage", "dev"),
        after("dev", "prod"),
    ];
    assert_eq!(
        refused(&acme.state, &Change::Replace(Rules::of(&circle))),
        "nobody could move `prod` of `acme/*`: a release comes to it after `stage`, after `dev`, after `prod`"
    );
    let itself = Change::AddChannel(after("canary", "canary"));
    assert!(refused(&acme.state, &itself).contains("comes to it after `canary`"));
    // The first rule that matches decides.
    let mut shadowed = in_effect(&acme.state).unwrap().clone();
    shadowed.channels = vec![rule("acme/*", "prod"), rule("acme/shared", "prod")];
    assert_eq!(
        refused(&acme.state, &Change::Replace(Rules::of(&shadowed))),
        "the rule for `prod` of `acme/shared` would never decide: the one for `prod` of `acme/*` stands \
         before it"
    );
}
