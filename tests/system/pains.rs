//! Every pain that `CONTRIBUTING.md` names is kept away by a test that says so, and so is every attack
//! that `docs/trust.md` lists.

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
    let comments = comments();
    let tested: BTreeSet<&str> = named_in(&comments).collect();
    let untested: Vec<_> = named.difference(&tested).collect();
    assert!(untested.is_empty(), "no test names {untested:?}");
}

/// The numbers are those of the table, each once; a test names each, and says what remains in the words of
/// the table.
#[test]
fn every_attack_has_a_test_that_names_it_and_says_what_remains() {
    let page = std::fs::read_to_string(Path::new(PROJECT).join("docs/trust.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| A"));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let numbers: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
    let in_order: Vec<String> = (1..=rows.len()).map(|number| number.to_string()).collect();
    assert_eq!(numbers, in_order);
    assert!(rows.len() >= 29, "{}", rows.len());
    let comments = comments();
    let tested: BTreeSet<&str> = named_in(&comments)
        .filter_map(|name| name.strip_prefix('A'))
        .filter(|number| number.parse::<u8>().is_ok())
        .collect();
    let listed: BTreeSet<&str> = numbers.iter().map(String::as_str).collect();
    assert_eq!(tested, listed, "tests beside the table");
    for row in rows {
        let [number, attack, _, remains, ..] = row[..] else {
            panic!("expected four columns: {row:?}");
        };
        let said = format!("A{number}: {remains}");
        assert!(
            comments.iter().any(|comment| comment.contains(&said)),
            "no test of \"{attack}\" says {said:?}"
        );
    }
}

/// Returns what tests say in comments, each as one line.
fn comments() -> Vec<String> {
    let mut comments = Vec::new();
    for folder in TESTS {
        read_below(&Path::new(PROJECT).join(folder), &mut |text| {
            let mut comment = String::new();
            for line in text.lines() {
                match line.trim().strip_prefix("//") {
                    Some(words) => {
                        comment.push_str(words.trim_start_matches(['/', '!']).trim());
                        comment.push(' ');
                    }
                    None if comment.is_empty() => {}
                    None => comments.push(std::mem::take(&mut comment)),
                }
            }
        });
    }
    comments
}

/// Returns the words that end in a colon, as in `R3: ...`.
fn named_in(comments: &[String]) -> impl Iterator<Item = &str> {
    let words = comments
        .iter()
        .flat_map(|comment| comment.split([' ', '/']));
    words.filter_map(|word| word.strip_suffix(':'))
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
