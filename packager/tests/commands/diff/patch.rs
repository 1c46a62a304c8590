//! Patches, judged by those who apply them: `git apply` and GNU `patch`.

use super::trees::{TwoTrees, read};
use crate::program::Home;

/// Turns one of the two directories into the other with a program that takes the patch on stdin.
fn apply(trees: fn() -> TwoTrees, program: &str, arguments: &[&str]) {
    for (from, to) in [("a", "b"), ("b", "a")] {
        let TwoTrees { home } = trees();
        let bundles = [format!("{from}.bulla"), format!("{to}.bulla")];
        let patch = home.bulla(&["diff", &bundles[0], &bundles[1], "--patch"]);
        assert_eq!(patch.status(), 0, "{}", patch.stderr());
        home.run(program, arguments, from, patch.bytes());
        let (found, expected) = (read(&home.path(from)), read(&home.path(to)));
        for path in found.keys().chain(expected.keys()) {
            assert_eq!(
                found.get(path),
                expected.get(path),
                "{from} -> {to}: {}",
                String::from_utf8_lossy(path)
            );
        }
    }
}

#[test]
fn git_apply_turns_one_tree_into_the_other_and_back() {
    apply(TwoTrees::new, "git", &["apply", "--whitespace=nowarn", "-"]);
}

#[test]
fn gnu_patch_turns_one_tree_into_the_other_and_back() {
    apply(
        TwoTrees::without_swapped_directories,
        "patch",
        &["-p1", "--force", "--no-backup-if-mismatch"],
    );
}

#[test]
fn the_index_lines_name_the_blobs_of_git() {
    let TwoTrees { home } = TwoTrees::new();
    let patch = home.bulla(&[
        "diff", "a.bulla", "b.bulla", "--patch", "mode.sh", "new.txt",
    ]);
    let patch = patch.stdout();
    assert_eq!(
        patch,
        "diff --git a/mode.sh b/mode.sh\n\
         old mode 100644\n\
         new mode 100755\n\
         diff --git a/new.txt b/new.txt\n\
         new file mode 100644\n\
         index 0000000000000000000000000000000000000000..3e757656cf36eca53338e520d134963a44f793f8\n\
         --- /dev/null\n\
         +++ b/new.txt\n\
         @@ -0,0 +1 @@\n\
         +new\n"
    );
}

#[test]
fn binary_and_large_files_and_empty_directories_are_named() {
    let home = Home::with_checkout();
    let pack = |name: &str| {
        home.git(&["add", "-A"]);
        home.git(&["commit", "-q", "-m", name]);
        home.bulla(&["pack", "checkout", "-o", name]).last_line();
    };
    home.write("checkout/picture", "\0one");
    home.write("checkout/large.txt", &"one\n".repeat(2_200_000));
    pack("a.bulla");
    home.write("checkout/picture", "\0two");
    home.write("checkout/large.txt", &"two\n".repeat(2_200_000));
    pack("b.bulla");
    let patch = home.bulla(&["diff", "a.bulla", "b.bulla", "--patch"]);
    let text = patch.stdout();
    assert!(
        text.contains("Binary files a/picture and b/picture differ\n"),
        "{text}"
    );
    assert!(
        text.contains("Binary files a/large.txt and b/large.txt differ\n"),
        "{text}"
    );
    assert!(text.len() < 1000, "{text}");
    let said = patch.stderr();
    assert!(said.contains("`picture` is binary"), "{said}");
    assert!(said.contains("`large.txt` is larger than 8.3 MB"), "{said}");
}
