//! What a build may try: each attempt would work in a sandbox that is only a little less closed.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use super::support::{Project, everywhere, find, report, sandboxes};
use crate::checkout::skip;

#[test]
fn the_settings_of_the_kernel_cannot_be_written_even_by_root() {
    // Opened only: whoever can open `core_pattern` has a program that runs outside.
    let script = "for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname \
         /proc/sys/vm/swappiness /proc/sys/user/max_user_namespaces /proc/sysrq-trigger \
         /proc/mtrr /proc/irq/default_smp_affinity; do \
         test -e $file && (: >> $file) 2> /dev/null && echo opened $file; done; \
         test -r /proc/sys/kernel/ostype && echo readable";
    for options in sandboxes() {
        assert_eq!(report(&options, script), "readable", "{options:?}");
    }
}

#[test]
fn there_is_no_second_sandbox_with_privileges_in_the_first() {
    for options in sandboxes() {
        let said = report(
            &options,
            "unshare --user --map-root-user echo root 2> /dev/null || echo refused",
        );
        assert_eq!(said, "refused", "{options:?}");
    }
}

#[test]
fn what_the_caller_had_open_is_not_open_in_the_build() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    for options in everywhere() {
        let project = Project::new("mkdir out; touch out/x; ls /proc/self/fd | xargs");
        project.commit();
        let pack = project.pack_command(&options);
        // As `bulla pack 9< secret` does.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec 9< \"$0\"; exec \"$@\""])
            .arg(&secret)
            .arg(pack.get_program())
            .args(pack.get_args())
            .envs(
                pack.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        let said = command.output().unwrap().stderr;
        let said = String::from_utf8_lossy(&said);
        // The fourth is the listing's own.
        assert!(said.contains("0 1 2 3\n"), "{said} {options:?}");
    }
}

#[test]
fn there_is_no_way_to_the_terminal_of_the_caller() {
    let Some(script) = find("script") else {
        skip("a terminal, because `script` is not installed");
        return;
    };
    for options in everywhere() {
        // The number of the terminal is the fifth field behind the name in /proc/self/stat.
        let project = Project::new(
            "mkdir out; touch out/x; echo \"terminal $(cut -d' ' -f7 /proc/self/stat)\"; \
             (: < /dev/tty) 2> /dev/null && echo reached; test -t 2 && echo shown; echo end",
        );
        project.commit();
        let pack = project.pack_command(&options);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
        let words = std::iter::once(pack.get_program()).chain(pack.get_args());
        let line: Vec<_> = words.map(quoted).collect();
        let mut command = Command::new(&script);
        command
            .args(["-qec", &line.join(" "), "/dev/null"])
            .env("SHELL", "/bin/sh")
            .envs(
                pack.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(std::process::Stdio::null());
        let said = command.output().unwrap().stdout;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("terminal 0"), "{said} {options:?}");
        assert!(said.contains("end"), "{said}");
        assert!(
            !said.contains("reached") && !said.contains("shown"),
            "{said}"
        );
    }
}

#[test]
fn the_keyrings_of_the_caller_are_not_there() {
    if find("keyctl").is_none() {
        skip("keyrings in a sandbox, because `keyctl` is not installed");
        return;
    }
    let add = Command::new("keyctl")
        .args(["add", "user", "bulla-test", "secret", "@s"])
        .output()
        .unwrap();
    if !add.status.success() {
        skip("keyrings in a sandbox, because this kernel or container has none");
        return;
    }
    let key = String::from_utf8(add.stdout).unwrap().trim().to_owned();
    for options in sandboxes() {
        let said = report(
            &options,
            &format!("keyctl print {key} || keyctl add user x y @s || echo end"),
        );
        assert!(
            said.contains("Function not implemented") && !said.contains("secret"),
            "{said} {options:?}"
        );
        assert!(said.ends_with("end"), "{said}");
    }
    let _ = Command::new("keyctl").args(["unlink", &key, "@s"]).output();
}

/// Connects to the abstract Unix socket of that name, which is no file and needs no permission.
fn connect(name: &str) -> String {
    format!(
        "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); \
         print connect(S, sockaddr_un(\"\\0{name}\")) ? \"connected\" : \"$!\"'"
    )
}

#[test]
fn abstract_sockets_belong_to_the_network() {
    if find("perl").is_none() {
        skip("abstract sockets, because `perl` is not installed");
        return;
    }
    let name = format!("bulla-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    for options in sandboxes() {
        let script = connect(&name);
        assert_eq!(report_of(&options, &script, ""), "Connection refused");
        assert_eq!(
            report_of(&options, &script, "network = true"),
            "connected",
            "the test cannot fail otherwise"
        );
    }
}

/// What a file of the revision says when `perl` or `sh` runs it: quotes need no care there.
fn report_of(options: &bulla_packager::build::BuildOptions, script: &str, more: &str) -> String {
    let project = Project::new("mkdir out; sh ./script > out/report 2>&1").with(more);
    project.repository.write("script", script);
    project.outputs(options)["out/report"].trim_end().to_owned()
}

#[test]
fn without_memory_a_build_ends_before_anything_else() {
    for options in everywhere() {
        let said = report(&options, "cat /proc/self/oom_score_adj");
        assert_eq!(said, "1000", "{options:?}");
    }
}

#[test]
fn a_terminal_of_its_own_can_be_made_in_each_kind_of_sandbox() {
    for options in sandboxes() {
        let said = report(&options, "ls /dev | xargs; ls /dev/pts; ls -A /dev/shm");
        assert_eq!(
            said.replace("core ", "").replace("console ", ""),
            "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\nptmx",
            "{options:?}"
        );
        if find("script").is_some() {
            let said = report(
                &options,
                "script -qec tty /dev/null < /dev/null | tr -d '\\r'",
            );
            assert_eq!(said.trim_end(), "/dev/pts/0", "{options:?}");
        }
    }
}
