//! Power cuts of a server: its disk is copied at random instants while releases come and go, and each
//! copy is started again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use bulla_tests::{Disk, FileSystem, Server, Tree, World, write};

/// R16: power loss corrupts the store silently.
const PROJECT: &str = "acme/billing";
const CHANNELS: [&str; 3] = ["first", "second", "third"];
/// How many times the power is cut.
const CUTS: usize = 16;

#[test]
fn after_a_power_cut_a_whole_release_is_live_and_it_is_not_older_than_what_was_said_to_be() {
    let world = World::with_channels(&CHANNELS);
    let Some(disk) = Disk::new(&world.path("disk"), FileSystem::Ext4) else {
        return;
    };
    let releases = Releases::publish(&world);
    let server = Server::new(disk.path(), &world.home());
    let enroll = ["enroll", world.registry.url(), &world.anchor];
    server.run(&enroll).done();
    // What was said to be live, and what may be: numbers of commands.
    let (said, begun) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    let (commands, cuts) = std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let mut commands = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                commands.push(releases.next(&commands));
                begun.store(commands.len(), Ordering::SeqCst);
                releases.bring(&server, commands[commands.len() - 1]);
                said.store(commands.len(), Ordering::SeqCst);
            }
            commands
        });
        let cuts: Vec<Cut> = (0..CUTS)
            .map(|number| {
                sleep(Duration::from_millis(fastrand::u64(20..700)));
                let said = said.load(Ordering::SeqCst);
                let image = disk.cut(number);
                let begun = begun.load(Ordering::SeqCst);
                Cut { image, said, begun }
            })
            .collect();
        is_over.store(true, Ordering::SeqCst);
        (working.join().unwrap(), cuts)
    });
    for cut in &cuts {
        releases.assert_survives(&disk, cut, &commands, &world);
    }
}

/// A copy of the disk, made between two moments.
struct Cut {
    image: PathBuf,
    /// How many commands had ended before.
    said: usize,
    /// How many had begun after.
    begun: usize,
}

struct Releases {
    hashes: Vec<String>,
    trees: Vec<Tree>,
}

impl Releases {
    fn publish(world: &World) -> Self {
        let mut checkout = world.git(PROJECT);
        let (mut hashes, mut trees) = (Vec::new(), Vec::new());
        for channel in CHANNELS {
            for file in 0..40 {
                let content = format!("{channel} {file}\n").repeat(1 + 50 * (file % 7));
                write(&checkout.path, &format!("app/{file}.txt"), content);
            }
            checkout.commit_change(channel);
            let hash = world.publish(&checkout.path);
            world.promote(PROJECT, &hash, channel);
            hashes.push(hash);
            trees.push(Tree::read(&checkout.path).without(".git"));
        }
        Self { hashes, trees }
    }

    /// Returns which release comes next: any other than the last one.
    fn next(&self, commands: &[usize]) -> usize {
        let last = commands.last().copied().unwrap_or(0);
        (last + fastrand::usize(1..self.hashes.len())) % self.hashes.len()
    }

    /// Installs a release that was not there, or goes back to one that is.
    fn bring(&self, server: &Server, release: usize) {
        let is_there = server
            .project(PROJECT)
            .join("releases")
            .join(self.hashes[release].trim_start_matches("sha256:"))
            .exists();
        if is_there && fastrand::bool() {
            let rollback = ["rollback", PROJECT, &self.hashes[release], "-m", "a try"];
            server.run(&rollback).done();
        } else {
            install(server, release);
        }
        assert_eq!(server.live(PROJECT).as_ref(), Some(&self.hashes[release]));
    }

    fn assert_survives(&self, disk: &Disk, cut: &Cut, commands: &[usize], world: &World) {
        let context = format!("{} commands had ended, {} begun", cut.said, cut.begun);
        let mounted = disk.mount(&cut.image);
        let server = Server::new(mounted.path(), &world.home());
        let live = server.live(PROJECT).map(|live| {
            let found = self.hashes.iter().position(|hash| *hash == live);
            found.unwrap_or_else(|| panic!("{context}: {live} was never published"))
        });
        // The command that had ended last, or one of those that came after it.
        let possible = &commands[cut.said.saturating_sub(1)..cut.begun.min(commands.len())];
        match live {
            Some(live) => {
                assert!(possible.contains(&live), "{context}: {live} is live");
                assert_eq!(server.live_tree(PROJECT), self.trees[live], "{context}");
                server.run(&["status", PROJECT]).done();
            }
            None => assert_eq!(cut.said, 0, "{context}: nothing is live"),
        }
        let next = (live.unwrap_or(0) + 1) % self.hashes.len();
        install(&server, next);
        assert_eq!(server.live_tree(PROJECT), self.trees[next], "{context}");
        server.run(&["verify", PROJECT]).done();
    }
}

/// Only three releases are on the disk, so that trees are recycled all the time.
fn install(server: &Server, release: usize) {
    let arguments = ["install", PROJECT, "--channel", CHANNELS[release]];
    let arguments = [&arguments[..], &["--switch-channel", "--keep", "2"]].concat();
    server
        .run(&[&arguments[..], &["--release-hold"]].concat())
        .done();
}
