//! The host file: read, refused, changed by commands, and what an install of all makes of it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::host::{BILLING, Host, SHOP};
use crate::world::{Run, World};

#[test]
fn an_install_of_all_goes_on_after_a_failure_and_ends_with_the_gravest_status() {
    let mut host = Host::new();
    let billing = host.release("acme/billing", "one\n");
    host.release("acme/shop", "one\n");
    let rest = format!(
        "{BILLING}\n[project.\"acme/app\"]\nchannel = \"prod\"\n\n{SHOP}drift = \"block\"\n"
    );
    host.write(&[&host.world.registry], &rest);
    // Of `acme/app` nothing was ever promoted, and the shop is edited: failed and refused.
    let run = host.run(&["install"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    fs::write(host.path("hosted/acme/shop/current/version.txt"), "edited").unwrap();
    host.release("acme/shop", "two\n");
    let run = host.run(&["install"]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert_eq!(run.stdout, format!("acme/billing {billing}\n"));
    assert!(
        run.stderr
            .contains("3 projects: 0 changed, 1 unchanged, 2 failed"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("`acme/app` was not brought to `prod`"),
        "{run:?}"
    );
    let list = host.json(&["install"]);
    assert_eq!(list[0]["project"], "acme/app");
    assert_eq!(list[0]["failure"]["status"], 1);
    assert_eq!(list[1]["installed"]["hash"], billing.to_string());
    assert_eq!(list[2]["failure"]["status"], 3);
    // A registry that is away is asked once, and not for every project.
    host.world.registry.change(|served| served.down = true);
    let said = host.fails(&["install"], 4);
    assert!(!said.contains("was not brought"), "{said}");
}

#[test]
fn followed_projects_are_written_into_the_file_and_comments_stay() {
    let mut host = Host::new();
    let hash = host.release("acme/billing", "one\n");
    // The file of a server that follows nothing yet.
    let said = host.fails(&["install"], 2);
    assert!(said.contains("does not exist"), "{said}");
    host.done(&["follow", "acme/billing", "--channel", "prod"]);
    assert_eq!(fs::read_to_string(host.file()).unwrap(), BILLING);
    assert_eq!(fs::metadata(host.file()).unwrap().mode() & 0o7777, 0o644);

    let comment = "# The most important one.\n";
    host.write(&[&host.world.registry], &format!("{comment}{BILLING}"));
    let is_root = fs::metadata(host.file()).unwrap().uid() == 0;
    if is_root {
        chown(host.file(), None, Some(54_321)).unwrap();
    }
    fs::set_permissions(host.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let run = host.done(&["follow", "acme/shop", "--channel", "next"]);
    assert!(run.stderr.contains("changed: "), "{run:?}");
    let run = host.done(&["follow", "acme/shop", "--channel", "prod"]);
    assert!(
        run.stderr
            .contains("follows acme/shop prod instead of next"),
        "{run:?}"
    );
    let text = fs::read_to_string(host.file()).unwrap();
    assert!(
        text.ends_with(&format!("{comment}{BILLING}\n{SHOP}")),
        "{text}"
    );
    let found = fs::metadata(host.file()).unwrap();
    assert_eq!(found.mode() & 0o7777, 0o640);
    assert!(!is_root || found.gid() == 54_321);

    let run = host.done(&["unfollow", "acme/shop"]);
    assert!(
        run.stderr
            .contains("does not follow acme/shop prod any more"),
        "{run:?}"
    );
    let run = host.done(&["unfollow", "acme/shop"]);
    assert!(run.stderr.contains("unchanged: "), "{run:?}");
    let run = host.done(&["install"]);
    assert_eq!(run.stdout, format!("acme/billing {hash}\n"));
    // What is live stays live, and follows what it followed.
    host.done(&["unfollow", "acme/billing"]);
    assert!(
        host.fails(&["install"], 2)
            .contains("the host file follows none")
    );
    let run = host.done(&["install", "acme/billing"]);
    assert!(
        run.stderr.contains("unchanged: acme/billing prod"),
        "{run:?}"
    );
    let said = host.fails(&["install", "acme/shop"], 2);
    assert!(said.contains("bulla-installer --config '"), "{said}");
}

#[test]
fn no_file_of_the_machine_counts_for_a_server_elsewhere() {
    let world = World::new();
    for arguments in [
        &["follow", "acme/billing", "--channel", "prod"][..],
        &["unfollow", "acme/billing"],
        &["install"],
    ] {
        let run = world.run(arguments);
        assert_eq!(run.status, Some(2), "{run:?}");
        assert!(run.stderr.contains("hint: "), "{run:?}");
    }
    let run = world.run(&["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(shown.get("file"), None, "{shown}");
    assert_eq!(shown["state"], world.state().to_str().unwrap());
}

#[test]
fn every_problem_of_a_wrong_file_is_told_and_no_command_goes_on() {
    let host = Host::new();
    host.write(
        &[&host.world.registry],
        "[project.\"acme/billing\"]\nchannnel = \"prod\"\ndrift = \"warned\"\nuser = \"no-such-user\"\n",
    );
    for arguments in [
        &["config", "check"][..],
        &["status"],
        &["rollback", "acme/billing"],
    ] {
        let said = host.fails(arguments, 2);
        let is_check = arguments[0] == "config";
        assert_eq!(said.contains("config check"), !is_check, "{said}");
        assert_eq!(said.contains("line 11"), is_check, "{said}");
        assert!(
            said.contains("line 9, column 1: unknown field `channnel`"),
            "{said}"
        );
        assert!(
            said.contains("line 10, column 9: unknown variant `warned`"),
            "{said}"
        );
        assert!(said.contains("10 | drift = \"warned\""), "{said}");
    }
    let text = fs::read_to_string(host.file()).unwrap();
    let text = text
        .replace("channnel", "channel")
        .replace("warned", "warn");
    fs::write(host.file(), text).unwrap();
    // What the machine lacks stops no other command.
    let said = host.fails(&["config", "check"], 2);
    assert!(
        said.contains("line 11, column 8: expected a user or group of this server"),
        "{said}"
    );
    host.done(&["status"]);
    let path = host.file();
    let run = Run::of(
        &host
            .world
            .command(&["config", "check", path.to_str().unwrap()])
            .output()
            .unwrap(),
    );
    assert_eq!(run.status, Some(2), "{run:?}");
    host.write(&[&host.world.registry], BILLING);
    let run = host.done(&["config", "check"]);
    let right = "is right: 1 registry, 1 project, 1 of them followed";
    assert!(run.stderr.contains(right), "{run:?}");
}

#[test]
fn secrets_and_programs_are_looked_at_by_the_check_the_agent_and_the_doctor() {
    let mut host = Host::new();
    let hash = host.release("acme/billing", "one\n");
    let file = |name: &str, content: &str, mode: u32| {
        let path = host.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let environment = file("billing.env", "A=1\n", 0o644);
    let script = file("reload", "#!/bin/sh\n", 0o777);
    let empty = file("token", "", 0o600);
    let rest = format!(
        "{BILLING}environment-file = \"{environment}\"\n\n[project.shop.hooks]\nactivate = \
         [\"{script}\"]\n\n[[registry]]\nurl = \"http://127.0.0.1:9\"\ntoken-file = \"{empty}\"\n"
    );
    host.write(&[&host.world.registry], &rest);
    let warned = format!(
        "line 10, column 20: every user of this machine can read what may be secret in `{environment}`"
    );
    let program =
        format!("line 13, column 13: the program `{script}` cannot be run: other users may write");
    let token = format!("line 17, column 14: expected a token in `{empty}`, found nothing");
    let said = host.fails(&["config", "check"], 2);
    for found in [&warned, &program, &token] {
        assert!(said.contains(found), "{found}: {said}");
    }
    assert!(!said.contains("\\u{a}"), "{said}");
    // It says so, and goes on with what does not need it.
    let run = host.done(&["agent", "--once"]);
    for found in [&warned, &program, &token] {
        assert!(run.stderr.contains(found), "{found}: {run:?}");
    }
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash.hex()));
    let found = host.run(&["doctor"]);
    assert!(
        found.stdout.contains("can read what may be secret"),
        "{found:?}"
    );
    for (path, mode) in [(&environment, 0o640), (&script, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(&empty, "bulla_abc\n").unwrap();
    let run = host.done(&["config", "check"]);
    assert!(!run.stderr.contains("warning"), "{run:?}");
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let host = Host::new();
    host.write(&[&host.world.registry], BILLING);
    for mode in [0o664, 0o646] {
        fs::set_permissions(host.file(), fs::Permissions::from_mode(mode)).unwrap();
        for arguments in [
            &["install"][..],
            &["config", "check"],
            &["unfollow", "acme/billing"],
        ] {
            let said = host.fails(arguments, 3);
            assert!(said.contains("other users may write into"), "{said}");
            assert!(said.contains("chmod go-w"), "{said}");
        }
    }
    if fs::metadata(host.file()).unwrap().uid() != 0 {
        eprintln!("skip: a file of another user, because only root gives one away");
        return;
    }
    fs::set_permissions(host.file(), fs::Permissions::from_mode(0o644)).unwrap();
    chown(host.file(), Some(12_345), None).unwrap();
    assert!(
        host.fails(&["install"], 3)
            .contains("belongs to user id 12345")
    );
}

#[test]
fn the_example_of_the_documentation_is_right() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.md");
    let docs = fs::read_to_string(docs).unwrap();
    let section = docs.split("## The host file").nth(1).unwrap();
    let example = section.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    fs::write(&path, example).unwrap();
    let config = bulla_installer::HostFile::named(path.clone())
        .read()
        .unwrap();
    assert_eq!(config.followed().count(), 2);
    let shown = Command::new(env!("CARGO_BIN_EXE_bulla-installer"))
        .args(["config", "show", "--json", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let billing = &shown["projects"][0];
    assert_eq!(billing["folder"], "/data/acme/billing");
    assert_eq!(billing["hooks"], "own");
    // Every key that a project can have stands in the example, with another value than the default.
    let keys: Vec<_> = billing.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "channel",
        "drift",
        "environmentFile",
        "folder",
        "hold",
        "hooks",
        "keep",
        "link",
        "loadBalancer",
        "ownHooks",
        "persistMode",
        "persistOwner",
        "project",
        "timeZone",
        "user",
        "wave",
        "windows",
    ];
    let mut keys = keys;
    keys.sort();
    assert_eq!(keys, expected);
}

#[test]
fn commands_that_change_the_file_at_once_lose_nothing() {
    let host = Host::new();
    host.write(&[], "");
    let names: Vec<String> = (0..6).map(|number| format!("acme/app{number}")).collect();
    let follow = |name: &String| {
        let mut command = host.command(&["follow", name, "--channel", "prod"]);
        command.spawn().unwrap()
    };
    let running: Vec<_> = names.iter().map(follow).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let shown = host.json(&["config", "show"]);
    let followed = shown["projects"].as_array().unwrap().iter();
    let followed: Vec<_> = followed
        .map(|project| project["project"].as_str().unwrap())
        .collect();
    assert_eq!(followed, names);
}

#[test]
fn a_file_behind_a_link_is_changed_where_it_lies() {
    let host = Host::new();
    let real = host.path("real.toml");
    fs::write(&real, "# Ours.\n").unwrap();
    symlink(&real, host.file()).unwrap();
    host.done(&["follow", "acme/shop", "--channel", "prod"]);
    assert!(host.file().is_symlink());
    let text = fs::read_to_string(&real).unwrap();
    assert!(text.contains("# Ours.") && text.contains(SHOP), "{text}");
}

#[test]
fn the_environment_names_the_file_and_the_command_line_wins() {
    let host = Host::new();
    host.write(&[], BILLING);
    let show = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-installer"));
        command.args(["config", "show", "--json"]).args(arguments);
        let output = command.env("BULLA_CONFIG", host.file()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let shown = show(&["--root", "/elsewhere"]);
    assert_eq!(shown["file"], host.file().to_str().unwrap());
    assert_eq!(shown["root"], "/elsewhere");
    assert_eq!(shown["state"], host.path("host-state").to_str().unwrap());
    assert_eq!(shown["projects"][0]["folder"], "/elsewhere/acme/billing");
    let other = host.path("other.toml");
    fs::write(&other, SHOP).unwrap();
    let shown = show(&["--config", other.to_str().unwrap()]);
    assert_eq!(shown["projects"][0]["project"], "acme/shop");
}

#[test]
fn an_image_is_set_up_as_its_own_host_file_says_and_not_as_this_machines() {
    let host = Host::new();
    let image = host.path("image");
    let drop_in = image.join("etc/systemd/system/bulla-agent.service.d/directories.conf");
    let setup = || {
        let destination = image.to_str().unwrap();
        host.world.run(&["setup", "--destdir", destination])
    };
    fs::create_dir_all(image.join("etc/bulla")).unwrap();
    let run = setup();
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(
        image
            .join("lib/systemd/system/bulla-agent.service")
            .exists()
    );
    assert!(!drop_in.exists());
    let text = "root = \"/data/apps\"\nmetrics = \"/data/metrics/bulla.prom\"\n";
    fs::write(image.join("etc/bulla/server.toml"), text).unwrap();
    let run = setup();
    assert_eq!(run.status, Some(0), "{run:?}");
    let written = fs::read_to_string(&drop_in).unwrap();
    for directory in ["/data/apps", "/data/metrics"] {
        assert!(
            written.contains(&format!("ReadWritePaths=\"-{directory}\"")),
            "{written}"
        );
    }
    assert!(
        !written.contains(host.world.folder.path().to_str().unwrap()),
        "{written}"
    );
}
