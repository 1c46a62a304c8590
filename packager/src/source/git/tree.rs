//! A commit's tree, walked once, and the content of its files on demand.

use std::io;
use std::path::{Path, PathBuf};

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use gix::objs::tree::EntryKind;

use super::error::{GitContentError, GitError};
use super::lfs::LargeFile;
use super::objects::{Objects, is_partial};
use super::private::PrivateRepository;
use super::verify;
use crate::filter::Filter;
use crate::source::listing::Listing;
use crate::source::{ContentId, SourceError, Tracked, TrackedKind, Tree, disk, join};

/// An entry and where its content is.
pub(super) struct Entry {
    pub(super) tracked: Tracked,
    pub(super) place: Place,
}

/// Where the content of an entry is.
pub(super) enum Place {
    /// In the object database.
    Object(gix::ObjectId),
    /// In the work tree, changed and in no commit.
    WorkTree(PathBuf),
    /// In a store of Git LFS.
    Large(LargeFile),
    /// Filled in from the commit, as `export-subst` asks.
    Substituted(Vec<u8>),
    /// At a position of one of the submodules.
    Submodule { number: usize, position: usize },
    /// Nowhere: a directory.
    Nothing,
}

/// Lists every entry of `commit`. Directories are implied by what is in them.
pub(super) fn entries(commit: &gix::Commit<'_>, top: &Path) -> Result<Vec<Entry>, GitError> {
    let failed = |source| GitError::Repository {
        action: "read a tree of",
        repository: top.to_owned(),
        source,
    };
    verify::commit(commit).map_err(failed)?;
    let root = commit.tree_id().map_err(failed)?.detach();
    below(commit.repo, root, &[], top)
}

/// Most entries and directories of a commit, its submodules included: twice what a bundle may have.
/// A few small trees can name each other so that they make more than any machine can list.
pub(super) const MOST: usize = 2_000_000;

/// Something in a tree that was not looked at yet.
enum Pending {
    Entry(Entry),
    Tree(Vec<u8>, gix::ObjectId),
}

/// Lists every entry of the tree `root`, which lies at `path`, in the order of git, which is that
/// of the bytes of the paths.
pub(super) fn below(
    repository: &gix::Repository,
    root: gix::ObjectId,
    path: &[u8],
    top: &Path,
) -> Result<Vec<Entry>, GitError> {
    let failed = |source| GitError::Repository {
        action: "read a tree of",
        repository: top.to_owned(),
        source,
    };
    let mut entries = Vec::new();
    let mut pending = vec![Pending::Tree(path.to_owned(), root)];
    let mut seen = 0;
    while let Some(next) = pending.pop() {
        let (prefix, id) = match next {
            Pending::Tree(prefix, id) => (prefix, id),
            Pending::Entry(entry) => {
                entries.push(entry);
                continue;
            }
        };
        let tree = repository.find_tree(id).map_err(|source| {
            if source.is_not_found() {
                absent(repository, id, &prefix, top)
            } else {
                failed(source)
            }
        })?;
        verify::tree(&tree).map_err(failed)?;
        let first = pending.len();
        for entry in tree.iter() {
            seen += 1;
            if seen > MOST {
                return Err(too_many(top));
            }
            pending.push(look_at(&entry.map_err(failed)?, &prefix)?);
        }
        pending[first..].reverse();
    }
    Ok(entries)
}

fn look_at(
    entry: &gix::object::tree::EntryRef<'_, '_>,
    prefix: &[u8],
) -> Result<Pending, GitError> {
    let name = entry.filename();
    let path = join(prefix, name);
    if !is_name(name) {
        return Err(GitError::Content(GitContentError::EntryName {
            path: String::from_utf8_lossy(&path).into_owned(),
        }));
    }
    // Deeper than any path may be: a tree made by hand, which must not be walked without end.
    if path.len() > 2 * bulla_schemas::EntryPath::MAX_LEN {
        return Err(GitError::TooDeep {
            path: String::from_utf8_lossy(&path[..60]).into_owned(),
        });
    }
    let kind = match entry.mode().kind() {
        EntryKind::Tree => return Ok(Pending::Tree(path, entry.object_id())),
        EntryKind::Blob => TrackedKind::File { executable: false },
        EntryKind::BlobExecutable => TrackedKind::File { executable: true },
        EntryKind::Link => TrackedKind::Link,
        EntryKind::Commit => TrackedKind::Submodule,
    };
    Ok(Pending::Entry(Entry {
        tracked: Tracked { path, kind },
        place: Place::Object(entry.object_id()),
    }))
}

/// Tells whether git would take `name` for one part of a path. Others are in trees made by hand.
fn is_name(name: &[u8]) -> bool {
    !(matches!(name, b"" | b"." | b"..")
        || name.contains(&b'/')
        || name.eq_ignore_ascii_case(b".git"))
}

/// A commit with more than [`MOST`] entries.
pub(super) fn too_many(top: &Path) -> GitError {
    GitError::TooMany {
        repository: top.to_owned(),
        most: MOST,
    }
}

/// A tree that is not in this clone.
fn absent(repository: &gix::Repository, id: gix::ObjectId, path: &[u8], top: &Path) -> GitError {
    let shown = format!("{}/", String::from_utf8_lossy(path));
    GitError::Content(GitContentError::Absent {
        repository: top.to_owned(),
        objects: Listing(vec![(id.to_string(), shown)]),
        partial: is_partial(repository),
    })
}

/// Where the entries of a tree come from.
pub(super) struct TreeContext {
    /// The repository, for messages.
    pub(super) top: PathBuf,
    pub(super) commit: gix::ObjectId,
    pub(super) work_tree: Option<PathBuf>,
    /// Where relative URLs of submodules begin.
    pub(super) url: String,
    /// The directory for temporary files.
    pub(super) spool: PathBuf,
    /// Whether changes of the work tree are packed.
    pub(super) dirty: bool,
    /// The directory that the repository was fetched into, gone with the tree.
    #[expect(dead_code, reason = "held until the tree is dropped")]
    pub(super) fetched: Option<PrivateRepository>,
}

/// The entries of a commit, perhaps with changes of the work tree over them.
pub(super) struct GitTree {
    pub(super) objects: Objects,
    pub(super) context: TreeContext,
    pub(super) tracked: Vec<Tracked>,
    pub(super) places: Vec<Place>,
    /// What is mounted, once the tree is resolved.
    pub(super) submodules: Vec<GitTree>,
}

impl GitTree {
    pub(super) fn new(objects: Objects, context: TreeContext, entries: Vec<Entry>) -> Self {
        let (tracked, places) = entries
            .into_iter()
            .map(|entry| (entry.tracked, entry.place))
            .unzip();
        Self {
            objects,
            context,
            tracked,
            places,
            submodules: Vec::new(),
        }
    }
}

impl Tree for GitTree {
    fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        match &self.places[position] {
            Place::Object(id) => self.objects.blob(*id),
            Place::WorkTree(path) => disk::open(path, self.tracked[position].kind),
            Place::Large(file) => file.open(),
            Place::Substituted(bytes) => Ok(Content::Memory(bytes.clone())),
            Place::Submodule { number, position } => self.submodules[*number].content(*position),
            Place::Nothing => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn id(&self, position: usize) -> Option<ContentId> {
        match &self.places[position] {
            Place::Object(id) => content_id(*id),
            Place::Large(file) => Some(ContentId::Sha256(file.sha256)),
            Place::Submodule { number, position } => self.submodules[*number].id(*position),
            // Neither is named by git: a filled-in text differs from its blob.
            Place::WorkTree(_) | Place::Substituted(_) | Place::Nothing => None,
        }
    }

    fn resolve(
        self: Box<Self>,
        section: &SourceSection,
        filter: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError> {
        Ok(Box::new(self.resolved(section, filter)?))
    }
}

fn content_id(id: gix::ObjectId) -> Option<ContentId> {
    match id.kind() {
        gix::hash::Kind::Sha1 => id.as_slice().try_into().ok().map(ContentId::GitSha1),
        gix::hash::Kind::Sha256 => id.as_slice().try_into().ok().map(ContentId::GitSha256),
        _ => None,
    }
}
