//! Commands around the switch, well-behaved and hostile.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulla_bundle::MemoryTree;
use bulla_installer::{
    ActivationAction, ActivationResult, HookError, HookPolicy, HookSettings, InstallError,
    InstallRequest, LiveError,
};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use serde_json::json;

use crate::host::{BILLING, Host};
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
fn a_hook_that_hangs_is_ended_with_all_that_it_started() {
    let mut world = World::new();
    let tree = tree_with(
        &world,
        "one",
        "echo begun; sleep 600 & echo $! > $OUT/pid; trap '' HUP; wait",
    );
    world.release_with(
        &tree,
        r#"{"hooks":{"prepare":["bin/hook"],"timeout":"300ms"}}"#,
    );
    let error = world.install().unwrap_err();
    assert!(
        error.to_string().contains("did not end within 0.3 s"),
        "{error}"
    );
    assert_eq!(error.output(), Some("out| begun"));
    let pid = fs::read_to_string(out(&world, "pid")).unwrap();
    let alive = Path::new("/proc").join(pid.trim()).join("cwd");
    // It is a child of another process now, and may be a zombie for a moment.
    assert!(fs::read_link(alive).is_err(), "{pid}");
}

#[test]
fn a_daemon_that_keeps_the_pipe_open_is_not_waited_for() {
    let mut world = World::new();
    let tree = tree_with(
        &world,
        "one",
        "echo begun; (trap '' TERM HUP; sleep 600) & echo $! > $OUT/pid",
    );
    let hash = world.release_with(&tree, ACTIVATE);
    world.install().unwrap();
    assert_eq!(world.live(), Some(hash));
    let pid: i32 = fs::read_to_string(out(&world, "pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // It goes on: it may be the service itself.
    rustix::process::test_kill_process(pid).unwrap();
    rustix::process::kill_process_group(
        rustix::process::getpgid(Some(pid)).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[test]
fn a_flood_is_read_and_its_beginning_and_end_are_kept() {
    let mut world = World::new();
    let tree = tree_with(
        &world,
        "one",
        "echo begin; head -c 1073741824 /dev/zero; echo; echo end >&2; exit 1",
    );
    world.release_with(&tree, PREPARE);
    let error = world.install().unwrap_err();
    assert!(error.output().unwrap().ends_with("err| end"));
    let (_, kept) = bulla_installer::output(&world.server(), &world.project, None)
        .unwrap()
        .unwrap();
    assert!(kept.contains("out| begin\n") && kept.contains("bytes are not kept"));
    assert!(kept.len() < 80 * 1024, "{}", kept.len());
}

#[test]
fn hooks_that_misbehave_are_told_from_those_that_do_not() {
    for (commands, says) in [
        ("exec >&- 2>&-; exit 0", None),
        ("exec >&- 2>&-; exit 4", Some("ended with status 4")),
        ("kill -SEGV $$", Some("was ended by signal 11")),
        (
            "for i in 1 2 3 4 5 6 7 8; do sleep 600 & done; exit 0",
            None,
        ),
        ("setsid sleep 600 > /dev/null 2>&1 & exit 0", None),
        ("read line; test -z \"$line\"", None),
        ("test ! -t 0 && ! (true < /dev/tty)", None),
        (
            "chmod -R u+w . && rm -rf ./* \"$BULLA_TREE\"",
            Some("removed the release's tree"),
        ),
    ] {
        let mut world = World::new();
        let tree = tree_with(&world, "one", commands);
        let hash = world.release_with(&tree, PREPARE);
        let began = Instant::now();
        match (world.install(), says) {
            (Ok(_), None) => assert_eq!(world.live(), Some(hash), "{commands}"),
            (Err(error), Some(says)) => {
                assert!(error.to_string().contains(says), "{commands}: {error}");
                assert_eq!(world.live(), None, "{commands}");
            }
            (result, _) => panic!("{commands}: {result:?}"),
        }
        // Not a measure: what the hook left behind sleeps for ten minutes.
        assert!(began.elapsed() < Duration::from_mins(5), "{commands}");
        end_what_works_in(&world);
    }
}

/// Ends what hostile hooks left running, which works in the world's folder.
fn end_what_works_in(world: &World) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let works_in = fs::read_link(entry.path().join("cwd"));
        if works_in.is_ok_and(|path| path.starts_with(world.folder.path()))
            && let Some(pid) = pid.and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// A server whose host file lets the hooks of its only project run.
fn host_with_hooks() -> Host {
    let host = Host::new();
    // Nobody else may say as whom.
    let user = if rustix::process::geteuid().is_root() {
        "user = \"root\"\n"
    } else {
        ""
    };
    host.write(&[&host.world.registry], &format!("{BILLING}{user}"));
    host
}

#[test]
fn an_activate_that_kills_the_installer_is_tried_once_more_and_never_blocks_the_next_release() {
    let mut host = host_with_hooks();
    let live = |host: &Host| host.live("hosted", "acme/billing");
    let first = host.release("acme/billing", "one\n");
    host.done(&["install"]);
    let deadly = tree_with(
        &host.world,
        "two",
        r#"echo "$BULLA_HOOK" >> $OUT/log; kill -9 $PPID"#,
    );
    let second = host.world.release_with(&deadly, ACTIVATE);
    for attempt in 1..=2 {
        let killed = host.run(&["install"]);
        assert_eq!(killed.status, None, "{killed:?}");
        assert_eq!(live(&host), Some(second.hex()));
        assert_eq!(log(&host.world).len(), attempt);
    }
    let said = host.fails(&["install"], 5);
    let why = "the installer was ended twice while its hook `activate` ran";
    assert!(said.contains(why), "{said}");
    assert_eq!(live(&host), Some(first.hex()));
    host.fails(&["install"], 3);
    assert_eq!(log(&host.world).len(), 2, "it is not tried again");
    let history = host.json(&["history", "acme/billing"]);
    let [.., failed, back] = history.as_array().unwrap().as_slice() else {
        panic!("{history}");
    };
    assert_eq!(
        (&failed["hash"], &failed["result"]),
        (&json!(second), &json!("failed"))
    );
    assert_eq!(
        (&back["hash"], &back["action"]),
        (&json!(first), &json!("return"))
    );

    let third = host.release("acme/billing", "three\n");
    host.done(&["install"]);
    assert_eq!(live(&host), Some(third.hex()));
}

#[test]
fn a_release_before_whose_hooks_kill_the_installer_is_returned_to_without_them() {
    let mut host = host_with_hooks();
    let commands =
        r#"echo "$(cat version.txt)" >> $OUT/log; [ ! -e $OUT/deadly ] || kill -9 $PPID"#;
    let tree = tree_with(&host.world, "one", commands);
    let first = host.world.release_with(&tree, ACTIVATE);
    host.done(&["install"]);
    fs::write(out(&host.world, "deadly"), "").unwrap();
    let broken = tree_with(&host.world, "two", "exit 1");
    host.world.release_with(&broken, ACTIVATE);
    for _ in 0..2 {
        assert_eq!(host.run(&["install"]).status, None);
    }
    host.fails(&["install"], 5);
    assert_eq!(host.live("hosted", "acme/billing"), Some(first.hex()));
    assert_eq!(log(&host.world).len(), 3);
    let history = host.json(&["history", "acme/billing"]);
    let last = history.as_array().unwrap().last().unwrap();
    assert_eq!(last["result"], "failed", "{history}");
    let third = host.release("acme/billing", "three\n");
    host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(third.hex()));
}

#[test]
fn an_activate_that_removes_its_tree_is_left_again() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let tree = tree_with(
        &world,
        "two",
        "chmod -R u+w . && rm -rf ./* \"$BULLA_TREE\"",
    );
    world.release_with(&tree, ACTIVATE);
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::RolledBack, "{error}");
    assert_eq!(world.live(), Some(first));
    world.assert_intact();
}

#[test]
fn a_program_that_leads_out_of_the_tree_is_refused_before_anything_runs() {
    for program in [
        "data/run",
        "/bin/true",
        "../../../bin/true",
        "bin/none",
        "no-such-program",
    ] {
        let mut world = World::new();
        let tree = tree_with(&world, "one", LOG);
        let outside = world.site().join("persist/data/run");
        fs::create_dir_all(outside.parent().unwrap()).unwrap();
        fs::copy("/bin/true", &outside).unwrap();
        let wants = format!(
            r#"{{"persist":["data/"],"hooks":{{"prepare":["bin/hook"],"activate":["{program}"]}}}}"#
        );
        world.release_with(&tree, &wants);
        let error = world.install().unwrap_err();
        assert!(
            matches!(
                hook_error(&error),
                HookError::Program {
                    hook: "activate",
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!((world.live(), log(&world).len()), (None, 0), "{program}");
    }
}

#[test]
fn a_hook_that_installs_its_own_project_is_told_who_holds_the_lock() {
    let mut world = World::new();
    let command = format!(
        "exec {} rollback acme/billing --root {} --state {}",
        env!("CARGO_BIN_EXE_bulla-installer"),
        world.root().display(),
        world.state().display()
    );
    let tree = tree_with(&world, "one", &command);
    world.release_with(&tree, PREPARE);
    let error = world.install().unwrap_err();
    let text = error.output().unwrap();
    assert!(text.contains("`install`, process"), "{text}");
    assert_eq!(world.live(), None);
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

#[test]
fn output_is_kept_for_twenty_activations() {
    let mut world = World::new();
    for number in 1..=23 {
        world.release_with(
            &tree_with(&world, &number.to_string(), "echo activated"),
            ACTIVATE,
        );
        world.install().unwrap();
    }
    let kept =
        |number| bulla_installer::output(&world.server(), &world.project, Some(number)).unwrap();
    assert!(kept(23).unwrap().1.contains("out| activated"));
    assert!(kept(4).is_some() && kept(3).is_none());
}
