//! How a build ends: with a status, in time or not, and with nothing left of it.

use bulla_packager::build::{BuildError, BuildOptions, Listener};
use std::sync::{Arc, Mutex};

use super::support::{Project, has_ended, sandboxes};

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
    for (number, options) in sandboxes().into_iter().enumerate() {
        let word = word(&format!("late{number}"));
        let project = Project::new(&format!(
            "setsid sh -c 'sleep 600; echo {word}' & echo begun; sh -c 'sleep 600; echo {word}'"
        ))
        .with("timeout = \"2s\"");
        let error = project.failure(&options);
        assert!(
            matches!(&error, BuildError::TimedOut { timeout, .. } if timeout == "2s"),
            "{error}"
        );
        assert!(error.to_string().contains("begun"), "{error}");
        assert!(has_ended(&word), "{options:?}");
    }
}

#[test]
fn what_is_left_in_the_background_ends_with_the_build() {
    for (number, options) in sandboxes().into_iter().enumerate() {
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
fn nothing_is_left_on_the_disk() {
    for options in sandboxes() {
        let spool = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            spool: spool.path().to_owned(),
            ..options
        };
        let script = "mkdir -p out/a; touch out/a/x ~/y /tmp/z; chmod 0 out/a ~ /tmp";
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
