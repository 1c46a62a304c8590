//! The cache makes packs faster and changes nothing, whatever happens to it.

mod chaos;

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bulla_bundle::{Limits, NoProgress};
use bulla_packager::pack::{PackOptions, Packed, pack};
use bulla_packager::{recipe, source};
use bulla_schemas::Digest;
use tempfile::TempDir;

use crate::checkout::{GitRepository, RECIPE, spec};

fn packed(work: &Path, cache: Option<&Path>) -> Packed {
    let checkout = source::open(&spec(work)).unwrap();
    let recipe = recipe::load(&checkout).unwrap();
    let options = PackOptions {
        build: crate::build::options(),
        cache: cache.map(Path::to_owned),
        threads: NonZeroUsize::new(2).unwrap(),
        spool: std::env::temp_dir(),
        limits: Limits::default(),
    };
    pack(checkout, &recipe, &options, &NoProgress).unwrap()
}

fn hash(work: &Path, cache: Option<&Path>) -> Digest {
    packed(work, cache).bundle.hash()
}

/// A few megabytes, so that there are several frames.
fn project() -> GitRepository {
    let repository = GitRepository::new();
    repository.write("bulla.toml", RECIPE);
    for number in 0..120_u32 {
        let line = number.wrapping_mul(2_654_435_761).to_string();
        repository.write(&format!("src/{number:03}.txt"), line.repeat(4_000));
    }
    repository.commit("first");
    repository
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_pack_after_a_commit_is_the_same_with_and_without() {
    let repository = project();
    let cache = TempDir::new().unwrap();
    let work = repository.work();
    let cached = || hash(&work, Some(cache.path()));
    assert_eq!(cached(), hash(&work, None));
    assert_eq!(cached(), hash(&work, None));

    repository.write("src/060.txt", "one line\n");
    repository.commit("changed");
    assert_eq!(cached(), hash(&work, None));
    repository.git(&["mv", "src/000.txt", "zzz.txt"]);
    repository.write("src/061/deep.txt", "new\n");
    repository.make_executable("src/062.txt");
    repository.commit("moved, added, executable");
    assert_eq!(cached(), hash(&work, None));
    repository.write("bulla.toml", format!("{RECIPE}exclude = [\"src/00*\"]\n"));
    repository.commit("excluded");
    assert_eq!(cached(), hash(&work, None));
    repository.write("bulla.toml", format!("{RECIPE}compression = 3\n"));
    repository.commit("another codec");
    assert_eq!(cached(), hash(&work, None));
    repository.git(&["checkout", "-q", "HEAD~3"]);
    assert_eq!(cached(), hash(&work, None));
}

#[test]
fn changes_in_no_revision_are_read_again() {
    let repository = project();
    let cache = TempDir::new().unwrap();
    let dirty = |content: &str| {
        repository.write("src/060.txt", content);
        let mut spec = spec(&repository.work());
        spec.allow_dirty = true;
        let checkout = source::open(&spec).unwrap();
        let recipe = recipe::load(&checkout).unwrap();
        let options = PackOptions {
            build: crate::build::options(),
            cache: Some(cache.path().to_owned()),
            threads: NonZeroUsize::MIN,
            spool: std::env::temp_dir(),
            limits: Limits::default(),
        };
        pack(checkout, &recipe, &options, &NoProgress)
            .unwrap()
            .bundle
            .hash()
    };
    let first = dirty("one\n");
    assert_ne!(dirty("two\n"), first);
    assert_eq!(dirty("one\n"), first);
}

/// Does something to a file that the cache keeps.
type Damage = fn(&Path);

#[test]
fn a_damaged_cache_changes_nothing() {
    let repository = project();
    let work = repository.work();
    let cache = TempDir::new().unwrap();
    let expected = hash(&work, Some(cache.path()));
    let damages: [(&str, Damage); 5] = [
        ("empty", |path| fs::write(path, "").unwrap()),
        ("cut", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("one bit", |path| {
            let mut bytes = fs::read(path).unwrap();
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
            fs::write(path, bytes).unwrap();
        }),
        ("gone", |path| fs::remove_file(path).unwrap()),
        ("a directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (name, damage) in damages {
        for every in [1, 3] {
            for path in files(cache.path()).iter().step_by(every) {
                damage(path);
            }
            assert_eq!(hash(&work, Some(cache.path())), expected, "{name}");
            assert_eq!(hash(&work, Some(cache.path())), expected, "{name}, again");
        }
        fs::remove_dir_all(cache.path()).unwrap();
        assert_eq!(hash(&work, Some(cache.path())), expected);
    }
}

#[test]
fn files_of_the_cache_in_each_others_place_change_nothing() {
    let repository = project();
    let work = repository.work();
    let cache = TempDir::new().unwrap();
    let expected = hash(&work, Some(cache.path()));
    let frames = files(&cache.path().join("frames"));
    assert!(frames.len() > 2);
    for pair in frames.chunks_exact(2) {
        let aside = cache.path().join("aside");
        fs::rename(&pair[0], &aside).unwrap();
        fs::rename(&pair[1], &pair[0]).unwrap();
        fs::rename(&aside, &pair[1]).unwrap();
    }
    assert_eq!(hash(&work, Some(cache.path())), expected);
    repository.write("src/060.txt", "one line\n");
    repository.commit("changed");
    assert_eq!(hash(&work, Some(cache.path())), hash(&work, None));

    // Frames of another codec have other bytes.
    repository.write("bulla.toml", format!("{RECIPE}compression = 3\n"));
    repository.commit("another codec");
    fs::rename(
        cache.path().join("frames/zstd-1.5.7-5"),
        cache.path().join("frames/zstd-1.5.7-3"),
    )
    .unwrap();
    assert_eq!(hash(&work, Some(cache.path())), hash(&work, None));
}

#[test]
fn a_cache_that_cannot_be_used_is_said() {
    let repository = project();
    let home = TempDir::new().unwrap();
    let cache = home.path().join("file");
    fs::write(&cache, "not a directory").unwrap();
    let packed = packed(&repository.work(), Some(&cache));
    assert!(packed.warnings[0].contains("cannot use the cache"));
    assert_eq!(packed.bundle.hash(), hash(&repository.work(), None));
}

#[test]
fn nobody_else_may_enter_the_cache() {
    let repository = project();
    let home = TempDir::new().unwrap();
    let cache = home.path().join("below/cache");
    hash(&repository.work(), Some(&cache));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("records")), 0o700);
    assert!(cache.join("CACHEDIR.TAG").exists());
}
