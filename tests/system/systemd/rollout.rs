//! Waves and windows: servers that wait until it is their turn.

use std::fs;
use std::process::Command;

use bulla_tests::{Container, Transcript, World};

use super::{Day, PROJECT, live, wait_until_live};

/// A window that is hours away, whatever time it is.
const LATER: &str = "import datetime as d; n = d.datetime.now(d.timezone.utc); \
                     print(f'Mon-Sun {(n.hour + 8) % 24:02}:00-{(n.hour + 9) % 24:02}:00')";

/// One server is of a later wave, and the window of the other is closed: each gets a release when
/// people let it.
pub(super) fn roll_out(day: &mut Day, line: &str) -> String {
    let (first, second) = (&day.by_package, &day.by_setup);
    let before = live(first).unwrap();
    configure(second, "wave = 2\n");
    day.checkout.commit_change("in waves");
    let hash = day.world.publish(&day.checkout.path);
    let waves = ["--waves", "manual"];
    promote(&day.world, &hash, &waves);
    wait_until_live(first, &hash, "in waves");
    wait_until_it_waits(second, "until people let it go");
    assert_eq!(live(second), Some(before));
    let mut next = day.world.bulla_command();
    next.args(["wave", "next", "--project", PROJECT, "-m", "web1 works"]);
    next.args(["--yes", "--ssh-key"]);
    Transcript::of(next.arg(&day.world.alice.public_key)).done();
    wait_until_live(second, &hash, "in waves");

    let window = Transcript::of(Command::new("python3").args(["-c", LATER])).done();
    configure(first, &format!("windows = [\"{}\"]\n", window.last_line()));
    day.checkout.commit_change("in windows");
    let later = day.world.publish(&day.checkout.path);
    promote(&day.world, &later, &[]);
    wait_until_live(second, &later, "in windows");
    wait_until_it_waits(first, "for the window that opens");
    assert_eq!(live(first), Some(hash));
    // It is past bearing, and waits for no window.
    day.checkout.commit_change(line);
    let urgent = day.world.publish(&day.checkout.path);
    promote(&day.world, &urgent, &["--urgent"]);
    for machine in [first, second] {
        wait_until_live(machine, &urgent, line);
        configure(machine, "");
    }
    urgent
}

fn promote(world: &World, hash: &str, more: &[&str]) {
    let mut command = world.promote_command(PROJECT, hash, "prod");
    Transcript::of(command.args(more)).done();
}

/// Puts a line at the head of the host file, in place of the last one, and tells the agent.
fn configure(machine: &Container, line: &str) {
    let path = machine.path("/etc/bulla/server.toml");
    let text = fs::read_to_string(&path).unwrap();
    let kept = text.lines();
    let kept = kept.filter(|line| !line.starts_with("wave =") && !line.starts_with("windows ="));
    let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
    fs::write(&path, format!("{line}{kept}")).unwrap();
    machine.run(&["bulla-installer", "config", "check"]).done();
    machine.run(&["systemctl", "reload", "bulla-agent"]).done();
}

fn wait_until_it_waits(machine: &Container, reason: &str) {
    machine.wait_for(&format!("waiting {reason}"), |machine| {
        let status = machine.run(&["bulla-installer", "status", PROJECT]).done();
        status.to_string().contains(reason)
    });
}
