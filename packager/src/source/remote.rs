//! A revision that is elsewhere: found where a release statement says, with the user's own `git`
//! or `svn`. What the statement says is a stranger's word: it can neither be taken for an option
//! nor name a program.

mod error;

use std::path::Path;

use bulla_schemas::release::Source;
pub use error::StatedError;

use super::git::PrivateRepository;
use super::{Location, Provenance, SourceError, address, git, svn};

/// Where a release statement says that its revision is.
pub struct StatedSource<'a> {
    /// `git+` or `svn+` and the URL.
    pub source: &'a str,
    /// The commit id or revision number.
    pub revision: &'a str,
    /// The branch or tag, or the path in a Subversion repository.
    pub reference: &'a str,
    /// What the release document says.
    pub document: &'a Source,
}

/// A place that has the revision. What was fetched is gone when this is dropped.
pub struct Found {
    location: Location,
    fetched: Option<PrivateRepository>,
}

impl Found {
    /// Takes a checkout that is here.
    pub const fn at(location: Location) -> Self {
        Self {
            location,
            fetched: None,
        }
    }

    /// Returns where it is now.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Says of a revision what can be known of it here: it comes from where the statement says if
    /// it was fetched there, and from that branch or tag if that contains it.
    pub fn complete(&self, stated: &StatedSource<'_>, provenance: &mut Provenance) {
        let Location::Directory(directory) = &self.location else {
            return;
        };
        if self.fetched.is_some() {
            stated.source.clone_into(&mut provenance.source);
        }
        let is_git = matches!(stated.document, Source::Git { .. });
        if is_git
            && provenance.source == stated.source
            && git::remote::contains(directory, stated.reference, stated.revision)
        {
            stated.reference.clone_into(&mut provenance.reference);
        }
    }
}

/// Fetches the revision, or finds its URL.
pub fn fetch(stated: &StatedSource<'_>, spool: &Path) -> Result<Found, SourceError> {
    let refused = |why| StatedError::Refused {
        stated: address::without_secrets(stated.source),
        why,
    };
    match (stated.source.split_once('+'), stated.document) {
        (Some(("git", url)), Source::Git { .. }) => {
            let repository = git::remote::fetch(url, stated.revision, stated.reference, spool)?;
            Ok(Found {
                location: Location::Directory(repository.directory.path().to_owned()),
                fetched: Some(repository),
            })
        }
        (Some(("svn", root)), Source::Svn { path, .. }) => {
            let mut url = url::Url::parse(root).map_err(|_| refused("it is not a URL"))?;
            svn::address::check(root).map_err(refused)?;
            url.path_segments_mut()
                .map_err(|()| refused("it is not the URL of a repository"))?
                .pop_if_empty()
                .extend(path.split('/').filter(|part| !part.is_empty()));
            Ok(Found::at(Location::Url(url.into())))
        }
        _ => Err(refused("expected `git+URL` or `svn+URL`, as the release has it").into()),
    }
}
