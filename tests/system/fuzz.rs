//! The fuzz targets without libFuzzer, on the stable compiler: whatever a parser is given, what must
//! hold of it holds. Seeds, what was found before, and changes of both.
//!
//! `CONTRIBUTING.md` says how to look for more.

mod change;
#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "for libFuzzer they are a library")]
mod targets;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use bulla_tests::programs::target_directory;
use fastrand::Rng;

use self::change::changed;
use self::targets::{TARGETS, Target, find};

/// What libFuzzer found, by target.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/regressions");

fn regressions(target: &Target) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(Path::new(REGRESSIONS).join(target.name)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).unwrap();
    paths.iter().map(read).collect()
}

/// Runs a target, and keeps what it does not bear.
fn try_one(target: &Target, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        let name = target.name;
        let kept = target_directory().join(format!("fuzz/found-{name}"));
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, input).unwrap();
        panic!(
            "`{name}` does not bear `{}`: keep it in {REGRESSIONS}/{name}/ under a name that says \
             what it is, and mend the parser\n{}",
            kept.display(),
            input.escape_ascii(),
        );
    }
}

#[test]
fn no_parser_breaks_on_what_was_changed_a_little() {
    std::thread::scope(|scope| {
        let (first, second) = TARGETS.split_at(TARGETS.len() / 2);
        for targets in [first, second] {
            scope.spawn(|| targets.iter().for_each(try_changes));
        }
    });
}

fn try_changes(target: &Target) {
    let seeds = [(target.seeds)(), regressions(target)].concat();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    for seed in &seeds {
        try_one(target, seed);
    }
    // Always the same changes: what fails, fails again.
    let mut random = Rng::with_seed(1);
    for _ in 0..target.rounds {
        try_one(target, &changed(&seeds, &mut random));
    }
}

#[test]
fn what_was_found_before_is_that_of_a_target() {
    for entry in std::fs::read_dir(REGRESSIONS).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(find(&name).is_some(), "there is no target `{name}`");
    }
}

/// `scripts/fuzz` runs this.
#[test]
#[ignore = "writes the corpora with which libFuzzer begins"]
fn writes_the_corpora() {
    for target in TARGETS {
        let folder = target_directory().join("fuzz/corpus").join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        let seeds = [(target.seeds)(), regressions(target)].concat();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
