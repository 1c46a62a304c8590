//! Random trees: git and Subversion agree with each other and with what was written, and `tar`
//! unpacks exactly that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use bulla_bundle::Bundle;
use bulla_schemas::index::EntryKind;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use tempfile::TempDir;

use crate::checkout::{
    GitRepository, RECIPE, SvnRepository, make_executable, noise, program, run, spec, url_spec,
    write,
};
use crate::pack::{bundle, layers};

/// Each starts about ten programs.
const CASES: u32 = 16;

/// More than the largest frame of a payload, which has 2 MiB.
const LARGE: usize = 3 << 20;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File {
        content: Content,
        executable: bool,
    },
    /// A link to a name beside it, which need not exist.
    Link(String),
}

/// A file's bytes, or how they are made: a failure is to be read by people.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Bytes(Vec<u8>),
    Text(String),
    /// The same byte over and over.
    Filled(u8, usize),
    /// Bytes that no codec makes smaller.
    Noise(u64, usize),
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Text(text) => text.clone().into_bytes(),
            Self::Filled(byte, size) => vec![*byte; *size],
            Self::Noise(seed, size) => noise(*seed, *size),
        }
    }
}

type Nodes = BTreeMap<String, Node>;

/// A tree, and directories that are empty in it, which git cannot track.
#[derive(Debug, Clone)]
struct Tree {
    nodes: Nodes,
    empty: BTreeSet<String>,
}

fn name() -> impl Strategy<Value = String> {
    let odd = "[a-zA-Z0-9 @%#&$'\"!?*+,;:=(){}<>|^`\\[\\]äü日\u{301}.~_-]{1,10}";
    prop_oneof![
        8 => odd,
        1 => "-[a-z-]{0,4}",
        1 => "[a-z]{1,4}(@[0-9]{1,2}|%[0-9A-F]{2}|@)",
        1 => "[a-zü]{60,120}",
    ]
    .prop_filter("a name that is not taken", |name| {
        !name.chars().all(|c| c == '.')
            && !name.starts_with(".git")
            && name.as_str() != ".svn"
            && name.as_str() != "bulla.toml"
    })
}

/// Mostly a few levels; at times more than any header of a tar holds.
fn path() -> impl Strategy<Value = String> {
    let deep = proptest::collection::vec("[a-z@ ]{0,3}[a-z]", 20..60);
    prop_oneof![
        9 => proptest::collection::vec(name(), 1..6),
        1 => deep,
    ]
    .prop_map(|parts| parts.join("/"))
}

fn node() -> impl Strategy<Value = Node> {
    let content = prop_oneof![
        2 => Just(Content::Bytes(Vec::new())),
        8 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Content::Bytes),
        8 => "[a-z\r\n$Id]{0,60}".prop_map(Content::Text),
        4 => (any::<u8>(), 0_usize..400_000).prop_map(|(byte, size)| Content::Filled(byte, size)),
        1 => (any::<u64>(), 0_usize..LARGE).prop_map(|(seed, size)| Content::Noise(seed, size)),
    ];
    let target = proptest::collection::vec(name(), 1..4).prop_map(|parts| parts.join("/"));
    prop_oneof![
        4 => (content, any::<bool>())
            .prop_map(|(content, executable)| Node::File { content, executable }),
        1 => target.prop_map(Node::Link),
    ]
}

fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Nodes of which none is also a directory, and empty directories beside them.
fn tree() -> impl Strategy<Value = Tree> {
    let nodes = proptest::collection::btree_map(path(), node(), 1..40);
    let empty = prop_oneof![
        2 => Just(BTreeSet::new()),
        1 => proptest::collection::btree_set(path(), 1..4),
    ];
    (nodes, empty).prop_map(|(nodes, empty)| {
        let paths: Vec<String> = nodes.keys().chain(&empty).cloned().collect();
        let is_free = |path: &String| !paths.iter().any(|other| is_within(other, path));
        let mut nodes: Nodes = nodes
            .into_iter()
            .filter(|(path, _)| is_free(path))
            .collect();
        let mut empty = empty;
        empty.retain(|path| is_free(path) && !nodes.contains_key(path));
        let recipe = Node::File {
            content: Content::Text(RECIPE.to_owned()),
            executable: false,
        };
        nodes.insert("bulla.toml".to_owned(), recipe);
        Tree { nodes, empty }
    })
}

fn put(top: &Path, nodes: &Nodes) {
    for (path, node) in nodes {
        match node {
            Node::File {
                content,
                executable,
            } => {
                write(top, path, content.bytes());
                if *executable {
                    make_executable(&top.join(path));
                }
            }
            Node::Link(target) => {
                let link = top.join(path);
                fs::create_dir_all(link.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(target, link).unwrap();
            }
        }
    }
}

/// What lies below `top`: a link's target, or whether a file is executable and its content.
type Found = BTreeMap<String, Result<(bool, Vec<u8>), String>>;

fn read(top: &Path) -> Found {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Found::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if metadata.is_dir() {
                pending.push(path);
            } else if metadata.is_symlink() {
                let target = path.read_link().unwrap().into_os_string();
                found.insert(name, Err(target.into_string().unwrap()));
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                found.insert(name, Ok((executable, fs::read(&path).unwrap())));
            }
        }
    }
    found
}

/// Unpacks the payload with `zstd` and `tar` and compares it with what was written.
fn assert_unpacks(bundle: &Bundle, nodes: &Nodes, home: &Path) {
    let directory = TempDir::new_in(home).unwrap();
    let payload = home.join("payload.tar.zst");
    let [_, blob, _, _] = bundle.blobs();
    io::copy(
        &mut blob.open().unwrap(),
        &mut fs::File::create(&payload).unwrap(),
    )
    .unwrap();
    run(program("tar", home)
        .args(["--zstd", "-xf"])
        .arg(&payload)
        .arg("-C")
        .arg(directory.path()));
    let mut expected = Found::new();
    for (path, node) in nodes {
        let node = match node {
            Node::File {
                content,
                executable,
            } => Ok((*executable, content.bytes())),
            Node::Link(target) => Err(target.clone()),
        };
        expected.insert(path.clone(), node);
    }
    let found = read(directory.path());
    assert!(found.keys().eq(expected.keys()), "{:?}", found.keys());
    for (path, node) in expected {
        assert!(
            found[&path] == node,
            "{path} was unpacked as something else"
        );
    }
}

/// The directories that a release has.
fn directories(bundle: &Bundle) -> BTreeSet<String> {
    let entries = bundle.entries().iter();
    entries
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| entry.path.as_str().to_owned())
        .collect()
}

/// The directories that lead to something, and the empty ones.
fn expected_directories(nodes: &Nodes, empty: &BTreeSet<String>) -> BTreeSet<String> {
    let mut directories = empty.clone();
    for path in nodes.keys().chain(empty) {
        let leading = path
            .match_indices('/')
            .map(|(end, _)| path[..end].to_owned());
        directories.extend(leading);
    }
    directories
}

/// A git and a Subversion repository that get one tree after the other.
struct Repositories {
    git: GitRepository,
    svn: SvnRepository,
}

impl Repositories {
    fn pack_git(&self, nodes: &Nodes) -> Bundle {
        let work = self.git.work();
        for entry in fs::read_dir(&work).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            if path.symlink_metadata().unwrap().is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        put(&work, nodes);
        self.git.git(&["add", "-A", "-f"]);
        self.git
            .git(&["commit", "-q", "--allow-empty", "-m", "random"]);
        bundle(&spec(&work), 2)
    }

    /// Commits the tree as `name` and compares what is packed of it.
    fn check(&self, name: &str, tree: &Tree) -> Result<(), TestCaseError> {
        let Tree { nodes, empty } = tree;
        let none = BTreeSet::new();
        let from_git = self.pack_git(nodes);
        assert_unpacks(&from_git, nodes, self.git.home());
        prop_assert_eq!(directories(&from_git), expected_directories(nodes, &none));
        let [from_svn, from_url] = self.pack_svn(name, nodes, &none);
        prop_assert_eq!(layers(&from_git), layers(&from_svn));
        prop_assert_eq!(from_svn.hash(), from_url.hash());
        if empty.is_empty() {
            return Ok(());
        }
        let [from_svn, from_url] = self.pack_svn(&format!("{name}-empty"), nodes, empty);
        assert_unpacks(&from_svn, nodes, self.git.home());
        prop_assert_eq!(directories(&from_svn), expected_directories(nodes, empty));
        prop_assert_eq!(from_svn.hash(), from_url.hash());
        Ok(())
    }

    /// Commits the tree as a directory of its own; packs a working copy of it and its URL.
    fn pack_svn(&self, name: &str, nodes: &Nodes, empty: &BTreeSet<String>) -> [Bundle; 2] {
        let home = self.svn.home();
        let directory = TempDir::new_in(home).unwrap();
        put(directory.path(), nodes);
        for path in empty {
            fs::create_dir_all(directory.path().join(path)).unwrap();
        }
        let url = self.svn.url(name);
        run(program("svn", home)
            .args([
                "import",
                "-q",
                "--no-ignore",
                "--no-auto-props",
                "-m",
                "random",
            ])
            .arg(directory.path())
            .arg(&url));
        let work = self.svn.check_out(name, name);
        let bundles = [bundle(&spec(&work), 1), bundle(&url_spec(&url), 2)];
        fs::remove_dir_all(work).unwrap();
        bundles
    }
}

/// A tree with one of each: what chance may leave out.
fn everything() -> Tree {
    let file = |content, executable| Node::File {
        content,
        executable,
    };
    let text = |text: &str| file(Content::Text(text.to_owned()), false);
    let deep = vec!["d"; 120].join("/");
    let nodes = [
        ("bulla.toml", text(RECIPE)),
        ("empty file", file(Content::Bytes(Vec::new()), true)),
        ("large", file(Content::Noise(7, LARGE), false)),
        ("same byte", file(Content::Filled(0, LARGE), true)),
        ("-dash/--", text("$Id$\r\n")),
        ("at@/@/x@12/@HEAD", text("@")),
        ("100%/%41%2F", text("%")),
        (" leading and trailing ", text(" ")),
        ("quo\"te/it's", text("'")),
        ("$HOME;*?[a]!", text("$")),
        ("ü/日本/u\u{308}", text("ü")),
        ("link", Node::Link("missing/-x @ü".to_owned())),
        (&deep, Node::Link("d".repeat(200))),
        (&"n".repeat(255), text("n")),
    ];
    let nodes = nodes.map(|(path, node)| (path.to_owned(), node));
    let empty = ["empty", "ü/日本/an @ empty one"].map(str::to_owned);
    Tree {
        nodes: nodes.into(),
        empty: empty.into(),
    }
}

#[test]
fn git_and_svn_give_the_payload_that_was_written() {
    let repositories = Repositories {
        git: GitRepository::new(),
        svn: SvnRepository::new(),
    };
    repositories.check("everything", &everything()).unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        // A smaller tree that fails too is worth a few more rounds, not a thousand.
        max_shrink_iters: 100,
        ..ProptestConfig::with_cases(CASES)
    };
    let count = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&tree(), |tree| {
        count.set(count.get() + 1);
        repositories.check(&format!("tree-{}", count.get()), &tree)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, tree)) => panic!("{why}\n{tree:#?}"),
        Err(error) => panic!("{error}"),
    }
}

/// What no tree may have: git tracks it and is refused, `svn` does not even take it.
#[test]
fn a_line_end_in_a_name_is_refused() {
    let git = GitRepository::with_files();
    git.write("two\nlines", "x");
    git.commit("two lines");
    let Err(error) = crate::pack::packed(&spec(&git.work()), 1) else {
        panic!("packed")
    };
    let said = bulla_schemas::outcome::report(&error, None);
    assert!(said.contains("two\\nlines"), "{said}");

    let svn = SvnRepository::with_files();
    svn.write("two\nlines", "x");
    let added = program("svn", svn.home())
        .current_dir(svn.work())
        .args(["add", "two\nlines"])
        .output()
        .unwrap();
    assert!(!added.status.success());
    let found = bundle(&spec(&svn.work()), 1);
    assert!(
        found
            .entries()
            .iter()
            .all(|entry| !entry.path.as_str().contains('\n'))
    );
}
