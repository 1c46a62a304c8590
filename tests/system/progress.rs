//! Progress in bytes and rate: on a terminal, and nowhere else. The terminal is that of `script`
//! (util-linux).

use std::path::Path;
use std::process::Command;

use bulla_tests::programs::{Program, is_installed};
use bulla_tests::{Transcript, World, skip};

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
    checkout.write("noise.bin", noise);
    checkout.commit("noise");
    let path = checkout.path.to_str().unwrap();
    let key = world.builder_key();
    let key = key.to_str().unwrap();
    let steps: [(&[&str], &[&str]); 4] = [
        (&["publish", path, "--key", key], &["pack", "push"]),
        (&["pack", path, "-o", "one.bulla"], &["pack"]),
        (&["export", "9", "-o", "two.bulla"], &["export", "verify"]),
        (&["import", "two.bulla"], &["verify"]),
    ];
    let mut hash = String::new();
    for (arguments, bars) in steps {
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|argument| {
                if *argument == "9" {
                    hash.as_str()
                } else {
                    argument
                }
            })
            .collect();
        let shown = on_terminal(&world, &arguments);
        for bar in bars {
            assert!(
                has_bar(&shown, bar),
                "no bar `{bar}` of {arguments:?}:\n{shown}"
            );
        }
        let piped = world.bulla(&arguments).done();
        assert!(!piped.stderr.contains('\u{1b}'), "{piped}");
        assert!(!piped.stderr.contains("/s"), "{piped}");
        hash = piped.last_line().to_owned();
    }
}

/// Runs `bulla` with a terminal for stdin, stdout and stderr, and returns what it drew.
fn on_terminal(world: &World, arguments: &[&str]) -> String {
    let bulla = world.bulla_command();
    let mut line = quote(Program::Bulla.path().as_path());
    for argument in arguments {
        line.push(' ');
        line += &quote(Path::new(argument));
    }
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(bulla.get_current_dir().unwrap())
        .env_clear()
        .envs(
            bulla
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm")
        .env("COLUMNS", "100")
        .stdin(std::process::Stdio::null());
    Transcript::of(&mut script).done().stdout
}

/// `script` takes a line for a shell.
fn quote(argument: &Path) -> String {
    format!("'{}'", argument.display())
}

/// Finds a drawing of the bar: its name, bytes of a total, a rate.
fn has_bar(shown: &str, bar: &str) -> bool {
    shown.split(['\r', '\n']).any(|line| {
        let mut words = line
            .split_whitespace()
            .map(|word| word.trim_start_matches("\u{1b}[2K"));
        words.any(|word| word == bar) && line.contains("MB") && line.contains("/s")
    })
}
