//! The host file and the log: where it is read, and what it must contain.

use std::fs;
use std::process::Command;

use crate::host::{BILLING, Host, SHOP};
use crate::registry::Registry;

#[test]
fn a_server_rebuilt_from_its_host_file_alone_is_the_same_server() {
    let mut host = Host::new();
    let billing = host.release("acme/billing", "billing\n");
    let shop = host.release("acme/shop", "shop\n");
    let own = host.path("own");
    let rest = format!("{BILLING}root = \"{}\"\n\n{SHOP}", own.display());
    host.write(&[&host.world.registry], &rest);
    let file = fs::read(host.file()).unwrap();
    for _ in 0..2 {
        let status = host.json(&["status"]);
        for project in [&status[0], &status[1]] {
            assert_eq!(project["standing"], "not-installed", "{status}");
            assert_eq!(project.get("problem"), None, "{status}");
        }
        let run = host.done(&["install"]);
        assert_eq!(
            run.stdout,
            format!("acme/billing {billing}\nacme/shop {shop}\n")
        );
        assert!(
            run.stderr
                .contains("2 projects: 2 changed, 0 unchanged, 0 failed"),
            "{run:?}"
        );
        assert_eq!(host.live("own", "acme/billing"), Some(billing.hex()));
        assert_eq!(host.live("hosted", "acme/shop"), Some(shop.hex()));
        let status = host.json(&["status"]);
        assert_eq!(status[0]["standing"], "up-to-date", "{status}");
        assert_eq!(status[1]["standing"], "up-to-date", "{status}");
        let run = host.done(&["install"]);
        assert!(run.stderr.contains("0 changed, 2 unchanged"), "{run:?}");
        // All that the machine had is gone.
        for name in ["own", "hosted", "host-state"] {
            let removed = Command::new("rm").arg("-rf").arg(host.path(name)).status();
            assert!(removed.unwrap().success());
        }
    }
    assert_eq!(fs::read(host.file()).unwrap(), file);
}

#[test]
fn the_first_registry_that_answers_validly_is_used() {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    let mirror = host.mirror();
    let first_token = host.path("token");
    fs::write(&first_token, "secret\n").unwrap();
    host.write(&[&host.world.registry, &mirror], BILLING);
    let text = fs::read_to_string(host.file()).unwrap();
    let url = format!("url = \"{}\"\n", host.world.registry.url());
    let with_token = format!("{url}token-file = \"{}\"\n", first_token.display());
    fs::write(host.file(), text.replace(&url, &with_token)).unwrap();
    host.world
        .registry
        .change(|served| served.token = Some("secret".to_owned()));
    host.done(&["install"]);
    // The second is only asked how far its log has come.
    let asked = mirror.requests("");
    assert!(
        asked.iter().all(|line| line.contains("/log/checkpoint")),
        "{asked:?}"
    );

    // The first is away. Its token is not shown to the second, which would refuse it.
    let two = host.release("acme/billing", "two\n");
    let files = host.world.registry.change(|served| served.files.clone());
    mirror.change(|served| served.files = files);
    host.world.registry.change(|served| served.down = true);
    let run = host.done(&["install"]);
    assert!(
        run.stderr
            .contains(&format!("{}/ is asked instead", mirror.url())),
        "{run:?}"
    );
    assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));

    // The first has the log, and damaged bundles.
    let three = host.release("acme/billing", "three\n");
    let files = host.world.registry.change(|served| served.files.clone());
    mirror.change(|served| served.files = files);
    let payload = host.world.layer_path(&three, 0);
    host.world.registry.change(|served| {
        served.down = false;
        served.files.insert(payload, vec![0; 4096]);
    });
    host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(three.hex()));

    // The first shows a shorter log than this server has verified.
    let behind = Registry::start();
    let fork = bulla_trust::testing::Organisation::new().files();
    behind.change(|served| {
        for (path, bytes) in fork {
            served.files.insert(format!("/log/{path}"), bytes);
        }
    });
    host.write(&[&behind, &mirror], BILLING);
    let run = host.done(&["install"]);
    assert!(run.stderr.contains(&behind.url()), "{run:?}");
    // Without another one, that is what the command ends with, also where one is only away.
    host.world.registry.change(|served| served.down = true);
    host.write(&[&host.world.registry, &behind], BILLING);
    let said = host.fails(&["install"], 3);
    assert!(said.contains("refusing the log"), "{said}");
}

#[test]
fn a_registry_that_is_away_is_asked_once_by_a_command_for_all_projects() {
    let mut host = Host::new();
    let projects = ["acme/billing", "acme/shop", "acme/search"];
    let hashes = projects.map(|project| host.release(project, project));
    let mirror = host.mirror();
    let rest = projects.map(|project| format!("[project.\"{project}\"]\nchannel = \"prod\"\n"));
    host.write(&[&host.world.registry, &mirror], &rest.concat());
    host.world.registry.change(|served| served.down = true);
    let run = host.done(&["install"]);
    assert_eq!(run.stderr.matches("does not serve").count(), 1, "{run:?}");
    for (project, hash) in projects.iter().zip(hashes) {
        assert_eq!(host.live("hosted", project), Some(hash.hex()));
    }
}

#[test]
fn a_token_file_that_is_none_or_that_others_may_change_is_refused_and_never_waited_for() {
    let mut host = Host::new();
    let hash = host.release("acme/billing", "one\n");
    let token = host.path("token");
    host.world
        .registry
        .change(|served| served.token = Some("secret".to_owned()));
    host.write(&[&host.world.registry], BILLING);
    let text = fs::read_to_string(host.file()).unwrap();
    let url = format!("url = \"{}\"\n", host.world.registry.url());
    let with_token = format!("{url}token-file = \"{}\"\n", token.display());
    fs::write(host.file(), text.replace(&url, &with_token)).unwrap();
    let make = |program: &str, arguments: &[&str]| {
        let made = Command::new(program).args(arguments).arg(&token).status();
        assert!(made.unwrap().success());
    };
    for (program, arguments, found) in [
        ("mkfifo", &[][..], "is a named pipe"),
        ("mkdir", &[], "is a directory"),
        ("ln", &["-s", "/dev/zero"], "is a device"),
    ] {
        make(program, arguments);
        let said = host.fails(&["install"], 1);
        assert!(said.contains(found), "{said}");
        make("rm", &["-rf"]);
    }
    fs::write(&token, "secret\n").unwrap();
    make("chmod", &["0666"]);
    let said = host.fails(&["install"], 3);
    assert!(said.contains("other users may write"), "{said}");
    make("chmod", &["0644"]);
    let run = host.done(&["install"]);
    assert!(run.stderr.contains("can read the token in"), "{run:?}");
    make("chmod", &["0640"]);
    let run = host.done(&["install"]);
    assert!(!run.stderr.contains("can read the token in"), "{run:?}");
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash.hex()));
}

#[test]
fn enrolment_is_written_into_the_file() {
    let mut host = Host::new();
    let hash = host.release("acme/billing", "one\n");
    let folder = host.world.folder.path().display().to_string();
    let directories = format!("root = \"{folder}/hosted\"\nstate = \"{folder}/host-state\"\n");
    fs::write(host.file(), format!("{directories}\n# Ours.\n{BILLING}")).unwrap();
    let (url, anchor) = (
        host.world.registry.url(),
        host.world.organisation.anchor().to_string(),
    );
    host.done(&["enroll", &url, &anchor]);
    let text = fs::read_to_string(host.file()).unwrap();
    assert!(text.contains(&format!("anchor = \"{anchor}\"")), "{text}");
    assert!(
        text.contains(&format!("[[registry]]\nurl = \"{url}/\"")),
        "{text}"
    );
    assert!(text.contains("# Ours.\n[project"), "{text}");
    host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash.hex()));

    // The registry moves: by the command, and by an edit of the file.
    let mirror = host.mirror();
    host.done(&["enroll", &mirror.url(), &anchor]);
    let text = fs::read_to_string(host.file()).unwrap();
    assert!(
        text.contains(&mirror.url()) && !text.contains(&url),
        "{text}"
    );
    mirror.change(|served| served.down = true);
    fs::write(host.file(), text.replace(&mirror.url(), &url)).unwrap();
    host.done(&["install"]);
    let remembered = fs::read_to_string(host.path("host-state/log/registry.json")).unwrap();
    assert!(remembered.contains(&url), "{remembered}");
}

#[test]
fn the_file_and_the_state_must_speak_of_one_log() {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    host.write(&[&host.world.registry], BILLING);
    host.done(&["install"]);
    let right = fs::read_to_string(host.file()).unwrap();
    let anchor = host.world.organisation.anchor().to_string();
    // Another log by its name.
    let other = anchor.replacen("example", "elsewhere", 1);
    fs::write(host.file(), right.replace(&anchor, &other)).unwrap();
    let said = host.fails(&["install"], 2);
    assert!(said.contains("hint: a state follows one log"), "{said}");
    let said = host.fails(&["enroll", &host.world.registry.url(), &anchor], 2);
    assert!(said.contains("the host file is about the log"), "{said}");
    // The same name, and another history.
    let (front, _) = anchor.rsplit_once('+').unwrap();
    let forged = format!("{front}+{}", "0".repeat(64));
    fs::write(host.file(), right.replace(&anchor, &forged)).unwrap();
    let said = host.fails(&["install"], 3);
    assert!(said.contains("does not contain the anchor"), "{said}");
    // A newer history than this server knows, and not the registry's.
    let (front, _) = front.rsplit_once('+').unwrap();
    let newer = format!("{front}+900+{}", "0".repeat(64));
    fs::write(host.file(), right.replace(&anchor, &newer)).unwrap();
    assert_eq!(host.run(&["install"]).status, Some(3));
    fs::write(host.file(), right).unwrap();
    host.done(&["install"]);
}

#[test]
fn a_registry_whose_token_is_gone_is_passed_over() {
    let mut host = Host::new();
    let hash = host.release("acme/billing", "one\n");
    let mirror = host.mirror();
    host.write(&[&host.world.registry, &mirror], BILLING);
    let text = fs::read_to_string(host.file()).unwrap();
    let url = format!("url = \"{}\"\n", host.world.registry.url());
    let with_token = format!("{url}token-file = \"/nonexistent/token\"\n");
    fs::write(host.file(), text.replace(&url, &with_token)).unwrap();
    host.world.registry.forget_requests();
    let run = host.done(&["install"]);
    assert!(run.stderr.contains("/nonexistent/token"), "{run:?}");
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash.hex()));
    assert_eq!(host.world.registry.requests(""), [""; 0]);
    // Without another registry, that is why the command fails.
    let text = fs::read_to_string(host.file()).unwrap();
    let second = format!("[[registry]]\nurl = \"{}\"\n", mirror.url());
    fs::write(host.file(), text.replace(&second, "")).unwrap();
    assert!(host.fails(&["install"], 1).contains("/nonexistent/token"));
}

#[test]
fn status_says_since_when_the_agent_asks_for_the_log_in_vain_and_invents_nothing_without_one() {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    host.write(&[&host.world.registry], BILLING);
    host.done(&["install"]);
    let right = fs::read_to_string(host.file()).unwrap();
    let unread = |host: &Host| host.json(&["status"])[0]["unread"].clone();
    let nowhere = right.replace(&host.world.registry.url(), "http://127.0.0.1:1");
    fs::write(host.file(), nowhere).unwrap();
    // A person who asks in vain was told so.
    assert_ne!(host.run(&["install"]).status, Some(0));
    assert_eq!(unread(&host), serde_json::Value::Null);
    for times in 1..=2 {
        assert_ne!(host.run(&["agent", "--once"]).status, Some(0));
        assert_eq!(unread(&host)["times"], times);
    }
    let found = unread(&host);
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("127.0.0.1:1"), "{found}");
    let said = host.done(&["status"]).stderr;
    let begin = "the agent has not been able to read the log since ";
    assert!(
        said.contains(begin) && said.contains("it asked 2 times, last at "),
        "{said}"
    );
    fs::write(host.file(), right).unwrap();
    host.done(&["agent", "--once"]);
    assert_eq!(unread(&host), serde_json::Value::Null);
}

#[test]
fn a_channel_that_is_mistyped_is_refused_at_once_where_the_log_can_be_read() {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    host.write(&[&host.world.registry], "");
    let before = fs::read_to_string(host.file()).unwrap();
    let follow = |channel| ["follow", "acme/billing", "--channel", channel];
    // Before the server has read the log, nothing is known.
    host.done(&follow("prdo"));
    fs::write(host.file(), &before).unwrap();
    host.done(&["install", "acme/billing", "--channel", "prod"]);
    for more in [&[][..], &["--installer"]] {
        let said = host.fails(&[&follow("prdo"), more].concat(), 1);
        let why = "the channel `prdo` of `acme/billing` points to no release";
        assert!(said.contains(why), "{said}");
        assert!(
            said.contains("its channels are: prod; `--unpromoted`"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(host.file()).unwrap(), before);
    }
    let said = host
        .done(&["follow", "acme/biling", "--channel", "prod"])
        .stderr;
    let why = "nothing of `acme/biling` was ever promoted; what was: acme/billing";
    assert!(said.contains(why), "{said}");
    host.done(&[
        "follow",
        "acme/billing",
        "--channel",
        "next",
        "--unpromoted",
    ]);
    // One that is promoted meanwhile is known without an install.
    host.release("acme/shop", "shop\n");
    let said = host
        .done(&["follow", "acme/shop", "--channel", "prod"])
        .stderr;
    assert!(!said.contains("warning"), "{said}");
    host.world.registry.change(|served| served.down = true);
    let said = host.done(&follow("prdo")).stderr;
    assert!(said.contains("was not looked up"), "{said}");
    assert!(said.contains("follows acme/billing prdo"), "{said}");
}
