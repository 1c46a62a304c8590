//! What is drawn on a terminal: progress in bytes and rate, there and nowhere else, and tables.

use std::process::Command;

use bulla_tests::programs::is_installed;
use bulla_tests::{Program, World, on_terminal, skip};

const PROJECT: &str = "acme/billing";

#[test]
fn long_steps_show_bytes_and_rate_on_a_terminal_and_nothing_elsewhere() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: progress on a terminal");
    }
    let world = World::new();
    let checkout = world.git(PROJECT);
    // Large enough that a step takes more than one redraw.
    let noise: Vec<u8> = (0..12_000_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3] ^ n.to_le_bytes()[1])
        .collect();
    let mut checkout = checkout;
    let path = checkout.path.to_str().unwrap().to_owned();
    let path = path.as_str();
    let key = world.builder_key();
    let key = key.to_str().unwrap();
    let folder = world.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let mut hash = String::new();
    for columns in [100_u8, 40] {
        // Another file each time, so that there is something to pack and to push.
        let noise: Vec<u8> = noise.iter().map(|byte| byte ^ columns).collect();
        std::fs::write(format!("{folder}/noise.bin"), &noise).unwrap();
        checkout.write("noise.bin", noise);
        checkout.commit("noise");
        let steps: [(&[&str], &[&str]); 5] = [
            (&["publish", path, "--key", key], &["pack", "push"]),
            (&["pack", path, "-o", "one.bulla"], &["pack"]),
            (
                &["export", "HASH", "-o", "two.bulla"],
                &["export", "verify"],
            ),
            (&["import", "two.bulla"], &["verify"]),
            (&["identify", folder, "--project", PROJECT], &["hash"]),
        ];
        for (arguments, bars) in steps {
            let arguments = arguments.iter().map(|argument| match *argument {
                "HASH" => hash.clone(),
                argument => argument.to_owned(),
            });
            let arguments: Vec<String> = arguments.collect();
            let mut bulla = world.bulla_command();
            let shown = on_terminal(bulla.args(&arguments), columns.into(), "").stdout;
            for bar in bars {
                let drawn = drawings(&shown, bar);
                assert!(
                    !drawn.is_empty(),
                    "no bar `{bar}` of {arguments:?}:\n{shown}"
                );
                let widest = drawn.iter().map(|line| line.chars().count()).max();
                assert!(widest <= Some(usize::from(columns)), "{drawn:#?}");
            }
            let piped = world.bulla(&arguments);
            // The folder is a part of the release, and that is a difference.
            let expected = i32::from(arguments[0] == "identify");
            assert_eq!(piped.status, Some(expected), "{piped}");
            assert!(!piped.stderr.contains('\u{1b}'), "{piped}");
            assert!(!piped.stderr.contains("/s"), "{piped}");
            piped.last_line().clone_into(&mut hash);
        }
    }
}

#[test]
fn a_step_that_has_nothing_to_tell_draws_nothing() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: progress on a terminal");
    }
    let world = World::new();
    let checkout = world.git(PROJECT);
    let mut doctor = world.bulla_command();
    doctor.arg("doctor").arg(&checkout.path);
    let shown = on_terminal(&doctor, 100, "").stdout;
    assert!(shown.contains("acme/billing: valid"), "{shown}");
    assert!(!shown.contains("B/s"), "{shown}");
}

#[test]
fn tables_fit_a_terminal_of_80_columns_and_keep_hashes_whole() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: tables on a terminal");
    }
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let long = "a/folder/whose/name/is/long/as/those/of/some/languages/are/Factory.java";
    checkout.write(long, "x");
    checkout.commit("long");
    let second = world.publish(&checkout.path);
    let reason = "a reason of many words, because that is how people write when they are asked why";
    let checkout = checkout.path.to_str().unwrap();
    let key = world.alice.public_key.to_str().unwrap();
    let promote = [
        "promote",
        &second,
        "prod",
        "--ssh-key",
        key,
        "--checkout",
        checkout,
    ];
    world
        .bulla(&[&promote[..], &["--yes", "-m", reason]].concat())
        .done();
    let short = |hash: &str| hash["sha256:".len()..][..12].to_owned();
    for columns in [80, 40] {
        for (arguments, whole) in [
            (&["history"][..], short(&second)),
            (&["rollback", "prod", "--list"], short(&first)),
            (&["releases"], short(&second)),
            (&["status"], short(&second)),
            (&["diff", &first, &second], "CHANGE".to_owned()),
            (&["doctor", checkout], "configuration".to_owned()),
        ] {
            let mut bulla = world.bulla_command();
            bulla.args(arguments).args(["--project", PROJECT]);
            let shown = on_terminal(&bulla, columns, "").stdout;
            assert!(shown.contains(&whole), "{shown}");
            let widest = shown
                .lines()
                .map(|line| line.trim_end().chars().count())
                .max();
            assert!(
                columns == 40 || widest <= Some(80),
                "{widest:?} of\n{shown}"
            );
        }
    }
}

#[test]
fn tables_of_servers_and_registries_fit_a_terminal_also_where_it_does_not_say_how_wide_it_is() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: tables on a terminal");
    }
    let world = World::new();
    let checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    server.run(&["install", "--config", config]).done();
    let data = world.registry.data();
    let data = data.to_str().unwrap();
    let token = [
        "create",
        "--name",
        "of the machine that builds",
        "--scope",
        "pull,report",
        "--host",
        "web1.acme.example",
    ];
    world.registry.token(&token).done();
    for columns in [80, 0] {
        let mut tokens = Command::new(Program::Registry.path());
        tokens.args(["token", "list", "--data", data]);
        let installer = |arguments: &[&str]| {
            let arguments = [arguments, &["--config", config]].concat();
            server.command(Program::Installer, &arguments)
        };
        for (command, whole) in [
            (installer(&["status"]), PROJECT),
            (installer(&["history", PROJECT]), "install"),
            (installer(&["config", "show"]), PROJECT),
            (tokens, "pull,report"),
        ] {
            let shown = on_terminal(&command, columns, "").stdout;
            assert!(shown.contains(whole), "{shown}");
            let lines = shown.lines().filter(|line| !line.contains(": "));
            let widest = lines.map(|line| line.trim_end().chars().count()).max();
            assert!(widest <= Some(80), "{widest:?} of\n{shown}");
        }
    }
}

#[test]
fn every_server_of_a_project_has_one_row_on_a_terminal_of_80_columns() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: tables on a terminal");
    }
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.release(&checkout.path, PROJECT);
    for (host, wave) in [("web1.acme.example", 1), ("web2.acme.example", 2)] {
        let report = format!(
            r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
                "system":"Debian GNU/Linux 13","logSize":3,"projects":[{{"project":"{PROJECT}",
                "channel":"prod","live":"{hash}","activatedAt":"2026-11-27T06:39:49Z",
                "standing":"up-to-date","drift":0,"wave":{wave}}}]}}"#
        );
        world.registry.report(host, &report);
    }
    let mut bulla = world.bulla_command();
    bulla.args(["where", PROJECT]);
    let shown = on_terminal(&bulla, 80, "").stdout;
    assert!(!shown.contains("warning"), "{shown}");
    for host in ["web1.acme.example", "web2.acme.example"] {
        let row = shown.lines().find(|line| line.contains(host)).unwrap();
        assert!(
            row.starts_with("prod") && row.contains("current"),
            "{shown}"
        );
    }
    assert!(
        shown.lines().all(|line| line.trim_end().len() <= 80),
        "{shown}"
    );
}

#[test]
fn a_server_that_knows_more_of_the_log_than_the_registry_is_named() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.release(&checkout.path, PROJECT);
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"Debian GNU/Linux 13","logSize":22,"projects":[{{"project":"{PROJECT}",
            "channel":"prod","live":"{hash}","standing":"up-to-date"}}]}}"#
    );
    world.registry.report("web1", &report);
    let shown = world.bulla(&["where", PROJECT]).done();
    let said = "warning: web1 knows 22 entries of the log, and this registry has 3";
    assert!(shown.stderr.contains(said), "{shown}");
}

/// Finds the drawings of a bar: its name, bytes of a total, a rate.
fn drawings<'a>(shown: &'a str, bar: &str) -> Vec<&'a str> {
    let lines = shown.split(['\r', '\n', '\u{1b}']);
    let lines = lines.map(|line| line.trim_start_matches("[2K").trim_end());
    let is_bar = |line: &&str| {
        line.trim_start().starts_with(bar) && line.contains("MB") && line.contains("/s")
    };
    lines.filter(is_bar).collect()
}

#[test]
fn a_server_in_an_outage_asks_nobody_on_a_terminal_or_without_one() {
    if !is_installed("script") {
        return skip("`script` of util-linux is not installed: a rollback on a terminal");
    }
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let (server, host_file) = world.follower("web1", PROJECT);
    let config = host_file.to_str().unwrap();
    let install = ["install", "--config", config];
    let rollback = ["rollback", PROJECT, "-m", "outage", "--config", config];
    server.run(&install).done();
    checkout.write("more.txt", "more");
    checkout.commit("more");
    let second = world.release(&checkout.path, PROJECT);
    for answers in ["", "n\n"] {
        let installed = on_terminal(&server.command(Program::Installer, &install), 80, answers);
        assert!(installed.stdout.contains(&second), "{}", installed.stdout);
        let back = on_terminal(&server.command(Program::Installer, &rollback), 80, answers);
        assert!(back.stdout.contains(&first), "{}", back.stdout);
        let release = ["release", PROJECT, "--config", config];
        server.run(&release).done();
    }
    server.run(&install).done();
    assert!(server.run(&rollback).done().stdout.contains(&first));
}
