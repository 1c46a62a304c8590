//! Many programs pack with one cache while another thread destroys it and some are killed: every
//! pack that ends has the hash that it has without a cache.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{files, hash, project};
use crate::checkout::{GitRepository, program};

/// Packs of each repository.
const ROUNDS: u32 = 12;

/// Numbers without a pattern, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// Starts `bulla pack` with the cache.
fn pack(repository: &GitRepository, cache: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_bulla"), repository.home());
    command.arg("pack").arg("--cache").arg(cache);
    command.arg(repository.work());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asserts that the pack ended well, and returns its hash.
fn hash_of(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Does one of the things that can happen to a directory. The packs remove and replace files at
/// the same time, so any of it may fail.
fn destroy(cache: &Path, random: &mut Random) -> std::io::Result<()> {
    match random.below(40) {
        0 => return fs::remove_dir_all(cache),
        1 => return fs::remove_dir_all(cache.join("records")),
        2 => return fs::remove_dir_all(cache.join("frames")),
        _ => {}
    }
    let files = files(cache);
    let Some(path) = files.get(random.below(files.len())) else {
        return Ok(());
    };
    let open = || fs::File::options().write(true).open(path);
    match random.below(7) {
        0 => fs::remove_file(path),
        1 => fs::write(path, "something else"),
        2 => open()?.set_len(path.metadata()?.len() / 2),
        3 => fs::rename(&files[random.below(files.len())], path),
        4 => {
            fs::remove_file(path)?;
            fs::create_dir(path)
        }
        _ => {
            let mut bytes = fs::read(path)?;
            let place = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
                let mut file = open()?;
                file.seek(SeekFrom::Start(place as u64))?;
                file.write_all(&[*byte])?;
            }
            Ok(())
        }
    }
}

#[test]
fn packs_share_a_cache_that_somebody_destroys() {
    let repositories = [project(), project()];
    repositories[1].write("src/119.txt", "another branch\n");
    repositories[1].commit("another branch");
    let home = TempDir::new().unwrap();
    let cache = home.path().join("cache");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let vandal = scope.spawn(|| {
            let (mut random, mut destroyed) = (Random(0x2545_f491_4f6c_dd1d), 0);
            while !done.load(Ordering::Relaxed) {
                destroyed += u32::from(destroy(&cache, &mut random).is_ok());
                thread::sleep(Duration::from_micros(500));
            }
            destroyed
        });
        let packers: Vec<_> = repositories
            .iter()
            .map(|repository| {
                scope.spawn(|| {
                    let expected = hash(&repository.work(), None).to_string();
                    for round in 0..ROUNDS {
                        // Two at once; one more is killed wherever it is then.
                        let packs = [0, 1].map(|_| pack(repository, &cache).spawn().unwrap());
                        let mut victim = pack(repository, &cache).spawn().unwrap();
                        thread::sleep(Duration::from_millis(u64::from(round) * 15));
                        victim.kill().unwrap();
                        victim.wait().unwrap();
                        for child in packs {
                            assert_eq!(hash_of(child), expected, "round {round}");
                        }
                    }
                })
            })
            .collect();
        let results: Vec<_> = packers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        let destroyed = vandal.join().unwrap();
        assert!(results.iter().all(Result::is_ok));
        assert!(destroyed > 100, "destroyed {destroyed} times only");
    });
}
