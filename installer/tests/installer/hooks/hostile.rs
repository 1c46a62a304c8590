//! Hooks that hang, flood, fork, kill the installer or remove what they run from.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bulla_installer::HookError;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use serde_json::json;

use super::{ACTIVATE, LOG, PREPARE, hook_error, log, out, tree_with};
use crate::host::{BILLING, Host};
use crate::world::{World, small_tree};

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
    assert!(error.output().unwrap().contains("err| end"));
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
pub(super) fn end_what_works_in(world: &World) {
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
