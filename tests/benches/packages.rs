//! The tree that is timed: public packages, the same bytes on every machine.
//!
//! ```text
//! target/benches/packages/<name>-<version>.tgz     fetched once
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_schemas::Digest;
use bulla_tests::GitCheckout;

/// Name and sha256 of each package.
const PACKAGES: &str = include_str!("packages.txt");

/// Fetches what is missing and returns the files.
pub(crate) fn fetch(directory: &Path) -> Vec<PathBuf> {
    std::fs::create_dir_all(directory).expect("a directory for packages");
    PACKAGES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (digest, package) = line.split_once("  ").expect("a digest and a package");
            fetch_one(
                directory,
                package,
                &Digest::from_hex(digest).expect("a digest"),
            )
        })
        .collect()
}

fn fetch_one(directory: &Path, package: &str, expected: &Digest) -> PathBuf {
    let name = package.trim_start_matches('@').replace(['/', '@'], "-");
    let file = directory.join(format!("{name}.tgz"));
    if !file.exists() {
        eprintln!("fetching {package}");
        let npm = Command::new("npm")
            .args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
            .arg(directory)
            .args(["--", package])
            .output()
            .expect("npm is installed (Debian: npm)");
        assert!(npm.status.success(), "npm cannot fetch {package}: {npm:?}");
    }
    let found = Digest::of(&std::fs::read(&file).expect("a fetched package"));
    assert_eq!(found, *expected, "{} is another file", file.display());
    file
}

/// Unpacks the packages into `checkout` and commits them, packed as a clone is.
pub(crate) fn commit(checkout: &mut GitCheckout, packages: &[PathBuf]) {
    for package in packages {
        let name = package.file_stem().expect("a package's name");
        let directory = checkout.path.join("vendor").join(name);
        std::fs::create_dir_all(&directory).expect("a directory for a package");
        let tar = Command::new("tar")
            .args(["-x", "-z", "--strip-components=1", "--no-same-owner", "-f"])
            .arg(package)
            .arg("-C")
            .arg(&directory)
            .status()
            .expect("tar is installed");
        assert!(tar.success(), "tar cannot unpack {}", package.display());
    }
    // The repository is packed below, and not meanwhile by a process of git's own.
    checkout.git(&["config", "gc.auto", "0"]);
    checkout.git(&["config", "maintenance.auto", "false"]);
    checkout.git(&["add", "--all", "--force"]);
    checkout.commit("Vendor the packages");
    checkout.git(&["gc", "--quiet"]);
}
