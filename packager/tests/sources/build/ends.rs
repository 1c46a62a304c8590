//! How a build ends: with a status, in time or not, and with nothing left of it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::Child;
use std::sync::{Arc, Mutex};

use bulla_packager::build::{BuildError, BuildOptions, Listener};
use rustix::process::{Pid, Signal};

use super::support::{Project, everywhere, has_ended, sandboxes};
use crate::checkout::skip;

/// A word that only the processes of one test have.
fn word(name: &str) -> String {
    format!("{}-{name}", std::process::id())
}

#[test]
fn a_failure_shows_command_status_last_lines_and_log() {
    let logs = tempfile::tempdir().unwrap();
    for options in sandboxes() {
        let options = BuildOptions {
            logs: logs.path().to_owned(),
            ..options
        };
        let project =
            Project::new("i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done; exit 3");
        let error = project.failure(&options);
        let BuildError::Exited {
            status, tail, log, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(status, "exit status: 3");
        assert!(
            tail.starts_with("line 31\n") && tail.ends_with("line 50"),
            "{tail}"
        );
        let kept = std::fs::read_to_string(log).unwrap();
        assert_eq!(kept.lines().count(), 50, "{kept}");
        let said = error.to_string();
        assert!(
            said.contains("`sh -ec") && said.contains(log.to_str().unwrap()),
            "{said}"
        );
    }
}

#[test]
fn a_signal_is_named_and_silence_too() {
    for options in everywhere() {
        let said = Project::new("kill -9 $$").failure(&options).to_string();
        let expected = "ended with exit status: 137 (signal 9, which the kernel sends when memory is short) and said nothing";
        assert!(said.ends_with(expected), "{said}");
        let said = Project::new("echo why; kill -6 $$")
            .failure(&options)
            .to_string();
        assert!(
            said.contains("exit status: 134 (signal 6); its last lines:\nwhy\n"),
            "{said}"
        );
    }
}

#[test]
fn what_a_build_says_is_heard_as_it_says_it() {
    for options in sandboxes() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&heard);
        let options = BuildOptions {
            listener: Listener::new(move |line| lines.lock().unwrap().push(line.to_owned())),
            ..options
        };
        Project::new("echo one; echo two >&2; mkdir out; touch out/x").outputs(&options);
        assert_eq!(*heard.lock().unwrap(), ["one", "two"]);
    }
}

#[test]
fn what_takes_too_long_is_ended_with_all_its_children() {
    for (number, options) in everywhere().into_iter().enumerate() {
        let word = word(&format!("late{number}"));
        let project = Project::new(&format!(
            "setsid sh -c 'sleep 600; echo {word}' & echo begun; sh -c 'sleep 600; echo {word}'"
        ))
        .with("timeout = \"5s\"");
        let error = project.failure(&options);
        assert!(
            matches!(&error, BuildError::TimedOut { timeout, .. } if timeout == "5s"),
            "{error}"
        );
        assert!(error.to_string().contains("begun"), "{error}");
        assert!(has_ended(&word), "{options:?}");
    }
}

#[test]
fn what_is_left_in_the_background_ends_with_the_build() {
    for (number, options) in everywhere().into_iter().enumerate() {
        let word = word(&format!("left{number}"));
        let project = Project::new(&format!(
            "setsid sh -c 'sleep 600; echo {word}' > /dev/null 2>&1 & \
             nohup sh -c 'sleep 600; echo {word}' & mkdir out; touch out/x"
        ));
        assert_eq!(project.outputs(&options).len(), 1);
        assert!(has_ended(&word), "{options:?}");
    }
}

#[test]
fn who_never_stops_talking_ends_in_time_too() {
    for options in everywhere() {
        let error = Project::new("yes")
            .with("timeout = \"1s\"")
            .failure(&options);
        assert!(matches!(&error, BuildError::TimedOut { .. }), "{error}");
    }
}

#[test]
fn hundreds_of_processes_end_as_one_does() {
    for (number, options) in everywhere().into_iter().enumerate() {
        let word = word(&format!("many{number}"));
        let error = Project::new(&format!(
            "i=0; while [ $i -lt 300 ]; do i=$((i+1)); \
             setsid sh -c 'trap \"\" TERM HUP INT; sleep 600; echo {word}' & done; wait"
        ))
        .with("timeout = \"4s\"")
        .failure(&options);
        assert!(matches!(&error, BuildError::TimedOut { .. }), "{error}");
        assert!(has_ended(&word), "{options:?}");
    }
}

#[test]
fn a_build_that_fills_the_disk_is_ended_before_it_has() {
    let memory = std::path::Path::new("/dev/shm");
    let Ok(spool) = tempfile::tempdir_in(memory) else {
        skip("a full disk, because there is no `/dev/shm`");
        return;
    };
    let found = rustix::fs::statvfs(memory).unwrap();
    let free = found.f_bavail * found.f_frsize;
    // A container may have no more than 64 MiB there.
    let size = (free / 2).min(256 << 20);
    for options in everywhere() {
        let options = BuildOptions {
            spool: spool.path().to_owned(),
            reserve: free - size / 4,
            ..options
        };
        let project = Project::new(&format!(
            "mkdir out; echo begun; head -c {size} /dev/zero > out/large; sleep 600"
        ));
        let error = project.failure(&options);
        assert!(matches!(error, BuildError::OutOfSpace { .. }), "{error:?}");
        assert!(error.to_string().contains("bytes free"), "{error}");
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
    }
}

/// Starts `bulla pack` with a build that does not end, and returns when that has begun.
fn begun(options: &BuildOptions, spool: &std::path::Path, word: &str) -> (Project, Child) {
    let project = Project::new(&format!(
        "mkdir -p out/locked; chmod 0 out/locked; setsid sh -c 'sleep 600; echo {word}' & \
         echo begun; sleep 600; echo {word}"
    ));
    project.commit();
    let mut child = project
        .pack_command(options)
        .env("TMPDIR", spool)
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "begun"));
    (project, child)
}

#[test]
fn whoever_is_interrupted_or_killed_leaves_nothing() {
    for (number, options) in everywhere().into_iter().enumerate() {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let spool = tempfile::tempdir().unwrap();
            let word = word(&format!("signal{number}-{signal:?}"));
            let (project, mut child) = begun(&options, spool.path(), &word);
            assert!(std::fs::read_dir(spool.path()).unwrap().count() > 0);
            let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
            // To all that a terminal's Ctrl-C would reach.
            rustix::process::kill_process_group(pid, signal).unwrap();
            child.wait().unwrap();
            assert!(has_ended(&word), "{signal:?} {options:?}");
            let is_swept = || std::fs::read_dir(spool.path()).unwrap().count() == 0;
            assert!(
                (0..200).any(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    is_swept()
                }),
                "{signal:?} {options:?}"
            );
            // What the build has said until then is kept.
            let logs = project.repository.home().join(".local/state/bulla/builds");
            assert_eq!(std::fs::read_dir(&logs).unwrap().count(), 1);
            let said = std::fs::read_to_string(logs.join("acme+calc.log")).unwrap();
            assert_eq!(said, "begun\n");
        }
    }
}

#[test]
fn nothing_is_left_on_the_disk() {
    for options in everywhere() {
        let spool = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            spool: spool.path().to_owned(),
            ..options
        };
        let script = "mkdir -p out/a; touch out/a/x ~/y $TMPDIR/z; chmod 0 out/a ~ $TMPDIR";
        drop(Project::new(script).build(&options).unwrap());
        let _ = Project::new("mkdir -p out; chmod 0 out; exit 1").failure(&options);
        assert_eq!(
            std::fs::read_dir(spool.path()).unwrap().count(),
            0,
            "{options:?}"
        );
    }
}

#[test]
fn a_build_has_no_input_and_no_terminal() {
    for options in sandboxes() {
        let said = super::support::report(
            &options,
            "readlink /proc/self/fd/0; if (: < /dev/tty) 2>/dev/null; then echo terminal; else echo none; fi",
        );
        assert_eq!(said, "/dev/null\nnone", "{options:?}");
    }
}
