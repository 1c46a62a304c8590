//! Every pain that `CONTRIBUTING.md` names is kept away by a test that says so.

use std::collections::BTreeSet;
use std::path::Path;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where tests are.
const TESTS: [&str; 5] = [
    "tests/system",
    "installer",
    "packager",
    "registry",
    "schemas",
];

#[test]
fn every_pain_has_a_test_that_names_it() {
    let document = std::fs::read_to_string(Path::new(PROJECT).join("CONTRIBUTING.md")).unwrap();
    let named: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("** "))
        .map(|(pain, _)| pain)
        .filter(|pain| pain.starts_with('R'))
        .collect();
    assert!(named.len() >= 19, "{named:?}");
    let mut tested = BTreeSet::new();
    for folder in TESTS {
        read_below(&Path::new(PROJECT).join(folder), &mut |text| {
            let comments = text.lines().filter(|line| line.trim().starts_with("//"));
            for word in comments.flat_map(|line| line.split([' ', '/'])) {
                tested.extend(word.strip_suffix(':').map(ToOwned::to_owned));
            }
        });
    }
    let untested: Vec<_> = named
        .iter()
        .filter(|pain| !tested.contains(**pain))
        .collect();
    assert!(untested.is_empty(), "no test names {untested:?}");
}

/// Hands over every Rust file below a folder.
fn read_below(folder: &Path, take: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, take);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            take(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
