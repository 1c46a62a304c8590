//! The content of one external: from the working copy when it is there, else through `svn`.

use std::path::Path;

use super::super::layer::{FileExternal, Layer};
use super::super::program::Svn;
use super::super::{base, changes, export, fresh, working_copy};
use super::error::ExternalError;
use crate::source::SourceError;
use crate::source::address::without_secrets;
use crate::source::listing::Listing;
use crate::source::svn::error::{SvnError, SvnFailure};

/// An external with everything about it decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source::svn) struct Pinned {
    /// The URL, absolute.
    pub(in crate::source::svn) url: String,
    /// Where the URL is looked up, when that is not the revision itself.
    pub(in crate::source::svn) peg: Option<u64>,
    /// The revision that is packed.
    pub(in crate::source::svn) revision: u64,
}

/// What an external has, and where that is, for what is relative to it.
#[derive(Debug)]
pub(in crate::source::svn) struct Fetched {
    pub(in crate::source::svn) layer: Layer,
    pub(in crate::source::svn) url: String,
    pub(in crate::source::svn) root: String,
}

impl Fetched {
    fn file(file: FileExternal) -> Self {
        let mut layer = Layer::default();
        layer.add(Vec::new(), file.kind, file.place);
        Self {
            layer,
            url: file.url,
            root: file.root,
        }
    }
}

impl Pinned {
    /// Fetches the content; `directory` is where a working copy has it.
    pub(in crate::source::svn) fn fetch(
        &self,
        directory: Option<&Path>,
        files: &mut Vec<FileExternal>,
        path: &str,
        spool: &Path,
    ) -> Result<Fetched, SourceError> {
        if let Some(position) = files.iter().position(|file| self.is_file(file, path)) {
            return Ok(Fetched::file(files.swap_remove(position)));
        }
        let svn = Svn::new(&without_secrets(&self.url), spool);
        if let Some(directory) = directory
            && directory.join(".svn").join("wc.db").exists()
            && let Some(fetched) = self.in_working_copy(directory, &svn)?
        {
            return Ok(fetched);
        }
        self.through_svn(&svn, path)
    }

    fn is_file(&self, file: &FileExternal, path: &str) -> bool {
        file.path == path && file.url == self.url && file.revision == self.revision
    }

    /// Reads a working copy inside the working copy, when it is what is wanted.
    fn in_working_copy(&self, directory: &Path, svn: &Svn) -> Result<Option<Fetched>, SourceError> {
        let mut working_copy = working_copy::read(directory, directory)?;
        let url = working_copy.url();
        if url != self.url {
            return Ok(None);
        }
        let mut problems = std::mem::take(&mut working_copy.problems);
        let untracked = changes::find(&working_copy, svn, &mut problems)?;
        if problems.are_changes() {
            return Err(ExternalError::Changed {
                directory: directory.to_owned(),
                changes: Listing(problems.listing()),
            }
            .into());
        }
        if working_copy.revision() != self.revision || !problems.is_empty() {
            return Ok(None);
        }
        let mut layer = base::layer(&working_copy)?;
        layer.untracked = untracked;
        let root = working_copy.repository.root;
        Ok(Some(Fetched { layer, url, root }))
    }

    /// Reads it from its repository. Without a peg revision, the name counts that it had in the
    /// revision itself: `svn` would follow today's name back, and tomorrow's would lead elsewhere.
    fn through_svn(&self, svn: &Svn, path: &str) -> Result<Fetched, SourceError> {
        let Self { url, peg, revision } = self;
        let target = format!("{url}@{}", peg.unwrap_or(*revision));
        let info = match svn.describe(&target, Some(&revision.to_string())) {
            Err(SourceError::Subversion(SvnError::Command {
                failure: SvnFailure::UnknownPath,
                ..
            })) if peg.is_none() => {
                return Err(ExternalError::Unknown {
                    path: path.to_owned(),
                    url: without_secrets(url),
                    revision: *revision,
                }
                .into());
            }
            other => other?,
        };
        let layer = if info.kind == "dir" {
            fresh::layer(svn, &info)?
        } else {
            export::file(svn, &info)?
        };
        Ok(Fetched {
            layer,
            url: info.url,
            root: info.repository.root,
        })
    }
}
