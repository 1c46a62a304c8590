//! Packing: everything, and again after a small change.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use bulla_tests::programs::hermetic;
use bulla_tests::{GitCheckout, SvnCheckout, World};

use crate::bundles;
use crate::measure::{self, Cost};
use crate::peers::Peer;
use crate::report;

/// A file in the middle of the tree that a change touches.
const CHANGED: &str = "vendor/changed.txt";

/// All of them.
pub(crate) fn all(world: &World, checkout: &mut GitCheckout, runs: usize) {
    git(world, checkout, runs);
    svn(world, checkout, runs);
    binaries(world);
}

/// A git checkout: all of it, and after a commit of one line.
fn git(world: &World, checkout: &mut GitCheckout, runs: usize) {
    cold(world, checkout, "pack, git", runs);
    let recipe = std::fs::read_to_string(checkout.path.join("bulla.toml")).expect("a recipe");
    let level = "[bundle]\ncompression = 7";
    checkout.write("bulla.toml", recipe.replacen("[bundle]", level, 1));
    checkout.commit("Compress as much as the peer");
    cold(world, checkout, "pack, git, compression = 7", runs);
    checkout.write("bulla.toml", recipe);
    checkout.commit("Compress as usual");
    pack(world, &checkout.path, &[]);

    let peers = Peer::all(world, &checkout.path);
    let mut costs = vec![Vec::new(); peers.len() + 2];
    for run in 0..runs {
        let line = format!("change {run}\n");
        checkout.write(CHANGED, &line);
        checkout.commit(&line);
        costs[0].push(status(world, &checkout.path));
        costs[1].push(pack(world, &checkout.path, &[]));
        for (peer, costs) in peers.iter().zip(&mut costs[2..]) {
            std::fs::write(peer.tree.join(CHANGED), &line).expect("the peer's tree");
            costs.push(peer.keep());
        }
    }
    let mut costs = costs.into_iter().map(measure::median);
    let (status, ours) = (costs.next().expect("a cost"), costs.next().expect("a cost"));
    report::ratio("repack, git", ours, "git status", status);
    for (peer, cost) in peers.iter().zip(costs) {
        report::ratio("", ours, peer.name, cost);
    }
}

/// All of a checkout, and what that weighs.
fn cold(world: &World, checkout: &GitCheckout, line: &str, runs: usize) {
    let archive = world.path("archive.tar.zst");
    let (ours, theirs) = measure::beside(
        runs,
        || pack(world, &checkout.path, &["--fresh"]),
        || {
            measure::pipe(
                hermetic("git", &world.home())
                    .arg("-C")
                    .arg(&checkout.path)
                    .args(["archive", "HEAD"]),
                &mut zstd(world, &archive),
            )
        },
    );
    report::ratio(line, ours, "git archive HEAD | zstd -7 -T0", theirs);
    let bundle = bundles::pack(world, &checkout.path, "packed.bulla");
    let archive = archive.metadata().expect("an archive").len();
    report::fact("", &bundles::summary(&bundle, archive));
}

/// A Subversion working copy of the same tree.
fn svn(world: &World, checkout: &GitCheckout, runs: usize) {
    eprintln!("making the working copy");
    let svn = SvnCheckout::with_application(&world.path("svn-bench"), crate::PROJECT);
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(checkout.path.join("vendor"))
        .arg(&svn.path)
        .status()
        .expect("cp");
    assert!(copied.success());
    svn.svn(&["add", "-q", "--force", "--no-ignore", "."]);
    svn.commit("Vendor the packages");

    let (archive, export) = (world.path("export.tar.zst"), world.path("export"));
    let mut ours = || pack(world, &svn.path, &["--fresh"]);
    let mut theirs = || {
        let _ = std::fs::remove_dir_all(&export);
        let exported = measure::run(
            hermetic("svn", &world.home())
                .args(["export", "-q"])
                .arg(&svn.path)
                .arg(&export),
        );
        let packed = measure::pipe(
            hermetic("tar", &world.home())
                .arg("-C")
                .arg(&export)
                .args(["-c", "."]),
            &mut zstd(world, &archive),
        );
        exported.and(packed)
    };
    let costs = measure::turns(runs, &mut [&mut ours, &mut theirs]);
    report::ratio(
        "pack, svn",
        costs[0],
        "svn export, tar | zstd -7 -T0",
        costs[1],
    );

    let mut costs = [Vec::new(), Vec::new()];
    pack(world, &svn.path, &[]);
    for run in 0..runs {
        let line = format!("change {run}\n");
        svn.write(CHANGED, &line);
        svn.commit(&line);
        costs[0].push(pack(world, &svn.path, &[]));
        costs[1].push(measure::run(
            hermetic("svn", &world.home()).arg("status").arg(&svn.path),
        ));
    }
    let [ours, status] = costs.map(measure::median);
    report::ratio("repack, svn", ours, "svn status", status);
}

/// A gigabyte in large files, as somebody keeps installers or films in git.
fn binaries(world: &World) {
    let mut checkout = world.git("acme/media");
    for number in 0..8 {
        checkout.write(&format!("media/{number}.bin"), "");
        noise(&checkout.path.join(format!("media/{number}.bin")), number);
    }
    checkout.git(&["config", "gc.auto", "0"]);
    checkout.commit("A gigabyte");
    report::alone(
        "pack, 1 GB in 8 files",
        pack(world, &checkout.path, &["--fresh"]),
    );
}

/// Writes 128 MiB that do not compress, a little at a time: a program that is started counts as
/// large as this one is.
fn noise(path: &Path, seed: u64) {
    let mut state = seed * 2 + 1;
    let file = File::create(path).expect("a file");
    let mut file = BufWriter::with_capacity(1024 * 1024, file);
    for _ in 0..16 * 1024 * 1024 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes()).expect("room");
    }
    file.flush().expect("room");
}

fn pack(world: &World, checkout: &Path, options: &[&str]) -> Cost {
    measure::run(
        world
            .bulla_command()
            .arg("pack")
            .arg(checkout)
            .args(options),
    )
}

fn status(world: &World, checkout: &Path) -> Cost {
    measure::run(
        hermetic("git", &world.home())
            .arg("-C")
            .arg(checkout)
            .arg("status"),
    )
}

fn zstd(world: &World, archive: &Path) -> Command {
    let mut command = hermetic("zstd", &world.home());
    command.args(["-q", "-7", "-T0", "-f", "-o"]).arg(archive);
    command
}
