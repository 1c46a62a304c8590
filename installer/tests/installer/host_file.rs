//! The host file: what this server is to do, written by people and by commands.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_schemas::Digest;
use bulla_schemas::install::Install;
use serde_json::Value;

use crate::registry::Registry;
use crate::world::{Run, World, small_tree};

/// A server that nothing but its host file describes.
struct Host {
    world: World,
}

impl Host {
    fn new() -> Self {
        Self {
            world: World::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.folder.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("server.toml")
    }

    /// Writes the file: directories, anchor and registries first.
    fn write(&self, registries: &[&Registry], rest: &str) {
        let folder = self.world.folder.path().display();
        let anchor = self.world.organisation.anchor();
        let mut text = format!(
            "root = \"{folder}/hosted\"\nstate = \"{folder}/host-state\"\nanchor = \"{anchor}\"\n"
        );
        for registry in registries {
            text.extend(["\n[[registry]]\nurl = \"", &registry.url(), "\"\n"]);
        }
        fs::write(self.file(), format!("{text}\n{rest}")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-installer"));
        command.args(arguments).arg("--config").arg(self.file());
        command.env_remove("BULLA_TOKEN").env_remove("BULLA_CONFIG");
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.status, Some(0), "{arguments:?}: {run:?}");
        run
    }

    /// Runs a command that fails, and returns what it said.
    #[track_caller]
    fn fails(&self, arguments: &[&str], status: i32) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, Some(status), "{arguments:?}: {run:?}");
        run.stderr
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Releases a version of a project and promotes it to `prod`.
    fn release(&mut self, project: &str, version: &str) -> Digest {
        self.world.project = project.parse().unwrap();
        let hash = self.world.release(&small_tree(version));
        self.world.project = "acme/billing".parse().unwrap();
        hash
    }

    /// Which release of a project is live below a directory.
    fn live(&self, root: &str, project: &str) -> Option<String> {
        let current = self.path(root).join(project).join("current");
        let target = fs::read_link(current).ok()?;
        Some(target.strip_prefix("releases").ok()?.display().to_string())
    }

    /// Serves at another address what the first registry serves.
    fn mirror(&self) -> Registry {
        let mirror = Registry::start();
        let files = self.world.registry.change(|served| served.files.clone());
        mirror.change(|served| served.files = files);
        mirror
    }
}

const BILLING: &str = "[project.\"acme/billing\"]\nchannel = \"prod\"\n";
const SHOP: &str = "[project.\"acme/shop\"]\nchannel = \"prod\"\n";

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
        said.contains("line 11, column 1: expected a user or group of this server"),
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
    assert!(
        run.stderr.contains("is right: 1 registries")
            || run.stderr.contains("is right: 1 registry"),
        "{run:?}"
    );
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
fn the_channel_of_the_file_counts() {
    let mut host = Host::new();
    let old = host.release("acme/billing", "old\n");
    host.write(&[&host.world.registry], "");
    host.done(&["install", "acme/billing", "--channel", "prod"]);
    let follow = ["follow", "acme/billing", "--channel", "staging"];
    host.done(&follow);
    let status = host.json(&["status"]);
    assert_eq!(
        (&status[0]["channel"], &status[0]["live"]),
        (&"staging".into(), &old.to_string().into())
    );
    let said = host.fails(
        &[
            "install",
            "acme/billing",
            "--channel",
            "prod",
            "--switch-channel",
        ],
        2,
    );
    assert!(
        said.contains("follows the channel `staging` of `acme/billing`, not `prod`"),
        "{said}"
    );
    assert!(
        said.contains("follow acme/billing --channel prod` changes the host file"),
        "{said}"
    );
    // The new channel needs no second word.
    let said = host.fails(&["install"], 1);
    assert!(
        said.contains("`staging` of `acme/billing` points to no release"),
        "{said}"
    );
    let staged = host
        .world
        .publish(&small_tree("staged\n"), Install::default());
    let verdict = host
        .world
        .organisation
        .promote("staging", staged, &["alice"]);
    assert_eq!(verdict, bulla_trust::Verdict::Effective);
    host.world.serve_log();
    host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(staged.hex()));
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
    assert_eq!(mirror.requests(""), [""; 0]);

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
fn every_command_finds_a_project_that_lies_elsewhere() {
    let mut host = Host::new();
    let own = host.path("own");
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}root = \"{}\"\n", own.display()),
    );
    let one = host.release("acme/billing", "one\n");
    host.done(&["install"]);
    let two = host.release("acme/billing", "two\n");
    host.done(&["install"]);
    assert_eq!(host.live("own", "acme/billing"), Some(two.hex()));
    host.done(&["verify", "acme/billing"]);
    assert_eq!(
        host.json(&["history", "acme/billing"])[1]["hash"],
        two.to_string()
    );
    fs::write(own.join("acme/billing/current/version.txt"), "edited").unwrap();
    assert_eq!(host.run(&["verify", "acme/billing"]).status, Some(1));
    host.done(&["rollback", "acme/billing", "-m", "slow"]);
    assert_eq!(host.live("own", "acme/billing"), Some(one.hex()));
    // The edited tree is made again, and what was edited is set aside there.
    host.done(&["install"]);
    let aside = host.json(&["set-aside", "list"]);
    let path = Path::new(aside[0]["path"].as_str().unwrap());
    assert!(
        path.starts_with(own.join("acme/billing/set-aside")),
        "{aside}"
    );
    assert!(!host.path("hosted").exists());
    // Also where the state is lost.
    fs::remove_dir_all(host.path("host-state")).unwrap();
    assert_eq!(host.json(&["status"])[0]["live"], two.to_string());
}

#[test]
fn an_edited_live_tree_is_left_only_when_the_file_or_a_person_allows_it() {
    let mut host = Host::new();
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}drift = \"block\"\n"),
    );
    let one = host.release("acme/billing", "one\n");
    host.done(&["install"]);
    // A tree that was not edited stops nothing.
    let two = host.release("acme/billing", "two\n");
    host.done(&["install"]);
    fs::write(host.path("hosted/acme/billing/current/by-hand"), "").unwrap();
    let three = host.release("acme/billing", "three\n");
    for install in [&["install"][..], &["install", "acme/billing", "--dry-run"]] {
        let said = host.fails(install, 3);
        assert!(
            said.contains("by-hand") && said.contains("--over-edits"),
            "{said}"
        );
    }
    assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));
    host.done(&["install", "--over-edits"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(three.hex()));
    let left = host.path("hosted/acme/billing/releases").join(two.hex());
    assert!(left.join("by-hand").exists());
    assert_ne!(one, two);
}

#[test]
fn retention_goes_by_the_file_and_the_command_line_wins() {
    let mut host = Host::new();
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}keep = {{ count = 3 }}\n"),
    );
    let trees = |host: &Host| {
        let releases = fs::read_dir(host.path("hosted/acme/billing/releases")).unwrap();
        releases
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    };
    for version in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
        host.release("acme/billing", version);
        host.done(&["install"]);
    }
    assert_eq!(trees(&host), 3);
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}keep = {{ quota = \"1MB\" }}\n"),
    );
    host.done(&["install"]);
    assert_eq!(trees(&host), 3);
    host.done(&["install", "acme/billing", "--keep", "2"]);
    assert_eq!(trees(&host), 2);
}

#[test]
fn persistent_directories_get_the_owner_and_mode_of_the_file() {
    let mut host = Host::new();
    let is_root = fs::metadata(host.world.folder.path()).unwrap().uid() == 0;
    let owner = if is_root {
        "owner = \"12345:54321\", "
    } else {
        ""
    };
    let rest = format!("{BILLING}persist = {{ {owner}mode = \"2770\" }}\n");
    host.write(&[&host.world.registry], &rest);
    let install: Install = serde_json::from_str(r#"{"persist":["var/uploads/"]}"#).unwrap();
    let hash = host.world.publish(&small_tree("one\n"), install);
    host.world.promote(hash);
    host.done(&["install"]);
    for path in ["var", "var/uploads"] {
        let found = fs::metadata(host.path("hosted/acme/billing/persist").join(path)).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o2770, "{path}");
        if is_root {
            assert_eq!((found.uid(), found.gid()), (12_345, 54_321), "{path}");
        }
    }
    if !is_root {
        eprintln!("skip: the owner, because only root gives directories away");
    }
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
        "ownHooks",
        "persistMode",
        "persistOwner",
        "project",
        "user",
    ];
    let mut keys = keys;
    keys.sort();
    assert_eq!(keys, expected);
}
