//! The content in the place of what only stands for it: submodules, pointers of Git LFS, and
//! `$Format:...$` in files that ask for it. What `export-ignore` leaves out goes.

mod resolution;

use std::collections::BTreeSet;
use std::path::PathBuf;

use bulla_schemas::recipe::{Lfs, SourceSection};

use super::attributes::{self, Attributes, Marks};
use super::changes::Changes;
use super::error::{GitContentError, GitError};
use super::objects::{Objects, is_partial};
use super::submodules::{self, Parent};
use super::tree::{self, Entry, GitTree, Place, TreeContext};
use super::{lfs, substitution};
use crate::filter::Filter;
use crate::source::listing::Listing;
use crate::source::{SourceError, Tracked, TrackedKind, Tree as _, join, read};
use resolution::Resolution;

impl GitTree {
    /// Puts the content of everything that `filter` takes in its place.
    pub(super) fn resolved(
        self,
        section: &SourceSection,
        filter: &Filter,
    ) -> Result<Self, SourceError> {
        if let Some(path) = section.externals.keys().next() {
            return Err(SourceError::UnusedPin { path: path.clone() });
        }
        self.resolve_within(&mut Resolution::new(section.lfs, filter.judge()))
    }

    fn resolve_within(mut self, resolution: &mut Resolution<'_>) -> Result<Self, SourceError> {
        self.refuse_absent(resolution)?;
        if let Some(attributes) = self.attributes(resolution)? {
            let marks = self.leave_out_ignored(&attributes);
            self.substitute(&marks, resolution)?;
            if resolution.lfs == Lfs::Content {
                self.find_large_files(&marks, resolution)?;
            }
        }
        self.mount_submodules(resolution)?;
        Ok(self)
    }

    /// Reads the `.gitattributes` files. None when they say nothing about releases.
    fn attributes(&self, resolution: &Resolution<'_>) -> Result<Option<Attributes>, SourceError> {
        const WORDS: [&[u8]; 3] = [b"export-ignore", b"export-subst", b"lfs"];
        let mut files = Vec::new();
        for (position, tracked) in self.tracked.iter().enumerate() {
            let Some(directory) = tracked.path.strip_suffix(attributes::FILE) else {
                continue;
            };
            let directory = match directory {
                [] => directory,
                [directory @ .., b'/'] => directory,
                _ => continue,
            };
            // For git the target of a link is a text as well.
            if matches!(tracked.kind, TrackedKind::File { .. } | TrackedKind::Link)
                && let Some(content) = self.attributes_file(position, resolution)?
            {
                files.push((directory.to_owned(), content));
            }
        }
        let says = |word: &[u8]| {
            files
                .iter()
                .any(|(_, content)| content.windows(word.len()).any(|window| window == word))
        };
        if !WORDS.into_iter().any(says) {
            return Ok(None);
        }
        Attributes::read(files).map_err(|source| {
            GitContentError::unreadable(resolution.shown(attributes::FILE), source).into()
        })
    }

    /// Reads a `.gitattributes` file. None when it is so large that git ignores it.
    fn attributes_file(
        &self,
        position: usize,
        resolution: &Resolution<'_>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let path = || resolution.shown(&self.tracked[position].path);
        let unreadable = |source: std::io::Error| GitContentError::unreadable(path(), source);
        let content = self.content(position).map_err(unreadable)?;
        if content.size() >= attributes::MAX_LEN {
            return Ok(None);
        }
        Ok(Some(
            read(content, attributes::MAX_LEN).map_err(unreadable)?,
        ))
    }

    /// Reads a file that says something about others.
    fn settings(
        &self,
        position: usize,
        limit: u64,
        resolution: &Resolution<'_>,
    ) -> Result<Vec<u8>, SourceError> {
        self.content(position)
            .and_then(|content| read(content, limit))
            .map_err(|source| {
                let path = resolution.shown(&self.tracked[position].path);
                GitContentError::unreadable(path, source).into()
            })
    }

    /// Drops what has `export-ignore`, and returns what the attributes say about the rest. A
    /// directory stays when only files in it are left out, as `git archive` has it.
    fn leave_out_ignored(&mut self, attributes: &Attributes) -> Vec<Marks> {
        let mut judge = attributes.judge();
        let mut marks = Vec::with_capacity(self.tracked.len());
        let mut emptied = BTreeSet::new();
        let tracked = std::mem::take(&mut self.tracked);
        let places = std::mem::take(&mut self.places);
        for (tracked, place) in tracked.into_iter().zip(places) {
            let said = judge.marks(&tracked.path, tracked.kind == TrackedKind::Submodule);
            if !said.ignored {
                marks.push(said);
                self.tracked.push(tracked);
                self.places.push(place);
            } else if let Some(directory) = parent(&tracked.path)
                && !judge.ignores_directory(directory)
            {
                emptied.insert(directory.to_owned());
            }
        }
        // What holds something, if only such a directory, is there because of that.
        let others = emptied.clone();
        for path in self
            .tracked
            .iter()
            .map(|tracked| &tracked.path)
            .chain(&others)
        {
            let mut below = path.as_slice();
            while let Some(directory) = parent(below) {
                emptied.remove(directory);
                below = directory;
            }
        }
        for path in emptied {
            marks.push(Marks::default());
            self.tracked.push(Tracked {
                path,
                kind: TrackedKind::Directory,
            });
            self.places.push(Place::Nothing);
        }
        marks
    }

    /// Fills in what `export-subst` asks for.
    fn substitute(
        &mut self,
        marks: &[Marks],
        resolution: &mut Resolution<'_>,
    ) -> Result<(), SourceError> {
        let asking = self.marked(marks, resolution, |marks| marks.substituted && !marks.large);
        if asking.is_empty() {
            return Ok(());
        }
        let failed = |source| GitError::Repository {
            action: "read a commit of",
            repository: self.context.top.clone(),
            source,
        };
        let repository = self.objects.repository();
        let commit = repository
            .find_commit(self.context.commit)
            .map_err(failed)?;
        let decoded = commit.decode().map_err(failed)?;
        for position in asking {
            let path = || resolution.shown(&self.tracked[position].path);
            let unreadable = |source: std::io::Error| GitContentError::unreadable(path(), source);
            let content = self.content(position).map_err(unreadable)?;
            let size = content.size();
            if size > substitution::MAX_LEN {
                return Err(GitContentError::TooLargeToSubstitute {
                    path: path(),
                    size,
                    most: substitution::MAX_LEN,
                }
                .into());
            }
            let content = read(content, substitution::MAX_LEN).map_err(unreadable)?;
            let expanded = substitution::expand(&content, self.context.commit, &decoded).map_err(
                |unknown| GitContentError::Placeholder {
                    path: path(),
                    placeholder: unknown.0,
                },
            )?;
            if let Some(bytes) = expanded {
                self.places[position] = Place::Substituted(bytes);
            }
        }
        Ok(())
    }

    /// Finds what the pointers of Git LFS stand for.
    fn find_large_files(
        &mut self,
        marks: &[Marks],
        resolution: &mut Resolution<'_>,
    ) -> Result<(), SourceError> {
        let asking = self.marked(marks, resolution, |marks| marks.large);
        let mut wanted = Vec::new();
        for position in asking {
            let path = || resolution.shown(&self.tracked[position].path);
            let unreadable = |source: std::io::Error| GitContentError::unreadable(path(), source);
            let content = self.content(position).map_err(unreadable)?;
            if content.size() >= lfs::Pointer::MAX_LEN {
                continue;
            }
            let content = read(content, lfs::Pointer::MAX_LEN).map_err(unreadable)?;
            match lfs::Pointer::read(&content) {
                lfs::Reading::Content => {}
                lfs::Reading::Unreadable(why) => {
                    return Err(GitContentError::Pointer { path: path(), why }.into());
                }
                lfs::Reading::Pointer(pointer) => wanted.push(lfs::Wanted {
                    position,
                    path: self.tracked[position].path.clone(),
                    pointer,
                }),
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let repository = self.objects.repository();
        for (position, file) in lfs::find(
            &repository,
            self.context.commit,
            wanted,
            &self.context.spool,
        )? {
            self.places[position] = Place::Large(file);
        }
        Ok(())
    }

    /// Returns the positions of the files that belong to the release and have the marks.
    fn marked(
        &self,
        marks: &[Marks],
        resolution: &mut Resolution<'_>,
        has_them: impl Fn(&Marks) -> bool,
    ) -> Vec<usize> {
        let mut positions = Vec::new();
        for (position, tracked) in self.tracked.iter().enumerate() {
            if matches!(tracked.kind, TrackedKind::File { .. })
                && has_them(&marks[position])
                && resolution.takes(tracked)
            {
                positions.push(position);
            }
        }
        positions
    }

    /// Puts the entries of every submodule below its path. One of which nothing is taken goes.
    fn mount_submodules(&mut self, resolution: &mut Resolution<'_>) -> Result<(), SourceError> {
        if !self
            .tracked
            .iter()
            .any(|tracked| tracked.kind == TrackedKind::Submodule)
        {
            return Ok(());
        }
        self.refuse_below_submodules(resolution)?;
        let gitmodules = self
            .tracked
            .iter()
            .position(|tracked| {
                tracked.path == submodules::FILE && matches!(tracked.kind, TrackedKind::File { .. })
            })
            .map(|position| self.settings(position, submodules::MAX_LEN, resolution))
            .transpose()?;
        let tracked = std::mem::take(&mut self.tracked);
        let places = std::mem::take(&mut self.places);
        for (tracked, place) in tracked.into_iter().zip(places) {
            let (TrackedKind::Submodule, Place::Object(commit)) = (tracked.kind, &place) else {
                self.tracked.push(tracked);
                self.places.push(place);
                continue;
            };
            let shown = resolution.shown(&tracked.path);
            if !resolution.judge.may_take_below(&shown) {
                continue;
            }
            resolution.count(&shown)?;
            let submodule =
                self.submodule(&tracked.path, &shown, *commit, gitmodules.as_deref())?;
            let below = join(&resolution.prefix, &tracked.path);
            let above = std::mem::replace(&mut resolution.prefix, below);
            resolution.depth += 1;
            let submodule = submodule.resolve_within(resolution)?;
            resolution.depth -= 1;
            resolution.prefix = above;
            self.mount(&tracked.path, submodule)?;
        }
        Ok(())
    }

    /// A hand-made tree can have a submodule and a directory of the same name.
    fn refuse_below_submodules(&self, resolution: &Resolution<'_>) -> Result<(), SourceError> {
        let is_submodule = |tracked: &&Tracked| tracked.kind == TrackedKind::Submodule;
        for submodule in self.tracked.iter().filter(is_submodule) {
            let is_below = |tracked: &&Tracked| {
                let rest = tracked.path.strip_prefix(submodule.path.as_slice());
                rest.is_some_and(|rest| rest.starts_with(b"/"))
            };
            if let Some(file) = self.tracked.iter().find(is_below) {
                return Err(GitContentError::BelowSubmodule {
                    path: resolution.shown(&submodule.path),
                    file: resolution.shown(&file.path),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Reads the submodule at `path`: what is recorded, or what is checked out when changes are
    /// packed.
    fn submodule(
        &self,
        path: &[u8],
        shown: &str,
        commit: gix::ObjectId,
        gitmodules: Option<&[u8]>,
    ) -> Result<Self, SourceError> {
        let repository = self.objects.repository();
        let spool = self.context.spool.clone();
        let checked_out = self
            .context
            .work_tree
            .as_deref()
            .filter(|_| self.context.dirty)
            .and_then(|work_tree| submodules::checked_out(work_tree, path));
        if let Some(top) = checked_out {
            return Self::of_work_tree(top, spool);
        }
        let found = Parent {
            repository: &repository,
            url: &self.context.url,
            work_tree: self.context.work_tree.as_deref(),
            gitmodules,
            spool: &spool,
        }
        .submodule(path, shown, commit)?;
        let entries = {
            let repository = found.objects.repository();
            let commit = repository
                .find_commit(commit)
                .map_err(|source| GitError::Repository {
                    action: "read a commit of",
                    repository: found.top.clone(),
                    source,
                })?;
            tree::entries(&commit, &found.top)?
        };
        let context = TreeContext {
            top: found.top,
            commit,
            work_tree: found.work_tree,
            url: found.url,
            spool,
            dirty: false,
            fetched: found.fetched,
        };
        Ok(Self::new(found.objects, context, entries))
    }

    /// Reads a submodule as it is checked out, with its changes.
    fn of_work_tree(top: PathBuf, spool: PathBuf) -> Result<Self, SourceError> {
        let objects = Objects::open(&top, &spool)?;
        let repository = objects.repository();
        let commit = repository
            .head_commit()
            .map_err(|source| GitError::Repository {
                action: "read a commit of",
                repository: top.clone(),
                source,
            })?;
        let changes = Changes::find(&top)?;
        let entries: Vec<Entry> = if changes.is_empty() {
            tree::entries(&commit, &top)?
        } else {
            changes.apply(&repository, &top)?
        };
        let context = TreeContext {
            commit: commit.id,
            url: submodules::own_url(&repository, &top),
            work_tree: Some(top.clone()),
            top,
            spool,
            dirty: true,
            fetched: None,
        };
        drop(commit);
        Ok(Self::new(objects, context, entries))
    }

    /// Takes the entries of `submodule` over. An empty one stays an empty directory.
    fn mount(&mut self, path: &[u8], submodule: Self) -> Result<(), SourceError> {
        if self.tracked.len() + submodule.tracked.len() > tree::MOST {
            return Err(tree::too_many(&self.context.top).into());
        }
        let number = self.submodules.len();
        if submodule.tracked.is_empty() {
            self.tracked.push(Tracked {
                path: path.to_owned(),
                kind: TrackedKind::Directory,
            });
            self.places.push(Place::Nothing);
        }
        for (position, tracked) in submodule.tracked.iter().enumerate() {
            self.tracked.push(Tracked {
                path: join(path, &tracked.path),
                kind: tracked.kind,
            });
            self.places.push(Place::Submodule { number, position });
        }
        self.submodules.push(submodule);
        Ok(())
    }

    /// A partial clone leaves objects out on purpose; they are named before anything is read.
    fn refuse_absent(&self, resolution: &mut Resolution<'_>) -> Result<(), SourceError> {
        let repository = self.objects.repository();
        if !is_partial(&repository) {
            return Ok(());
        }
        let mut absent = Vec::new();
        for (tracked, place) in self.tracked.iter().zip(&self.places) {
            if let Place::Object(id) = place
                && tracked.kind != TrackedKind::Submodule
                && !repository.has_object(id)
                && resolution.takes(tracked)
            {
                absent.push((id.to_string(), resolution.shown(&tracked.path)));
            }
        }
        if absent.is_empty() {
            return Ok(());
        }
        Err(GitContentError::Absent {
            repository: self.context.top.clone(),
            objects: Listing(absent),
            partial: true,
        }
        .into())
    }
}

/// Returns the directory that holds `path`; None at the top.
fn parent(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..end])
}
