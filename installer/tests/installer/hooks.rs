//! Commands around the switch, well-behaved and hostile.

mod hostile;
mod output;
mod reason;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use bulla_bundle::MemoryTree;
use bulla_installer::{
    ActivationAction, ActivationResult, HookError, HookPolicy, HookSettings, InstallError,
    InstallRequest, LiveError,
};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, hooks, request, small_tree};

/// A tree with a program of shell commands, which finds where it may write in `$OUT`.
fn tree_with(world: &World, version: &str, commands: &str) -> MemoryTree {
    let out = world.folder.path().join("out");
    fs::create_dir_all(&out).unwrap();
    let script = format!("#!/bin/sh\nOUT={}\n{commands}\n", out.display());
    let tree = MemoryTree::default().executable("bin/hook", script);
    tree.unwrap().file("version.txt", version).unwrap()
}

fn out(world: &World, name: &str) -> PathBuf {
    world.folder.path().join("out").join(name)
}

/// What the hooks wrote into `$OUT/log`.
fn log(world: &World) -> Vec<String> {
    let text = fs::read_to_string(out(world, "log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

const ALL: &str =
    r#"{"hooks":{"prepare":["bin/hook"],"activate":["bin/hook"],"deactivate":["bin/hook"]}}"#;
const PREPARE: &str = r#"{"hooks":{"prepare":["bin/hook","with","an argument"]}}"#;
const ACTIVATE: &str = r#"{"hooks":{"activate":["bin/hook"]}}"#;

const LOG: &str = r#"echo "$BULLA_HOOK $(cat version.txt) live=$(basename $(readlink ../../current))" >> $OUT/log"#;

fn hook_error(error: &InstallError) -> &HookError {
    match error {
        InstallError::Live(LiveError::Hook(error)) => error,
        error => panic!("{error}"),
    }
}

#[test]
fn hooks_run_from_the_release_that_becomes_live_and_the_one_that_is_left() {
    // R10: hooks of the wrong version, and none on rollback.
    let mut world = World::new();
    let first = world.release_with(&tree_with(&world, "one", LOG), ALL);
    world.install().unwrap();
    let second = world.release_with(&tree_with(&world, "two", LOG), ALL);
    world.install().unwrap();
    let (one, two) = (first.hex(), second.hex());
    let switched = [
        format!("prepare two live={one}"),
        format!("deactivate one live={one}"),
        format!("activate two live={two}"),
    ];
    assert_eq!(log(&world)[2..], switched);
    // The same way back.
    world.rollback(None).unwrap();
    let returned = [
        format!("prepare one live={two}"),
        format!("deactivate two live={two}"),
        format!("activate one live={one}"),
    ];
    assert_eq!(log(&world)[5..], returned);
    world.assert_intact();
}

#[test]
fn what_a_hook_finds_in_its_environment_is_what_is_documented() {
    let mut world = World::new();
    let first = world.release_with(&small_tree("one\n"), "{}");
    world.install().unwrap();
    let tree = tree_with(
        &world,
        "two",
        r#"env > $OUT/env; pwd > $OUT/pwd; printf '%s\n' "$@" > $OUT/arguments"#,
    );
    let second = world.release_with(&tree, PREPARE);
    world.install().unwrap();
    let found = fs::read_to_string(out(&world, "env")).unwrap();
    let tree = world.tree(&second);
    for expected in [
        "BULLA_PROJECT=acme/billing".to_owned(),
        format!("BULLA_HASH={second}"),
        format!("BULLA_PREVIOUS={first}"),
        "BULLA_CHANNEL=prod".to_owned(),
        format!("BULLA_REVISION={:040x}", 2),
        format!("BULLA_TREE={}", tree.display()),
        format!("BULLA_PERSIST={}", world.site().join("persist").display()),
        "BULLA_HOOK=prepare".to_owned(),
        "LANG=C.UTF-8".to_owned(),
    ] {
        assert!(
            found.lines().any(|line| line == expected),
            "{expected}: {found}"
        );
    }
    let mut names: Vec<&str> = found
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    // The shell's own.
    names.retain(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"));
    names.sort_unstable();
    let documented = [
        "BULLA_CHANNEL",
        "BULLA_HASH",
        "BULLA_HOOK",
        "BULLA_PERSIST",
        "BULLA_PREVIOUS",
        "BULLA_PROJECT",
        "BULLA_REASON",
        "BULLA_REVISION",
        "BULLA_TREE",
        "HOME",
        "LANG",
        "PATH",
        "USER",
    ];
    assert_eq!(names, documented);
    let pwd = fs::read_to_string(out(&world, "pwd")).unwrap();
    assert_eq!(Path::new(pwd.trim_end()), tree);
    let arguments = fs::read_to_string(out(&world, "arguments")).unwrap();
    assert_eq!(arguments, "with\nan argument\n");
}

#[test]
fn the_environment_file_is_given_to_hooks_and_its_values_are_written_nowhere() {
    let mut world = World::new();
    let file = world.folder.path().join("billing.env");
    fs::write(&file, "# for billing\nDATABASE_URL='postgres://secret'\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let wants = r#"{"environment":["DATABASE_URL","SENTRY_DSN","REDIS_URL"],"hooks":{"prepare":["bin/hook"]}}"#;
    let tree = tree_with(
        &world,
        "one",
        "test \"$DATABASE_URL\" = postgres://secret || exit 9",
    );
    world.release_with(&tree, wants);
    let settings = HookSettings {
        environment_file: Some(file.clone()),
        ..hooks()
    };
    let request = InstallRequest {
        hooks: settings,
        ..request()
    };
    let error = world.install_with(&request).0.unwrap_err();
    assert!(
        matches!(hook_error(&error), HookError::MissingEnvironment { names, .. } if names.len() == 2)
    );
    let text = format!("{error} {}", error.hint().unwrap());
    assert!(text.contains("`SENTRY_DSN`, `REDIS_URL`"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!((error.kind(), world.live()), (FailureKind::Refused, None));
    // It is known before anything large is fetched.
    assert_eq!(
        world.registry.requests("blobs").len(),
        3,
        "config, index and frame table"
    );

    fs::write(
        &file,
        "DATABASE_URL='postgres://secret'\nSENTRY_DSN=x\nREDIS_URL=y\n",
    )
    .unwrap();
    let (result, notes) = world.install_with(&request);
    result.unwrap();
    assert!(!notes.contains("secret"), "{notes}");
    let kept = bulla_installer::output(&world.server(), &world.project, None);
    assert!(!kept.unwrap().unwrap().1.contains("secret"));

    fs::write(&file, "DATABASE_URL='postgres://secret\n").unwrap();
    world.release_with(&tree_with(&world, "two", "true"), wants);
    let error = world.install_with(&request).0.unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let error = world.install_with(&request).0.unwrap_err();
    assert!(error.to_string().contains("billing.env"), "{error}");
}

#[test]
fn a_prepare_that_fails_changes_nothing_and_its_words_are_shown() {
    // R12: the reason is swallowed.
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let tree = tree_with(
        &world,
        "two",
        "echo migrating; echo 'no such table: a\u{1b}[2J' >&2; exit 3",
    );
    let second = world.release_with(&tree, PREPARE);
    let error = world.install().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("ended with status 3"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let output = error.output().unwrap();
    assert!(
        output.contains("out| migrating") && output.contains("err| no such table: a"),
        "{output}"
    );
    assert_eq!(error.kind(), FailureKind::Failed);
    assert_eq!(world.live(), Some(first));
    assert_eq!(world.history().len(), 1);
    // It is tried again: nothing says that the release is at fault.
    assert!(world.install().is_err());
    let run = world.run(&["history", "acme/billing", "--output"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(
        run.stdout.contains("err| no such table: a\\u{1b}[2J"),
        "{run:?}"
    );
    assert!(world.tree(&second).exists());
}

#[test]
fn an_activate_that_fails_is_switched_back_once_and_said() {
    // R3: status lies. Rolled back, but the exit status is 0 and the server says installed.
    let mut world = World::new();
    let first = world.release_with(&tree_with(&world, "one", LOG), ALL);
    world.install().unwrap();
    let tree = tree_with(
        &world,
        "two",
        &format!("{LOG}; test $BULLA_HOOK != activate || {{ echo broken >&2; exit 7; }}"),
    );
    let second = world.release_with(&tree, ALL);
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack);
    let text = error.to_string();
    assert!(
        text.contains("ended with status 7; ") && !text.contains("broken"),
        "{text}"
    );
    let output = error.output().unwrap();
    assert!(output.contains("err| broken"), "{output}");
    assert!(
        text.contains(&format!("{} is live again", first.short())),
        "{text}"
    );
    assert_eq!(world.live(), Some(first));
    let (one, two) = (first.hex(), second.hex());
    let expected = [
        format!("prepare two live={one}"),
        format!("deactivate one live={one}"),
        format!("activate two live={two}"),
        format!("prepare one live={two}"),
        format!("deactivate two live={two}"),
        format!("activate one live={one}"),
    ];
    assert_eq!(log(&world)[2..], expected);
    let history = world.history();
    let lines: Vec<_> = history
        .iter()
        .map(|line| (line.action, line.hash, line.result))
        .collect();
    assert_eq!(
        lines[1..],
        [
            (ActivationAction::Install, second, ActivationResult::Failed),
            (ActivationAction::Return, first, ActivationResult::Activated),
        ]
    );
    let failure = history[1].failure.as_ref().unwrap();
    assert!(failure.ends_with("ended with status 7"), "{failure}");
    assert!(history[1].output.as_ref().unwrap().contains("err| broken"));
    let found = &world.status(None)[0];
    assert_eq!(found.standing, bulla_installer::Standing::Failed);
    assert_eq!(found.quarantine[0].hash, second);
    assert_eq!(found.hold, None);
}

#[test]
fn a_broken_deactivate_of_the_old_release_never_blocks_the_new_one() {
    // R10: a broken stop script in the old revision blocks the fix.
    let mut world = World::new();
    world.release_with(
        &tree_with(&world, "one", "echo cannot stop; exit 1"),
        r#"{"hooks":{"deactivate":["bin/hook"]}}"#,
    );
    world.install().unwrap();
    let second = world.release(&small_tree("two\n"));
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert_eq!(world.live(), Some(second));
    assert!(
        notes.contains("`deactivate`") && notes.ends_with("ended with status 1"),
        "{notes}"
    );
    // Nor does one whose program is gone.
    world.rollback(None).unwrap();
    let tree = world.tree(&world.live().unwrap());
    let program = tree.join("bin/hook");
    fs::set_permissions(tree.join("bin"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(program).unwrap();
    let third = world.release(&small_tree("three\n"));
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert_eq!(world.live(), Some(third));
    assert!(notes.contains("nothing runs for"), "{notes}");
}

#[test]
fn hooks_run_as_the_user_with_that_users_groups_and_none_of_roots() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: hooks run as nobody else, because this is not root");
        return;
    }
    let mut world = World::new();
    let tree = tree_with(
        &world,
        "one",
        "id -u; id -g; id -G; echo $HOME $USER; grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status",
    );
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    world.release_with(&tree, PREPARE);
    let error = {
        let mut request = request();
        request.hooks.user = None;
        world.install_with(&request).0.unwrap_err()
    };
    assert!(matches!(hook_error(&error), HookError::NoUser), "{error}");
    assert_eq!(error.kind(), FailureKind::Refused);
    let mut request = request();
    request.hooks.user = Some("no-such-user".parse().unwrap());
    let error = world.install_with(&request).0.unwrap_err();
    assert!(error.to_string().contains("no-such-user"), "{error}");
    request.hooks.user = Some("daemon".parse().unwrap());
    world.install_with(&request).0.unwrap();
    let (_, text) = bulla_installer::output(&world.server(), &world.project, None)
        .unwrap()
        .unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("out| "))
        .collect();
    let id = |option: &str| {
        let output = std::process::Command::new("id")
            .args([option, "daemon"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(lines[..3], [id("-u"), id("-g"), id("-G")]);
    assert_eq!(lines[3], "/usr/sbin daemon");
    assert_eq!(lines[4..], ["NoNewPrivs:\t1", "CapEff:\t0000000000000000"]);
}

#[test]
fn the_host_file_may_forbid_hooks_or_bring_its_own() {
    let mut world = World::new();
    let hash = world.release_with(&tree_with(&world, "one", LOG), ALL);
    let with = |policy| InstallRequest {
        hooks: HookSettings { policy, ..hooks() },
        ..request()
    };
    let error = world.install_with(&with(HookPolicy::Forbid)).0.unwrap_err();
    assert!(
        matches!(hook_error(&error), HookError::Forbidden),
        "{error}"
    );
    assert_eq!((error.kind(), world.live()), (FailureKind::Refused, None));
    let own = world.folder.path().join("own");
    fs::write(
        &own,
        format!(
            "#!/bin/sh\necho own $BULLA_HOOK >> {}\n",
            out(&world, "log").display()
        ),
    )
    .unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let own = serde_json::json!({ "activate": [own] });
    let own = HookPolicy::Own(serde_json::from_value(own).unwrap());
    world.install_with(&with(own)).0.unwrap();
    assert_eq!(world.live(), Some(hash));
    assert_eq!(log(&world), ["own activate"]);
}

#[test]
fn a_program_that_others_could_change_is_not_run_and_nothing_is_changed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: programs of another user, because only root gives them away");
        return;
    }
    let mut world = World::new();
    let hash = world.release_with(&tree_with(&world, "one", LOG), ALL);
    let own = world.folder.path().join("own");
    fs::write(&own, "#!/bin/sh\n").unwrap();
    let commands = serde_json::json!({ "activate": [own] });
    let commands = HookPolicy::Own(serde_json::from_value(commands).unwrap());
    let as_user = |policy: &HookPolicy, user: &str| InstallRequest {
        hooks: HookSettings {
            policy: policy.clone(),
            user: Some(user.parse().unwrap()),
            ..hooks()
        },
        ..request()
    };
    let set = |owner: u32, mode: u32| {
        fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
        // The group of `daemon`, which root is not in.
        chown(&own, Some(owner), Some(1)).unwrap();
    };
    for (owner, mode, user, part) in [
        (0, 0o757, "root", "mode 0757"),
        (0, 0o775, "root", "mode 0775"),
        (65_534, 0o755, "root", "belongs to user id 65534"),
        (65_534, 0o755, "daemon", "belongs to user id 65534"),
    ] {
        set(owner, mode);
        let error = world.install_with(&as_user(&commands, user)).0.unwrap_err();
        assert!(
            matches!(hook_error(&error), HookError::Program { why, .. } if why.contains(part)),
            "{error}"
        );
        assert_eq!(world.live(), None);
    }
    // Nobody is in that group but the user whom it is run as.
    set(1, 0o775);
    world.install_with(&as_user(&commands, "daemon")).0.unwrap();
    assert_eq!(world.live(), Some(hash));
    // The same of a release: who could exchange its program would be root.
    let second = world.release_with(&tree_with(&world, "two", LOG), ALL);
    chown(world.site(), Some(65_534), None).unwrap();
    let allow = HookPolicy::Allow;
    let error = world.install_with(&as_user(&allow, "root")).0.unwrap_err();
    assert!(
        error.to_string().contains("belongs to user id 65534"),
        "{error}"
    );
    assert_eq!((world.live(), log(&world)), (Some(hash), Vec::new()));
    let folders = [
        world.folder.path().to_owned(),
        world.folder.path().join("out"),
    ];
    for folder in folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    world.install_with(&as_user(&allow, "daemon")).0.unwrap();
    assert_eq!(world.live(), Some(second));
}

#[test]
fn a_rollback_in_an_outage_needs_no_hooks() {
    let mut world = World::new();
    let first = world.release_with(&tree_with(&world, "one", "test ! -e $OUT/broken"), ALL);
    world.install().unwrap();
    world.release(&small_tree("two\n"));
    world.install().unwrap();
    fs::write(out(&world, "broken"), "").unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(error.hint().unwrap().contains("--no-hooks"), "{error}");
    let run = world.run(&["rollback", "acme/billing", "--no-hooks"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(world.live(), Some(first));
}
