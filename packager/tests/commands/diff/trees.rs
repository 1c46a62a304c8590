//! Two revisions of one checkout that differ in every way that a patch can say, each as a bundle
//! file and as a directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::program::{Home, Ran};

/// `a.bulla` and `a/` are the older revision, `b.bulla` and `b/` the newer one.
pub(super) struct TwoTrees {
    pub(super) home: Home,
}

const OLDER: &[(&str, &[u8])] = &[
    ("bulla.toml", b"[bundle]\nproject = \"acme/billing\"\n"),
    ("same.txt", b"same\n"),
    ("dir/kept.txt", b"kept\n"),
    ("dir/gone/deep.txt", b"deep\n"),
    ("no-newline.txt", b"a\nb"),
    ("newline-lost.txt", b"a\nb\n"),
    ("crlf.txt", b"one\r\ntwo\r\nthr\ree\r\n"),
    ("latin1.txt", b"gr\xfc\xdfe\nsame\n"),
    (
        "looks-like-a-patch.txt",
        b"--- a\n+++ b\n@@ -1 +1 @@\n- x\n",
    ),
    ("mode.sh", b"#!/bin/sh\n"),
    ("mode-and-content.sh", b"#!/bin/sh\necho 1\n"),
    ("gone.txt", b"gone\n"),
    ("gone-empty", b""),
    ("filled", b""),
    ("emptied", b"full\n"),
    ("with space.txt", b"1\n"),
    (" leading", b"1\n"),
    ("quote\"d.txt", b"1\n"),
    ("back\\slash.txt", b"1\n"),
    ("zw\u{f6}lf/gr\u{f6}\u{df}e.txt", b"1\n"),
    ("-dash", b"1\n"),
    ("file-to-link", b"1\n"),
    ("file-to-dir", b"1\n"),
    ("dir-to-file/one", b"1\n"),
    ("dir-to-file/two/three", b"1\n"),
];

const NEWER: &[(&str, &[u8])] = &[
    (
        "bulla.toml",
        b"[bundle]\nproject = \"acme/billing\"\n[install]\npersist = [\"var/uploads\"]\n",
    ),
    ("same.txt", b"same\n"),
    ("dir/kept.txt", b"kept\n"),
    ("no-newline.txt", b"a\nb\n"),
    ("newline-lost.txt", b"a\nc"),
    ("crlf.txt", b"one\r\n2\r\nthr\ree\nfour\r\n"),
    ("latin1.txt", b"gr\xf6\xdfer\nsame\n"),
    (
        "looks-like-a-patch.txt",
        b"--- a\n+++ c\n@@ -1 +1 @@\n+ x\n",
    ),
    ("mode.sh", b"#!/bin/sh\n"),
    ("mode-and-content.sh", b"#!/bin/sh\necho 2\n"),
    ("new.txt", b"new\n"),
    ("new-empty", b""),
    ("new/deep/er.txt", b"new\n"),
    ("new with space.txt", b"new"),
    ("filled", b"full"),
    ("emptied", b""),
    ("with space.txt", b"2\n"),
    (" leading", b"2\n"),
    ("quote\"d.txt", b"2\n"),
    ("back\\slash.txt", b"2\n"),
    ("zw\u{f6}lf/gr\u{f6}\u{df}e.txt", b"2\n"),
    ("-dash", b"2\n"),
    ("link-to-file", b"2\n"),
    ("file-to-dir/inner", b"2\n"),
    ("dir-to-file", b"2\n"),
];

impl TwoTrees {
    pub(super) fn new() -> Self {
        Self::with(|_| true)
    }

    /// Leaves out the file that becomes a directory and the directory that becomes a file: GNU
    /// `patch` 2.7 looks at what is there before it has removed anything.
    pub(super) fn without_swapped_directories() -> Self {
        Self::with(|path| !path.starts_with("file-to-dir") && !path.starts_with("dir-to-file"))
    }

    fn with(is_wanted: fn(&str) -> bool) -> Self {
        let home = Home::with_checkout();
        let trees = Self { home };
        trees.write(OLDER, is_wanted);
        trees.link("a-link", "edit.txt");
        trees.link("gone-link", "dir");
        trees.link("link-to-file", "same.txt");
        trees.edit(|_, line| Some(line));
        trees.commit("a");
        trees.write(NEWER, is_wanted);
        trees.link("a-link", "new.txt");
        trees.link("new-link", "dir/kept.txt");
        trees.link("file-to-link", "same.txt");
        trees.edit(|number, line| match number {
            3 | 40 | 170 => Some(format!("{line} changed")),
            44..46 | 199 => None,
            90 => Some(format!("{line}\nand another")),
            _ => Some(line),
        });
        trees.executable("mode.sh");
        trees.executable("mode-and-content.sh");
        trees.executable("new/deep/er.txt");
        trees.commit("b");
        trees
    }

    /// Runs `bulla diff a.bulla b.bulla`.
    pub(super) fn diff(&self, arguments: &[&str]) -> Ran {
        let all = [&["diff", "a.bulla", "b.bulla"], arguments].concat();
        self.home.bulla(&all)
    }

    /// Replaces what is in the work tree.
    fn write(&self, files: &[(&str, &[u8])], is_wanted: fn(&str) -> bool) {
        self.home.git(&["rm", "-rqf", "--ignore-unmatch", "."]);
        for (path, content) in files.iter().filter(|(path, _)| is_wanted(path)) {
            let path = self.home.path("checkout").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.home.path("checkout").join(path)).unwrap();
    }

    fn executable(&self, path: &str) {
        let path = self.home.path("checkout").join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes `edit.txt`: two hundred lines, each as `line` wants it.
    fn edit(&self, line: impl Fn(usize, String) -> Option<String>) {
        let lines = (0..200).filter_map(|number| line(number, format!("line {number}")));
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        self.home.write("checkout/edit.txt", &text);
    }

    fn commit(&self, name: &str) {
        self.home.git(&["add", "-A"]);
        self.home.git(&["commit", "-q", "-m", name]);
        self.home
            .bulla(&["pack", "checkout", "-o", &format!("{name}.bulla")])
            .last_line();
        self.home
            .git(&["checkout-index", "-a", &format!("--prefix=../{name}/")]);
    }
}

/// Reads a directory: kind and content of every file in it. Git knows no empty directories.
pub(super) fn read(directory: &Path) -> BTreeMap<Vec<u8>, (&'static str, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut rest = vec![directory.to_owned()];
    while let Some(next) = rest.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                rest.push(path);
                continue;
            }
            let what = if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                ("link", target.as_os_str().as_bytes().to_vec())
            } else if fs::metadata(&path).unwrap().permissions().mode() & 0o100 != 0 {
                ("executable", fs::read(&path).unwrap())
            } else {
                ("file", fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(directory).unwrap();
            files.insert(name.as_os_str().as_bytes().to_vec(), what);
        }
    }
    files
}
