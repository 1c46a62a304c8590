//! Random trees: git and Subversion agree with each other and with what was written.

use std::collections::BTreeMap;

use bulla_bundle::Bundle;
use bulla_schemas::Digest;
use bulla_schemas::index::EntryKind;
use proptest::prelude::*;

use crate::checkout::{GitRepository, RECIPE, SvnRepository, make_executable, spec, write};
use crate::pack::{bundle, layers};

/// What lies at a path.
#[derive(Debug, Clone)]
enum Node {
    File {
        content: Vec<u8>,
        executable: bool,
    },
    /// A link to a name beside it, which need not exist.
    Link(String),
}

type Nodes = BTreeMap<String, Node>;

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 @%#&äü日.~-]{1,10}".prop_filter("a name that is not taken", |name| {
        !name.chars().all(|c| c == '.')
            && !name.starts_with(".git")
            && name.as_str() != ".svn"
            && name.as_str() != "bulla.toml"
    })
}

fn node() -> impl Strategy<Value = Node> {
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[a-z\r\n$Id]{0,60}".prop_map(String::into_bytes),
        (any::<u8>(), 0_usize..400_000).prop_map(|(byte, size)| vec![byte; size]),
    ];
    prop_oneof![
        4 => (content, any::<bool>())
            .prop_map(|(content, executable)| Node::File { content, executable }),
        1 => name().prop_map(Node::Link),
    ]
}

/// Nodes at up to four levels, of which none is also a directory.
fn nodes() -> impl Strategy<Value = Nodes> {
    let path = proptest::collection::vec(name(), 1..5).prop_map(|parts| parts.join("/"));
    proptest::collection::btree_map(path, node(), 1..25).prop_map(|nodes| {
        let within = |path: &str, other: &str| {
            path.strip_prefix(other)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let paths: Vec<String> = nodes.keys().cloned().collect();
        let mut nodes: Nodes = nodes
            .into_iter()
            .filter(|(path, _)| !paths.iter().any(|other| within(other, path)))
            .collect();
        let recipe = Node::File {
            content: RECIPE.into(),
            executable: false,
        };
        nodes.insert("bulla.toml".to_owned(), recipe);
        nodes
    })
}

fn put(top: &std::path::Path, nodes: &Nodes) {
    for (path, node) in nodes {
        match node {
            Node::File {
                content,
                executable,
            } => {
                write(top, path, content);
                if *executable {
                    make_executable(&top.join(path));
                }
            }
            Node::Link(target) => {
                let link = top.join(path);
                std::fs::create_dir_all(link.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(target, link).unwrap();
            }
        }
    }
}

fn assert_holds(bundle: &Bundle, nodes: &Nodes) {
    let mut found = bundle
        .entries()
        .iter()
        .filter(|entry| entry.kind != EntryKind::Directory);
    for (path, node) in nodes {
        let entry = found.next().unwrap();
        assert_eq!(entry.path.as_str(), path);
        match (node, &entry.kind) {
            (
                Node::File {
                    content,
                    executable,
                },
                EntryKind::File {
                    executable: is_executable,
                    size,
                    digest,
                },
            ) => {
                assert_eq!(executable, is_executable);
                assert_eq!(*size, content.len() as u64);
                assert_eq!(*digest, Digest::of(content));
            }
            (Node::Link(target), EntryKind::Link { target: found }) => {
                assert_eq!(found.as_str(), target);
            }
            (node, kind) => panic!("wrote {node:?}, found {kind:?}"),
        }
    }
    assert!(found.next().is_none());
}

proptest! {
    // Each case starts about twenty programs.
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn git_and_svn_give_the_payload_that_was_written(nodes in nodes()) {
        let git = GitRepository::new();
        put(&git.work(), &nodes);
        git.git(&["add", "-A", "-f"]);
        git.git(&["commit", "-q", "-m", "random"]);
        let svn = SvnRepository::new();
        put(&svn.work(), &nodes);
        svn.svn(&["add", "-q", "--force", "--no-ignore", "."]);
        svn.svn(&["commit", "-q", "-m", "random"]);
        svn.svn(&["update", "-q"]);

        let from_git = bundle(&spec(&git.work()), 2);
        let from_svn = bundle(&spec(&svn.work()), 1);
        assert_holds(&from_git, &nodes);
        prop_assert_eq!(layers(&from_git), layers(&from_svn));
    }
}
