//! What changes between two bundle files: table, JSON and paths. No registry is needed.

mod patch;
mod trees;

use serde_json::{Value, json};

use self::trees::TwoTrees;

#[test]
fn two_bundle_files_are_compared_without_a_registry() {
    let trees = TwoTrees::new();
    insta::assert_snapshot!(trees.diff(&[]).transcript(), @r#"
    CHANGE   PATH                                                                                           BEFORE       AFTER
    changed   leading                                                                                       2 B          2 B
    changed  -dash                                                                                          2 B          2 B
    link     a-link                                                                                         -> edit.txt  -> new.txt
    changed  back\slash.txt                                                                                 2 B          2 B
    changed  bulla.toml                                                                                     34 B         70 B
    changed  crlf.txt                                                                                       18 B         21 B
    kind     dir-to-file                                                                                    directory    2 B
    removed  dir-to-file/one                                                                                2 B
    removed  dir-to-file/two/three                                                                          2 B
    removed  dir/gone/deep.txt                                                                              5 B
    changed  edit.txt                                                                                       1.6 kB       1.7 kB
    changed  emptied                                                                                        5 B          0 B
    kind     file-to-dir                                                                                    2 B          directory
    added    file-to-dir/inner                                                                                           2 B
    kind     file-to-link                                                                                   2 B          -> same.txt
    changed  filled                                                                                         0 B          4 B
    removed  gone-empty                                                                                     0 B
    removed  gone-link                                                                                      -> dir
    removed  gone.txt                                                                                       5 B
    changed  latin1.txt                                                                                     11 B         12 B
    kind     link-to-file                                                                                   -> same.txt  2 B
    changed  looks-like-a-patch.txt                                                                         28 B         28 B
    changed  mode-and-content.sh                                                                            17 B         17 B, executable
    mode     mode.sh                                                                                        10 B         10 B, executable
    added    new with space.txt                                                                                          3 B
    added    new-empty                                                                                                   0 B
    added    new-link                                                                                                    -> dir/kept.txt
    added    new.txt                                                                                                     4 B
    added    new/deep/er.txt                                                                                             4 B, executable
    changed  newline-lost.txt                                                                               4 B          3 B
    changed  no-newline.txt                                                                                 3 B          4 B
    changed  quote"d.txt                                                                                    2 B          2 B
    changed  with space.txt                                                                                 2 B          2 B
    changed  zwölf/größe.txt                                                                                2 B          2 B
    total    6 added, 6 removed, 16 changed, 1 with another mode, 1 with another target, 4 of another kind  1.8 kB       1.8 kB

    INSTALL  BEFORE  AFTER
    persist          var/uploads
    ! acme/billing HASH -> HASH
    ! 34 paths differ
    status 0
    "#);
    // The same release on both sides.
    let same = trees.home.bulla(&["diff", "a.bulla", "./a.bulla"]);
    insta::assert_snapshot!(same.transcript(), @r"
    ! acme/billing HASH -> HASH
    ! no path differs
    status 0
    ");
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
