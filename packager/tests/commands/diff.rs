//! What changes between two bundle files: table, JSON and paths. No registry is needed.

mod patch;
mod trees;

use serde_json::{Value, json};

use self::trees::TwoTrees;

#[test]
fn two_bundle_files_are_compared_without_a_registry() {
    let trees = TwoTrees::new();
    let ran = trees.diff(&[]);
    let table = ran.stdout();
    let row = |path: &str| {
        let named = |line: &&str| line.split_whitespace().take(2).any(|word| word == path);
        let line = table.lines().find(named);
        line.unwrap_or_else(|| panic!("no `{path}` in\n{table}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("new.txt"), "added new.txt 4 B");
    assert_eq!(row("mode.sh"), "mode mode.sh 10 B 10 B, executable");
    assert_eq!(row("a-link"), "link a-link -> edit.txt -> new.txt");
    assert!(row("total").contains("of another kind"), "{table}");
    let mut paths = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    assert!(!paths.any(|path| path == "same.txt"), "{table}");
    // The same release on both sides.
    let same = trees.home.bulla(&["diff", "a.bulla", "./a.bulla"]);
    assert_eq!((same.status(), same.stdout()), (0, String::new()));
}

#[test]
fn json_has_both_sides_the_totals_and_what_changes_in_the_install() {
    let trees = TwoTrees::new();
    let diff: Value = serde_json::from_str(&trees.diff(&["--json"]).stdout()).unwrap();
    let change = |path: &str| {
        let changes = diff["changes"].as_array().unwrap();
        changes
            .iter()
            .find(|change| change["path"] == path)
            .cloned()
    };
    assert_eq!(
        change("mode.sh").unwrap(),
        json!({
            "path": "mode.sh",
            "change": "mode",
            "before": { "kind": "file", "size": 10 },
            "after": { "kind": "executable", "size": 10 },
        })
    );
    assert_eq!(change("same.txt"), None);
    assert_eq!(
        diff["install"]["persist"],
        json!({ "added": ["var/uploads"] })
    );
    let count = diff["changes"].as_array().unwrap().len() as u64;
    let totals = diff["totals"].as_object().unwrap();
    let counted = totals.iter().filter(|(name, _)| !name.starts_with("bytes"));
    let counted: u64 = counted.map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!(counted, count);
}

#[test]
fn paths_and_patterns_limit_what_is_shown() {
    let trees = TwoTrees::new();
    let paths = |arguments: &[&str]| {
        let ran = trees.diff(&[&["--json"], arguments].concat());
        let diff: Value = serde_json::from_str(&ran.stdout()).unwrap();
        assert_eq!(diff.get("install"), None);
        let changes = diff["changes"].as_array().unwrap().clone();
        let paths = changes
            .iter()
            .map(|c| c["path"].as_str().unwrap().to_owned());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(
        paths(&["file-to-dir/"]),
        ["file-to-dir", "file-to-dir/inner"]
    );
    assert_eq!(paths(&["mode.sh", "dir"]), ["dir/gone/deep.txt", "mode.sh"]);
    assert_eq!(paths(&["*.sh"]), ["mode-and-content.sh", "mode.sh"]);
    assert!(paths(&["same.txt"]).is_empty());
    trees
        .diff(&["mode.hs"])
        .assert_failure(2, &["mode.hs", "neither"]);
    trees.diff(&["*{b"]).assert_failure(2, &["*{b"]);
}

#[test]
fn a_file_that_is_no_bundle_is_refused_by_name() {
    let trees = TwoTrees::new();
    let home = &trees.home;
    home.write("broken.bulla", "x");
    let ran = home.bulla(&["diff", "a.bulla", "broken.bulla"]);
    ran.assert_failure(3, &["`broken.bulla`", "bundle file"]);
    let ran = home.bulla(&["diff", "a.bulla", "none.bulla"]);
    ran.assert_failure(1, &["none.bulla"]);
}
