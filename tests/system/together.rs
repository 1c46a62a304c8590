//! Several people decide together: one proposes, others look at the same and sign, and nothing of it
//! means anything before enough of them have.

use std::path::Path;

use bulla_tests::{GitCheckout, Person, Transcript, World};
use serde_json::Value;

use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A team of three: two of them change the policy, and two promote to prod, by way of staging.
struct Team {
    world: World,
    checkout: GitCheckout,
}

impl Team {
    fn new() -> Self {
        let world = World::with_channels(&["staging", "prod"]);
        let checkout = world.git(PROJECT);
        let mut team = Self { world, checkout };
        for name in ["bob", "carol"] {
            let person = Person::with_new_key(name, &team.world.path("people"));
            let key = person.public_key.to_str().unwrap().to_owned();
            team.sign("alice", &["person", "add", name, &key, "--root"])
                .done();
            team.world.others.push(person);
        }
        let protect = [
            "channel",
            "change",
            "prod",
            "--threshold",
            "2",
            "--via",
            "staging",
        ];
        team.sign("alice", &protect).done();
        // The root that this makes has to agree, too.
        team.sign("alice", &["policy", "threshold", "2"]).done();
        team.sign("bob", &["approve", &team.waiting()]).done();
        team
    }

    fn key(&self, name: &str) -> &Path {
        let mut others = self.world.others.iter();
        let other = others.find(|person| person.name == name);
        &other.unwrap_or(&self.world.alice).public_key
    }

    /// Runs a command that signs as somebody, who says yes beforehand.
    fn sign(&self, name: &str, arguments: &[&str]) -> Transcript {
        self.sign_at(self.world.registry.url(), name, arguments)
    }

    fn sign_at(&self, url: &str, name: &str, arguments: &[&str]) -> Transcript {
        let mut command = self.world.bulla_command();
        command
            .args(arguments)
            .arg("--yes")
            .env("BULLA_REGISTRY", url);
        command.arg("--ssh-key").arg(self.key(name));
        command.current_dir(&self.checkout.path);
        Transcript::of(&mut command)
    }

    fn pending(&self) -> Vec<Value> {
        let listed = self.world.bulla(&["pending", "--json"]).done().json();
        listed.as_array().unwrap().clone()
    }

    /// Returns the id of the only thing that waits.
    #[track_caller]
    fn waiting(&self) -> String {
        let pending = self.pending();
        assert_eq!(pending.len(), 1, "{pending:?}");
        pending[0]["id"].as_str().unwrap()["sha256:".len()..][..8].to_owned()
    }

    fn staged(&mut self, line: &str) -> String {
        self.checkout.commit_change(line);
        let hash = self.world.publish(&self.checkout.path);
        self.sign("carol", &["promote", &hash, "staging", "-m", line])
            .done();
        hash
    }

    fn head(&self) -> Option<String> {
        let status = self.world.bulla(&["status", "--json"]).done().json();
        let channels = status[0]["channels"].as_array().unwrap().iter();
        let mut prod = channels.filter(|one| one["channel"] == "prod");
        prod.next()
            .map(|one| one["hash"].as_str().unwrap().to_owned())
    }
}

#[test]
fn a_promotion_takes_effect_when_a_second_person_approves_it() {
    let mut team = Team::new();
    let early = team.world.publish(&team.checkout.path);
    // Looking says it, too: it has to pass the other channel first.
    let dry = ["promote", &early, "prod", "--dry-run"];
    let mut dry_run = team.world.bulla_command();
    let refused = Transcript::of(dry_run.args(dry).current_dir(&team.checkout.path));
    let refused = refused.refused("was never the head of `staging`");
    let next = format!("bulla promote {} staging", &early[7..19]);
    assert!(refused.stderr.contains(&next), "{refused}");

    let hash = team.staged("rounding");
    let promote = ["promote", &hash, "prod", "-m", "rounding fix"];
    let proposed = team.sign("alice", &promote).done();
    let id = team.waiting();
    for words in [
        "1 of 2 signed (alice); bob or carol may",
        &format!("bulla approve {id}"),
    ] {
        assert!(proposed.stderr.contains(words), "{proposed}");
    }
    assert_eq!(team.head(), None, "nothing has moved");
    let server = team.world.server("web1");
    assert_ne!(server.install(PROJECT, "prod").status, Some(0));

    // The proposer counts once, whatever they run again.
    let again = team.sign("alice", &promote).done();
    assert!(
        again.stderr.contains("you proposed this already"),
        "{again}"
    );
    let again = team.sign("alice", &["approve", &id]).done();
    assert!(again.stderr.contains("you signed it already"), "{again}");
    team.sign("bob", &promote)
        .refused("alice proposed the same already");

    let listed = team.pending();
    assert_eq!(
        listed[0]["approvals"][0]["asked"],
        serde_json::json!(["bob", "carol"])
    );
    assert_eq!(listed[0]["proposedBy"], "alice");
    let look = team.world.bulla(&["approve", &id, "--dry-run"]).done();
    for words in ["why: rounding fix", "files: "] {
        assert!(look.stderr.contains(words), "{look}");
    }
    let approved = team.sign("bob", &["approve", &id]).done();
    assert!(
        approved.stderr.contains("is in effect, entry"),
        "{approved}"
    );
    assert_eq!(team.head().as_deref(), Some(&*hash));
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*hash));
    assert_eq!(team.pending(), Vec::<Value>::new());
    let history = team
        .world
        .bulla(&["history", "prod", "--project", PROJECT, "--json"]);
    let people = &history.done().json()[0]["people"];
    assert_eq!(people, &serde_json::json!(["alice", "bob"]));

    // Stopping and going on take two people here as well.
    team.sign("bob", &["pause", "prod", "-m", "wait"]).done();
    team.sign("carol", &["approve", &team.waiting()]).done();
    team.sign("alice", &["resume", "prod", "-m", "go on"])
        .done();
    let what = format!(
        "resume prod of {PROJECT} at {}",
        &hash["sha256:".len()..][..12]
    );
    assert_eq!(team.pending()[0]["what"], what);
    team.sign("carol", &["approve", &team.waiting()]).done();
    let again = ["promote", &hash, "prod", "-m", "again", "--again"];
    team.sign("alice", &again).refused("takes 2 people");
    let next = team.staged("next");
    team.sign("alice", &["promote", &next, "prod", "-m", "next"])
        .done();
    team.sign("bob", &["approve", &team.waiting()]).done();
    team.sign("carol", &["rollback", "prod", "-m", "worse"])
        .done();
    assert_eq!(team.head(), Some(next));
    team.sign("alice", &["approve", &team.waiting()]).done();
    assert_eq!(team.head(), Some(hash));
}

#[test]
fn what_is_withdrawn_or_overtaken_never_takes_effect() {
    let mut team = Team::new();
    let first = team.staged("one");
    let promote = ["promote", &first, "prod", "-m", "one"];
    team.sign("alice", &promote).done();
    let id = team.waiting();
    team.world.bulla(&["withdraw", &id, "--dry-run"]).done();
    // A token of somebody else takes nothing back.
    let stranger = team.world.registry.create_token("push,pull", "*");
    let mut withdraw = team.world.bulla_command();
    withdraw
        .args(["withdraw", &id])
        .env("BULLA_TOKEN", stranger);
    let denied = Transcript::of(&mut withdraw).fails(1, "403");
    assert!(
        denied
            .stderr
            .contains("hint: the token that it was proposed with"),
        "{denied}"
    );
    team.world.bulla(&["withdraw", &id]).done();
    team.sign("bob", &["approve", &id])
        .fails(1, "nothing waits");

    let second = team.staged("two");
    team.sign("alice", &promote).done();
    let overtaken = team.waiting();
    team.sign("bob", &["promote", &second, "prod", "-m", "two"])
        .done();
    let pending = team.pending();
    let other = pending.iter().find(|one| one["reason"] == "two").unwrap();
    let other = &other["id"].as_str().unwrap()["sha256:".len()..];
    team.sign("carol", &["approve", other]).done();
    let late = team.sign("carol", &["approve", &overtaken]);
    let late = late.fails(4, "bob, carol moved `prod`");
    assert!(late.stderr.contains("propose it again"), "{late}");
    let listed = team.world.bulla(&["pending"]).done();
    assert!(
        listed.stdout.contains("cannot take effect any more"),
        "{listed}"
    );

    let third = team.staged("three");
    team.sign("alice", &["promote", &third, "prod", "-m", "three"])
        .done();
    let pending = team.pending();
    let revoked = pending.iter().find(|one| one["reason"] == "three").unwrap();
    let revoked = revoked["id"].as_str().unwrap()["sha256:".len()..].to_owned();
    team.sign("bob", &["revoke", &third, "-m", "wrong"]).done();
    team.sign("carol", &["approve", &revoked])
        .refused("bob revoked");
}

#[test]
fn a_change_of_the_policy_is_approved_by_its_words() {
    let team = Team::new();
    let dave = Person::with_new_key("dave", &team.world.path("people"));
    let add = ["person", "add", "dave", dave.public_key.to_str().unwrap()];
    let proposed = team.sign("alice", &add).done();
    assert!(
        proposed.stderr.contains("1 of 2 signed (alice)"),
        "{proposed}"
    );
    let show = || team.world.bulla(&["policy", "show"]).done().stdout;
    assert!(!show().contains("dave"));
    let id = team.waiting();
    let approved = team.sign("carol", &["approve", &id, "--json"]).done();
    assert!(
        approved.stderr.contains("+ dave signs with SHA256:"),
        "{approved}"
    );
    assert!(approved.json()["entry"].is_u64());
    assert!(show().contains("dave"));

    // Who changes the policy then is said, and what else waits and would be void.
    let erin = Person::with_new_key("erin", &team.world.path("people"));
    let erin = ["person", "add", "erin", erin.public_key.to_str().unwrap()];
    team.sign("alice", &[&erin[..], &["--root"]].concat())
        .done();
    let first = team.waiting();
    let narrow = team.sign("bob", &["policy", "threshold", "3"]).done();
    assert!(
        narrow
            .stderr
            .contains(&format!("this voids 1 proposal: {first}")),
        "{narrow}"
    );
    let look = team.world.bulla(&["approve", &first, "--dry-run"]).done();
    let said = look.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "who changes the policy: 2 of alice, bob, carol now, and 2 of alice, bob, carol, erin after this",
        "the root of policy version 6: 1 of 2 signed (alice); bob or carol may",
        "the root of policy version 7: 1 of 2 signed (alice); bob, carol or erin may",
        "this voids 1 proposal: ",
    ] {
        assert!(said.contains(words), "{words:?} of {look}");
    }
    for waiting in team.pending() {
        let id = &waiting["id"].as_str().unwrap()["sha256:".len()..];
        team.world.bulla(&["withdraw", id]).done();
    }

    // A rule that nobody could fulfil is refused before anybody signs it.
    let too_many = ["channel", "change", "prod", "--threshold", "9"];
    team.sign("alice", &too_many).refused("would need 9 people");
    team.sign("alice", &["channel", "change", "prod"])
        .fails(2, "nothing is named");
    let narrow = [
        "channel", "change", "prod", "--person", "alice", "--person", "bob", "--direct",
    ];
    team.sign("alice", &narrow).done();
    // Meanwhile another version comes into effect.
    let narrow = team.waiting();
    team.sign("bob", &["policy", "threshold", "3"]).done();
    let pending = team.pending();
    let other = pending
        .iter()
        .find(|one| one["id"].as_str().unwrap()[7..15] != narrow)
        .unwrap();
    let other = other["id"].as_str().unwrap()["sha256:".len()..].to_owned();
    let signed = team.sign("carol", &["approve", &other]).done();
    // The new root asks for three itself.
    assert!(signed.stderr.contains("2 of 3 signed"), "{signed}");
    team.sign("alice", &["approve", &other]).done();
    team.sign("carol", &["approve", &narrow])
        .fails(4, "the policy was changed meanwhile");
    assert!(show().contains("needs 3 of alice, bob, carol"));
}

#[test]
fn who_proposes_to_exchange_a_key_is_named() {
    let team = Team::new();
    let next = team.world.registry.keep(&["log-key", "--next"]).done();
    team.sign("alice", &["log-key", "rotate", next.last_line()])
        .done();
    assert_eq!(team.pending()[0]["proposedBy"], "alice");
    team.world.bulla(&["withdraw", &team.waiting()]).done();
    // Both keys sign, and the policy in effect knows one of them.
    for attempt in 0..4 {
        let new = Person::with_new_key(&format!("new{attempt}"), &team.world.path("people"));
        let mut rotate = team.world.bulla_command();
        rotate
            .args(["key", "rotate", "alice", new.public_key.to_str().unwrap()])
            .args(["--yes", "--ssh-key"])
            .arg(team.key("alice"));
        Transcript::of(&mut rotate).done();
        assert_eq!(team.pending()[0]["proposedBy"], "alice");
        team.world.bulla(&["withdraw", &team.waiting()]).done();
    }
}

#[test]
fn what_a_change_of_the_policy_voids_is_said_before_it_is_signed() {
    let mut team = Team::new();
    let hash = team.staged("one");
    team.sign("alice", &["promote", &hash, "prod", "-m", "one"])
        .done();
    let id = team.waiting();
    let look = |change: &[&str]| {
        let look = team.world.bulla(&[change, &["--dry-run"]].concat()).done();
        look.stderr
            .contains(&format!("this voids 1 proposal: {id}"))
    };
    assert!(look(&["person", "remove", "alice"]));
    assert!(look(&[
        "channel", "change", "prod", "--person", "bob", "--person", "carol"
    ]));
    assert!(look(&["channel", "remove", "prod"]));
    assert!(!look(&["channel", "change", "prod", "--threshold", "3"]));
    assert!(!look(&["channel", "add", "demo"]));
}

#[test]
fn a_registry_that_changes_or_hides_a_proposal_gets_nothing_signed() {
    let mut team = Team::new();
    let (good, bad) = (team.staged("good"), team.staged("bad"));
    team.sign("alice", &["promote", &good, "prod", "-m", "good"])
        .done();
    let id = team.waiting();
    let evil = EvilRegistry::before(team.world.registry.url());
    let approve = |team: &Team| {
        let mut command = team.world.bulla_command();
        command
            .args(["approve", &id, "--yes", "--ssh-key"])
            .arg(team.key("bob"));
        command
            .current_dir(&team.checkout.path)
            .env("BULLA_REGISTRY", evil.url());
        Transcript::of(&mut command)
    };
    // Another release in what alice signed: her signature does not belong to it.
    let (from, to) = (good.clone(), bad.clone());
    evil.lie(move |path, bytes| {
        if path == "/api/v1/proposals" {
            changed(&bytes, |text| text.replace(&from[7..], &to[7..]), false)
        } else {
            bytes
        }
    });
    approve(&team).refused("the registry gives another statement");
    let (from, to) = (good.clone(), bad.clone());
    evil.lie(move |path, bytes| {
        if path == "/api/v1/proposals" {
            changed(&bytes, |text| text.replace(&from[7..], &to[7..]), true)
        } else {
            bytes
        }
    });
    // Its id is another one then; whoever goes by the list is told.
    let mut list = team.world.bulla_command();
    list.arg("pending").env("BULLA_REGISTRY", evil.url());
    Transcript::of(&mut list).refused("was signed so");
    // Nothing waits, it says.
    evil.lie(|path, bytes| {
        if path == "/api/v1/proposals" {
            br#"{"items":[]}"#.to_vec()
        } else {
            bytes
        }
    });
    approve(&team).fails(1, "nothing waits");
    assert_eq!(team.head(), None);
    // Twice the same is no reason to ask for more digits, and pages without end are given up.
    evil.lie(|path, bytes| {
        let Ok(mut page) = serde_json::from_slice::<Value>(&bytes) else {
            return bytes;
        };
        if path != "/api/v1/proposals" {
            return bytes;
        }
        let first = page["items"][0].clone();
        page["items"].as_array_mut().unwrap().push(first);
        serde_json::to_vec(&page).unwrap()
    });
    let mut look = team.world.bulla_command();
    look.args(["approve", &id, "--dry-run"])
        .current_dir(&team.checkout.path)
        .env("BULLA_REGISTRY", evil.url());
    Transcript::of(&mut look).done();
    let pages = std::sync::atomic::AtomicU64::new(0);
    evil.lie(move |path, bytes| {
        if path != "/api/v1/proposals" {
            return bytes;
        }
        let next = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!(r#"{{"items":[],"next":"sha256:{next:064}"}}"#).into_bytes()
    });
    let mut list = team.world.bulla_command();
    list.arg("pending").env("BULLA_REGISTRY", evil.url());
    Transcript::of(&mut list).refused("is not a page of a list");
    // A signature of a stranger is added to it: it counts for nothing, and nobody is stopped by it.
    evil.lie(|path, bytes| {
        let Ok(mut page) = serde_json::from_slice::<Value>(&bytes) else {
            return bytes;
        };
        if path != "/api/v1/proposals" || page["items"].is_null() {
            return bytes;
        }
        let signatures = page["items"][0]["envelope"]["signatures"]
            .as_array_mut()
            .unwrap();
        let stranger = format!("SHA256:{}", "+".repeat(43));
        signatures.insert(0, serde_json::json!({ "keyid": stranger, "sig": "AAAA" }));
        serde_json::to_vec(&page).unwrap()
    });
    approve(&team).done();
    assert_eq!(team.head(), Some(good));
}

/// Changes the payload of each proposal in a page, and its id with it or not.
fn changed(page: &[u8], change: impl Fn(String) -> String, with_id: bool) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let Ok(mut page) = serde_json::from_slice::<Value>(page) else {
        return page.to_vec();
    };
    for item in page["items"].as_array_mut().into_iter().flatten() {
        let payload = STANDARD
            .decode(item["envelope"]["payload"].as_str().unwrap())
            .unwrap();
        let payload = change(String::from_utf8(payload).unwrap());
        if with_id {
            let id = bulla_schemas::Digest::of(payload.as_bytes());
            item["id"] = id.to_string().into();
        }
        item["envelope"]["payload"] = STANDARD.encode(payload).into();
    }
    serde_json::to_vec(&page).unwrap()
}

#[test]
fn two_who_approve_at_once_both_count() {
    let mut team = Team::new();
    let three = ["channel", "change", "prod", "--threshold", "3"];
    team.sign("alice", &three).done();
    team.sign("bob", &["approve", &team.waiting()]).done();
    let hash = team.staged("three");
    team.sign("alice", &["promote", &hash, "prod", "-m", "all of us"])
        .done();
    let id = team.waiting();
    let team = &team;
    std::thread::scope(|scope| {
        // Each has a memory of the log of their own, as on two machines.
        let approvals = ["bob", "carol"].map(|name| {
            let id = &id;
            scope.spawn(move || {
                let mut command = team.world.bulla_command();
                command
                    .args(["approve", id, "--yes", "--ssh-key"])
                    .arg(team.key(name));
                command.env("XDG_STATE_HOME", team.world.path(name));
                command.current_dir(&team.checkout.path);
                Transcript::of(&mut command)
            })
        });
        for approval in approvals {
            approval.join().unwrap().done();
        }
    });
    assert_eq!(team.head(), Some(hash));
}
