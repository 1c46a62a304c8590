//! What in a working copy's directories is not as its database describes it: a file with the size and
//! time that were recorded is unchanged, as `svn` itself decides it.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, Metadata};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::database::nodes::{Kind, Node};
use crate::error::WorkingCopyError;
use crate::working_copy::WorkingCopy;

/// Returns the directories, from the root, in which something is not as recorded.
pub fn doubtful(working_copy: &WorkingCopy) -> Result<BTreeSet<&str>, WorkingCopyError> {
    let nodes = working_copy.nodes.iter();
    let known: HashMap<&str, &Node> = nodes
        .chain(&working_copy.file_externals)
        .filter(|node| node.is_present())
        .map(|node| (node.path.as_str(), node))
        .collect();
    let expected = count_in_directories(&known, working_copy);
    let mounted = mounted(working_copy);
    let mut doubtful = BTreeSet::new();
    let mut path = String::new();
    for (directory, expected) in expected {
        let on_disk = working_copy.root.join(directory);
        let failed = |source| WorkingCopyError::Unreadable {
            checkout: working_copy.root.clone(),
            what: format!("the directory `{directory}`"),
            source,
        };
        let entries = match fs::read_dir(&on_disk) {
            Ok(entries) => entries,
            Err(error) if is_directory(&on_disk) => return Err(failed(error)),
            // Its parent misses it, or something else is in its place, such as a link to itself.
            Err(_) => continue,
        };
        let mut found = 0;
        let mut is_plain = true;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            path.clear();
            path.push_str(directory);
            if !directory.is_empty() {
                path.push('/');
            }
            match name.to_str() {
                Some(".svn") => continue,
                Some(name) => path.push_str(name),
                None => {
                    is_plain = false;
                    continue;
                }
            }
            match known.get(path.as_str()) {
                Some(node) => {
                    found += 1;
                    is_plain &= match node.kind {
                        Kind::Directory => entry.file_type().map_err(failed)?.is_dir(),
                        Kind::File => is_as_recorded(node, &entry.metadata().map_err(failed)?),
                    };
                }
                None => is_plain &= mounted.contains(path.as_str()),
            }
        }
        if !is_plain || found != expected {
            doubtful.insert(directory);
        }
    }
    Ok(doubtful)
}

/// Returns every directory and how many known paths are right in it.
fn count_in_directories<'a>(
    known: &HashMap<&'a str, &Node>,
    working_copy: &'a WorkingCopy,
) -> HashMap<&'a str, usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (path, node) in known {
        if node.kind == Kind::Directory {
            counts.entry(path).or_default();
        }
        if *path != working_copy.top {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            *counts.entry(parent).or_default() += 1;
        }
    }
    counts
}

/// Returns where externals are, and the directories above them.
fn mounted(working_copy: &WorkingCopy) -> BTreeSet<&str> {
    let mut mounted = BTreeSet::new();
    for path in &working_copy.mounted {
        let mut path = path.as_str();
        while mounted.insert(path) {
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None => break,
            }
        }
    }
    mounted
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
}

/// Tells whether a file is surely unchanged.
fn is_as_recorded(node: &Node, metadata: &Metadata) -> bool {
    let is_right_kind = if node.properties.special {
        metadata.is_symlink()
    } else {
        metadata.is_file()
    };
    let modified =
        metadata
            .modified()
            .ok()
            .and_then(|time| match time.duration_since(UNIX_EPOCH) {
                Ok(after) => i64::try_from(after.as_micros()).ok(),
                // Rounded down, as the C library's seconds and nanoseconds are.
                Err(before) => i64::try_from(before.duration().as_nanos().div_ceil(1000))
                    .ok()
                    .map(|microseconds| -microseconds),
            });
    let found = modified.map(|modified| (metadata.len(), modified));
    is_right_kind && node.recorded.is_some() && node.recorded == found
}
