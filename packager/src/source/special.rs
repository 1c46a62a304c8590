//! Pipes, devices and sockets where a checkout has files. gix and SQLite open by name, and who
//! opens a named pipe waits until another writes to it. So what these names are is looked at
//! before, without opening any.
//!
//! A repository's own directory is looked through here; the files that a work tree may have in
//! every directory, in `git/work_tree.rs`.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::{FailureKind, Outcome};

/// The directories of a git directory that are read, and how deep.
const GIT_DIRECTORIES: [(&str, usize); 4] = [
    ("info", 1),
    // `info/commit-graphs/` is the deepest.
    ("objects", 3),
    ("refs", DEEPEST_NAME),
    ("logs", DEEPEST_NAME),
];

/// A name of a reference has no more parts: it has at most 4,096 bytes.
const DEEPEST_NAME: usize = 2048;

/// git's own socket, which only git opens.
const SOCKET_OF_GIT: &str = "fsmonitor--daemon.ipc";

/// What is read to tell whether a directory is a repository.
pub(super) const MARKS: [&str; 3] = ["HEAD", "commondir", "gitdir"];

/// Most bytes of `objects/info/alternates`.
const ALTERNATES: u64 = 1024 * 1024;

/// Most object databases that borrow from each other; git itself follows six.
const MOST_ALTERNATES: usize = 64;

/// Something else than a file, where a file would be opened.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is {found}; expected a file, so the checkout is not read", path = .path.display())]
pub struct SpecialFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub found: &'static str,
}

impl Outcome for SpecialFile {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some("move it away, or pack a fresh clone".to_owned())
    }
}

/// Refuses what is neither a file nor a directory in the git directory of the checkout `top`, and
/// in the object databases that it borrows from.
pub(crate) fn require_files_of_git(top: &Path) -> Result<(), SpecialFile> {
    let dot_git = top.join(".git");
    require_file(&dot_git)?;
    let git_dir = match dot_git.metadata() {
        // Where it leads to no directory, opening the repository says so.
        Ok(found) if found.is_file() => match gix::discover::path::from_gitdir_file(&dot_git) {
            Ok(git_dir) => git_dir,
            Err(_) => return Ok(()),
        },
        Ok(_) => dot_git,
        Err(_) => top.to_owned(),
    };
    let mut search = Search::default();
    search.git_dir(&git_dir)?;
    let common = gix::discover::path::from_plain_file(&git_dir.join("commondir"));
    if let Some(Ok(common)) = common
        && let Ok(common) = git_dir.join(common).canonicalize()
    {
        search.git_dir(&common)?;
    }
    Ok(())
}

/// Refuses what is neither a file nor a directory among what Subversion and SQLite open in the
/// `.svn` of the working copy at `root`. Pristine texts are opened with care, one by one.
pub(crate) fn require_files_of_svn(root: &Path) -> Result<(), SpecialFile> {
    Search::default().directory(&root.join(".svn"), 0)
}

/// Refuses a pipe, a device or a socket at `path`, or where it leads.
pub(super) fn require_file(path: &Path) -> Result<(), SpecialFile> {
    let found = path.metadata().ok();
    match found.and_then(|found| bulla_files::special_type(found.file_type())) {
        None => Ok(()),
        Some(found) => Err(SpecialFile {
            path: path.to_owned(),
            found,
        }),
    }
}

/// Directories on the way, each entered once.
#[derive(Default)]
struct Search {
    /// Where links led, which may lead in a circle.
    linked: HashSet<PathBuf>,
    /// Object databases.
    objects: HashSet<PathBuf>,
}

impl Search {
    fn git_dir(&mut self, git_dir: &Path) -> Result<(), SpecialFile> {
        self.directory(git_dir, 0)?;
        for (name, depth) in GIT_DIRECTORIES {
            self.directory(&git_dir.join(name), depth)?;
        }
        self.alternates(&git_dir.join("objects"))
    }

    /// Follows object databases to those that they borrow from.
    fn alternates(&mut self, objects: &Path) -> Result<(), SpecialFile> {
        let mut next = vec![objects.to_owned()];
        while let Some(directory) = next.pop() {
            if self.objects.len() == MOST_ALTERNATES || !self.objects.insert(directory.clone()) {
                continue;
            }
            self.directory(&directory, 3)?;
            let list = directory.join("info").join("alternates");
            // What is damaged is said when the repository is opened.
            let text = bulla_files::read_up_to(&list, ALTERNATES).ok().flatten();
            let named = text.and_then(|text| gix::odb::alternate::parse(&text).ok());
            next.extend(named.into_iter().flatten().map(|named| objects.join(named)));
        }
        Ok(())
    }

    /// Looks at all that lies in a directory and up to `depth` levels below.
    fn directory(&mut self, directory: &Path, depth: usize) -> Result<(), SpecialFile> {
        let mut next = vec![(directory.to_owned(), depth)];
        while let Some((directory, depth)) = next.pop() {
            // What cannot be listed, gix cannot read either, or it is not there.
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                if let Some(below) = self.entry(&entry)?
                    && depth > 0
                {
                    next.push((below, depth - 1));
                }
            }
        }
        Ok(())
    }

    /// Looks at one name, and returns the directory that it is.
    fn entry(&mut self, entry: &fs::DirEntry) -> Result<Option<PathBuf>, SpecialFile> {
        let Ok(listed) = entry.file_type() else {
            return Ok(None);
        };
        if listed.is_file() || entry.file_name() == SOCKET_OF_GIT {
            return Ok(None);
        }
        let path = entry.path();
        if listed.is_dir() {
            return Ok(Some(path));
        }
        require_file(&path)?;
        let is_new = |linked: &PathBuf| linked.is_dir() && self.linked.insert(linked.clone());
        Ok(path.canonicalize().ok().filter(is_new))
    }
}

/// Tells whether `directory` is a git directory, and not a work tree that has one. What would be
/// opened for that and is not a file counts as what it stands for, so that opening it is refused.
pub(super) fn is_git_dir(directory: &Path) -> bool {
    let marks = MARKS.map(|name| directory.join(name));
    if marks.iter().all(|mark| require_file(mark).is_ok()) {
        return gix::discover::is_git(directory).is_ok();
    }
    directory.join("objects").is_dir() && directory.join("refs").is_dir()
}

/// Lists a directory as far as that is possible.
pub(super) fn listed(directory: &Path) -> Vec<fs::DirEntry> {
    let entries: io::Result<Vec<_>> = fs::read_dir(directory).map(|all| all.flatten().collect());
    entries.unwrap_or_default()
}
