//! Files of a work tree that a filter would turn into what the commit has. Filters are programs,
//! and configuration may come with a checkout: none is run. What Git LFS would say is known
//! without it, from the pointer.

use std::io::{self, Read as _};
use std::path::Path;

use bulla_schemas::Digest;
use gix::attrs::StateRef;
use gix::bstr::BStr;
use gix::worktree::stack::state::attributes::Source;
use sha2::{Digest as _, Sha256};

use super::lfs::{Pointer, Reading};

/// Takes all filters out of the configuration that `repository` goes by.
pub(super) fn forget_filters(repository: &mut gix::Repository) -> Result<(), gix::Error> {
    let mut settings = repository.config_snapshot_mut();
    let ids: Vec<_> = settings
        .sections_and_ids_by_name("filter")
        .into_iter()
        .flatten()
        .map(|(_, id)| id)
        .collect();
    for id in ids {
        settings.remove_section_by_id(id);
    }
    settings.commit().map(drop)
}

/// Why a file of a work tree has other bytes than the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// It was changed.
    None,
    /// It is what the pointer in the index stands for, so it was not changed.
    Pointer,
    /// It has a filter, which alone could tell.
    Filter,
}

/// Explains modified files of one work tree.
pub(super) struct Conversions<'repository> {
    repository: &'repository gix::Repository,
    /// What is needed to look, once something is modified.
    attributes: Option<(gix::worktree::Index, gix::AttributeStack<'repository>)>,
}

impl<'repository> Conversions<'repository> {
    pub(super) const fn new(repository: &'repository gix::Repository) -> Self {
        Self {
            repository,
            attributes: None,
        }
    }

    /// Explains why the file at `path` has other bytes than the index.
    pub(super) fn explain(&mut self, path: &BStr) -> Conversion {
        let filter = self.filter(path);
        match filter.as_deref() {
            Some(b"lfs") if self.is_content_of_pointer(path) => Conversion::Pointer,
            None | Some(b"lfs") => Conversion::None,
            Some(_) => Conversion::Filter,
        }
    }

    /// Returns the name of the filter that the attributes give to `path`.
    fn filter(&mut self, path: &BStr) -> Option<Vec<u8>> {
        if self.attributes.is_none() {
            let index = self.repository.index_or_empty().ok()?;
            let stack = self
                .repository
                .attributes_only(&index, Source::WorktreeThenIdMapping)
                .ok()?;
            self.attributes = Some((index, stack));
        }
        let (_, stack) = self.attributes.as_mut()?;
        // What no file names is not known, so the files on the way are read first.
        let _ = stack.at_entry(path, None).ok()?;
        let mut outcome = stack.selected_attribute_matches(["filter"]);
        stack
            .at_entry(path, None)
            .ok()?
            .matching_attributes(&mut outcome);
        outcome
            .iter_selected()
            .find_map(|found| match found.assignment.state {
                StateRef::Value(name) => Some(name.as_bstr().to_vec()),
                _ => None,
            })
    }

    /// Tells whether the work tree has the content of the pointer that the index has.
    fn is_content_of_pointer(&self, path: &BStr) -> bool {
        let pointer = self.pointer(path);
        let file = self
            .repository
            .workdir()
            .zip(gix::path::from_bstr(path).ok())
            .map(|(top, path)| top.join(path));
        pointer
            .zip(file)
            .is_some_and(|(pointer, file)| has_content(&file, &pointer).unwrap_or(false))
    }

    fn pointer(&self, path: &BStr) -> Option<Pointer> {
        let (index, _) = self.attributes.as_ref()?;
        let entry = index.entry_by_path(path)?;
        let header = self.repository.find_header(entry.id).ok()?;
        if header.size() >= Pointer::MAX_LEN {
            return None;
        }
        let blob = self.repository.find_blob(entry.id).ok()?;
        match Pointer::read(&blob.data) {
            Reading::Pointer(pointer) => Some(pointer),
            Reading::Content | Reading::Unreadable(_) => None,
        }
    }
}

fn has_content(path: &Path, pointer: &Pointer) -> io::Result<bool> {
    if path.is_symlink() {
        return Ok(false);
    }
    let mut file = bulla_files::open_file(path)?;
    if file.metadata()?.len() != pointer.size {
        return Ok(false);
    }
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
    }
    Ok(Digest::from(hasher.finalize()) == pointer.sha256)
}
