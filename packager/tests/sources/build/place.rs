//! What a build sees of the machine, of whoever started it, and of the network.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use super::support::{Project, report, sandboxes};

#[test]
fn the_environment_is_fixed_but_for_the_recipes() {
    for options in sandboxes() {
        let project = Project::new("mkdir out; env | sort > out/environment")
            .with("environment = { NODE_ENV = \"production\", TZ = \"Europe/Vienna\" }");
        let environment = &project.outputs(&options)["out/environment"];
        assert_eq!(
            environment.trim_end().lines().collect::<Vec<_>>(),
            [
                "HOME=/home/build",
                "HOSTNAME=bulla",
                "LANG=C.UTF-8",
                "LC_ALL=C.UTF-8",
                "LOGNAME=build",
                "NODE_ENV=production",
                "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
                "PWD=/build",
                "SHELL=/bin/sh",
                // 2026-11-20T10:00:00+0100, when the commit was made.
                "SOURCE_DATE_EPOCH=1795165200",
                "TMPDIR=/tmp",
                "TZ=Europe/Vienna",
                "USER=build",
            ]
        );
    }
}

#[test]
fn place_user_machine_and_umask_are_fixed() {
    for options in sandboxes() {
        let said = report(
            &options,
            "pwd; id -u; id -g; id -un; hostname; umask; date +%Z; \
             ls -A ~ | wc -l; ls -A /tmp | wc -l; touch ~/x /tmp/x && echo writable",
        );
        let expected = "/build 1000 1000 build bulla 0022 UTC 0 0 writable";
        assert_eq!(said.replace('\n', " "), expected, "{options:?}");
    }
}

#[test]
fn the_system_is_there_and_cannot_be_written() {
    for options in sandboxes() {
        let said = report(
            &options,
            "test -x /usr/bin/env && echo system; \
             for path in /x /usr/x /etc/x /bin/x; do touch $path 2>/dev/null && echo wrote $path; done; \
             echo end",
        );
        assert_eq!(said, "system\nend", "{options:?}");
    }
}

#[test]
fn nobody_gains_a_privilege() {
    for options in sandboxes() {
        let said = report(
            &options,
            "grep -E '^(CapEff|CapPrm|CapAmb|NoNewPrivs):' /proc/self/status | tr -s '\\t\\n' '  '",
        );
        let none = "0000000000000000";
        assert_eq!(
            said.trim(),
            format!("CapPrm: {none} CapEff: {none} CapAmb: {none} NoNewPrivs: 1"),
            "{options:?}"
        );
    }
}

#[test]
fn nothing_else_of_the_machine_is_there() {
    let secrets = tempfile::tempdir().unwrap();
    let key = secrets.path().join("key.pem");
    std::fs::write(&key, "secret").unwrap();
    let agent = secrets.path().join("agent");
    let _listener = UnixListener::bind(&agent).unwrap();
    for options in sandboxes() {
        let said = report(
            &options,
            &format!(
                "for path in '{}' '{}' /home/[!b]* /root /run /var /srv /mnt /sys /etc/shadow \
                 /etc/ssl/private; do test -e \"$path\" && echo \"there is $path\"; done; \
                 ls /home; cut -d: -f1 /etc/passwd; ls -d /proc/[0-9]* | wc -l",
                key.display(),
                agent.display()
            ),
        );
        let mut lines: Vec<_> = said.lines().collect();
        // Itself, what leads to it, and nobody of this machine.
        let processes: u32 = lines.pop().unwrap().parse().unwrap();
        assert!(processes < 8, "{processes} processes in {options:?}");
        assert_eq!(lines, ["build", "root", "build"], "{options:?}");
    }
}

/// Tries to connect to a port of 127.0.0.1 and says how that went.
fn connect(port: u16) -> String {
    format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected' 2>&1 | tail -n 1")
}

#[test]
fn there_is_no_network_but_the_builds_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for options in sandboxes() {
        let said = report(&options, &connect(port));
        // Refused by a loopback that works; without one it would be unreachable.
        assert!(said.ends_with("Connection refused"), "{said} {options:?}");
        let devices = report(&options, "tail -n +3 /proc/net/dev | cut -d: -f1");
        assert_eq!(devices.trim(), "lo", "{options:?}");
    }
}

#[test]
fn a_recipe_may_ask_for_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for options in sandboxes() {
        let project = Project::new(&format!("mkdir out; {} > out/said", connect(port)))
            .with("network = true");
        assert_eq!(project.outputs(&options)["out/said"], "connected\n");
    }
}
