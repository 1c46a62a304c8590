//! Times the programs on a real tree of about 20,000 files, each beside what people use today.
//!
//! `make bench`, or `cargo bench --workspace --bench benches -- [RUNS] [PART]` once the
//! programs are built for release. Absolute times say something about the machine; the ratios,
//! medians of runs that take turns, say something about Bulla. Nothing here is asserted.
#![expect(clippy::print_stdout, reason = "the table is what a bench is for")]
#![expect(clippy::print_stderr, reason = "who waits should know for what")]

mod bundles;
mod entries;
mod followed;
mod growth;
mod load;
mod long;
mod measure;
mod ostree;
mod packages;
mod packs;
mod peers;
mod readers;
mod report;
mod serving;
mod watches;

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::tree::make_removable;
use bulla_tests::{GitCheckout, Server, Transcript, World};

use bundles::Difference;
use measure::Cost;
use ostree::Ostree;

const PROJECT: &str = "acme/shop";
const SMALL_PROJECT: &str = "acme/pages";
const SMALL_FILES: usize = 400;
const DEFAULT_RUNS: usize = 5;
/// Releases that a server keeps; from then on an install recycles a tree instead of copying one.
const KEPT: usize = 5;
/// What can be asked for by name. `growth`, `load`, `entries` and `readers` take minutes, so they
/// never run unless they are.
const PARTS: [&str; 8] = [
    "packs", "releases", "serving", "watches", "growth", "load", "entries", "readers",
];
/// A directory that is kept in memory.
const MEMORY: &str = "/dev/shm";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runs = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(DEFAULT_RUNS);
    let has = |part: &str| arguments.iter().any(|argument| argument == part);
    let all = !PARTS.into_iter().any(has);
    if all || has("watches") {
        watches::all();
    }
    if all || has("serving") {
        serving::all(runs);
    }
    if has("load") {
        load::all();
    }
    let size = arguments.iter().find_map(|argument| argument.parse().ok());
    if has("entries") {
        entries::all(size);
    }
    if has("readers") {
        readers::all(size);
    }
    if !all && !["packs", "releases", "growth"].into_iter().any(has) {
        return;
    }
    let packages = packages::fetch(&directory().join("packages"));
    let world = World::new();
    eprintln!("making the checkout");
    let mut checkout = world.git(PROJECT);
    packages::commit(&mut checkout, &packages);

    report::head();
    if all || has("packs") {
        packs::all(&world, &mut checkout, runs);
    }
    if all || has("releases") {
        releases(&world, &mut checkout, runs);
    }
    if has("growth") {
        growth::all(&world, &mut checkout);
    }
}

/// From a publish to a rollback.
fn releases(world: &World, checkout: &mut GitCheckout, runs: usize) {
    let first = publish(world, checkout);
    cold_install(world, &first, runs);
    let last_two = update(world, checkout, runs);
    rollback(world, &last_two, runs);
    followed::all(world, checkout, KEPT, runs);
}

/// Returns `target/benches`: the bench itself is `target/release/deps/benches-<hash>`.
fn directory() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    let target = program.ancestors().nth(3).expect("a target directory");
    target.join("benches")
}

/// The first publish, of everything.
fn publish(world: &World, checkout: &GitCheckout) -> String {
    let cost = measure::run(&mut world.publish_command(&checkout.path));
    report::alone("publish, first", cost);
    // The same again: it is known, and the hash is told.
    world.release(&checkout.path, PROJECT)
}

/// An install on an empty server beside `curl | tar --zstd -x` of the same payload: on a disk, each
/// until all of it is durable, and in memory, where nothing waits for a disk.
fn cold_install(world: &World, hash: &str, runs: usize) {
    let payload = payload_url(world, hash);
    let on_disk = world.path("cold");
    cold_installs_below(&on_disk, world, &payload, runs, "install, cold");
    match tempfile::tempdir_in(MEMORY) {
        Ok(memory) => {
            let name = "install, cold, in memory";
            cold_installs_below(memory.path(), world, &payload, runs, name);
            make_removable(memory.path());
        }
        Err(error) => eprintln!("skip: an install in memory, because of {MEMORY}: {error}"),
    }
}

fn cold_installs_below(directory: &Path, world: &World, payload: &str, runs: usize, name: &str) {
    let servers: Vec<_> = (0..runs)
        .map(|run| world.server_in(&directory.join(format!("server-{run}"))))
        .collect();
    let mut servers = servers.iter();
    let mut directories = (0..runs).map(|run| directory.join(format!("tar-{run}")));
    let (ours, theirs) = measure::beside(
        runs,
        || install(servers.next().expect("a server for each run")),
        || {
            let directory = directories.next().expect("a directory for each run");
            std::fs::create_dir(&directory).expect("a directory");
            let unpacked = measure::pipe(
                hermetic("curl", &world.home())
                    .args(["-s", "-S", "-f"])
                    .arg(payload),
                hermetic("tar", &world.home())
                    .args(["--zstd", "-x", "-f", "-", "-C"])
                    .arg(&directory),
            );
            let sync = &mut hermetic("sync", &world.home());
            unpacked.and(measure::run(sync.arg("-f").arg(directory)))
        },
    );
    report::ratio(name, ours, "curl | tar --zstd -x; sync -f", theirs);
}

/// Publish, promote and install of a one-line change, again and again. Returns the last two
/// releases.
fn update(world: &World, checkout: &mut GitCheckout, runs: usize) -> [String; 2] {
    let server = world.server("updated");
    install(&server);
    let mut published = Vec::new();
    let mut promoted = Vec::new();
    let mut installed = Vec::new();
    let mut last_two = [String::new(), String::new()];
    let mut peer = Ostree::new(world, &checkout.path);
    let mut theirs = Vec::new();
    for run in 0..KEPT + runs {
        let line = format!("Change {run}");
        checkout.commit_change(&line);
        published.push(measure::run(&mut world.publish_command(&checkout.path)));
        last_two.rotate_left(1);
        last_two[1] = world.publish(&checkout.path);
        promoted.push(promote(world, PROJECT, &last_two[1]));
        installed.push(install(&server));
        theirs.extend(peer.as_mut().map(|peer| peer.update(&line)));
    }
    report::alone("publish, one-line change", measure::median(published));
    report::alone("promote, one-line change", measure::median(promoted));
    report::alone("the same, 400 files", promote_small(world, runs));
    let recycled = installed.split_off(KEPT);
    report::alone("install, change, copied", measure::median(installed));
    let recycled = measure::median(recycled);
    let name = "install, change, recycled";
    if theirs.is_empty() {
        report::alone(name, recycled);
    } else {
        let beside = "ostree pull, checkout";
        report::ratio(name, recycled, beside, measure::median(theirs));
    }
    let before = bundles::pack(world, &checkout.path, "before.bulla");
    checkout.commit_change("Counted");
    let after = bundles::pack(world, &checkout.path, "after.bulla");
    last_two.rotate_left(1);
    last_two[1] = world.release(&checkout.path, PROJECT);
    let fetched = fetched(&server.install(PROJECT, "prod").done());
    let difference = Difference::between(&before, &after);
    report::fact("", &difference.summary());
    report::fact("update by delta", &difference.beside(fetched));
    last_two
}

/// Shows what changes, signs with `ssh-keygen` and appends, without the wait for a person.
fn promote(world: &World, project: &str, hash: &str) -> Cost {
    measure::run(&mut world.promote_command(project, hash, "prod"))
}

/// The same in a small project, where the tree cannot be what takes the time.
fn promote_small(world: &World, runs: usize) -> Cost {
    let mut checkout = world.git(SMALL_PROJECT);
    for number in 0..SMALL_FILES {
        let content = format!("Page {number}\n").repeat(100);
        checkout.write(&format!("pages/{}/{number}.html", number % 20), content);
    }
    checkout.commit("Pages");
    world.release(&checkout.path, SMALL_PROJECT);
    let promoted = (0..runs).map(|run| {
        checkout.commit_change(&format!("Small {run}"));
        promote(world, SMALL_PROJECT, &world.publish(&checkout.path))
    });
    measure::median(promoted.collect())
}

/// Reads from what an install said how many bytes it fetched.
fn fetched(install: &Transcript) -> u64 {
    let said = install.stderr.split([',', '\n']).map(str::trim);
    let mut number = said.filter_map(|part| bytes_of(part.strip_suffix(" downloaded")?));
    number.next().expect("an install says what it downloaded")
}

/// Reads `4.1 kB`.
fn bytes_of(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let tenths: u64 = match number.split_once('.') {
        Some((whole, tenth)) => whole.parse::<u64>().ok()? * 10 + tenth.parse::<u64>().ok()?,
        None => number.parse::<u64>().ok()? * 10,
    };
    let scale = match unit {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        _ => return None,
    };
    Some(tenths * scale / 10)
}

/// There and back, between releases that are on disk.
fn rollback(world: &World, last_two: &[String; 2], runs: usize) {
    let server = Server::new(&world.path("servers").join("updated"), &world.home());
    let costs = (0..runs * 2)
        .map(|run| {
            let hash = &*last_two[run % 2];
            measure::run(&mut server.command(Program::Installer, &["rollback", PROJECT, hash]))
        })
        .collect();
    report::alone("rollback, on disk", measure::median(costs));
}

fn install(server: &Server) -> Cost {
    let arguments = ["install", PROJECT, "--channel", "prod"];
    measure::run(&mut server.command(Program::Installer, &arguments))
}

fn payload_url(world: &World, hash: &str) -> String {
    let manifest = Command::new("curl")
        .args(["-s", "-S", "-f"])
        .arg(format!(
            "{}/v2/{PROJECT}/manifests/{hash}",
            world.registry.url()
        ))
        .output()
        .expect("curl is installed");
    let manifest = bulla_schemas::manifest::Manifest::from_bytes(&manifest.stdout);
    let digest = manifest
        .expect("the manifest that was pushed")
        .payload()
        .digest;
    format!("{}/v2/{PROJECT}/blobs/{digest}", world.registry.url())
}
