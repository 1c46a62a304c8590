//! A revision that is elsewhere: found where a release statement says, with the user's own `git`
//! or `svn`. What the statement says is a stranger's word: it can neither be taken for an option
//! nor name a program.

use std::path::Path;

use bulla_schemas::release::Source;
use tempfile::TempDir;

use super::{Location, Provenance, SourceError, git};

/// Schemes that `svn` serves itself. Any other begins a command of the user's configuration.
const SVN_SCHEMES: [&str; 5] = ["https", "http", "svn", "svn+ssh", "file"];

/// Where a release statement says that its revision is.
pub struct Origin<'a> {
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
    fetched: Option<TempDir>,
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
    pub fn complete(&self, origin: &Origin<'_>, provenance: &mut Provenance) {
        let Location::Directory(directory) = &self.location else {
            return;
        };
        if self.fetched.is_some() {
            origin.source.clone_into(&mut provenance.source);
        }
        let is_git = matches!(origin.document, Source::Git { .. });
        if is_git
            && provenance.reference.is_empty()
            && provenance.source == origin.source
            && git::remote::contains(directory, origin.reference, origin.revision)
        {
            origin.reference.clone_into(&mut provenance.reference);
        }
    }
}

/// Fetches the revision, or finds its URL.
pub fn fetch(origin: &Origin<'_>, spool: &Path) -> Result<Found, SourceError> {
    let refused = |why| SourceError::OriginRefused {
        origin: origin.source.to_owned(),
        why,
    };
    match (origin.source.split_once('+'), origin.document) {
        (Some(("git", url)), Source::Git { .. }) => {
            let directory = git::remote::fetch(url, origin.revision, origin.reference, spool)?;
            Ok(Found {
                location: Location::Directory(directory.path().to_owned()),
                fetched: Some(directory),
            })
        }
        (Some(("svn", root)), Source::Svn { path, .. }) => {
            let mut url = url::Url::parse(root).map_err(|_| refused("it is no URL"))?;
            if !SVN_SCHEMES.contains(&url.scheme()) {
                return Err(refused("`svn` has no such transport itself"));
            }
            if url.host_str().is_some_and(|host| host.starts_with('-')) {
                return Err(refused("its host would be an option"));
            }
            url.path_segments_mut()
                .map_err(|()| refused("it is no URL of a repository"))?
                .pop_if_empty()
                .extend(path.split('/').filter(|part| !part.is_empty()));
            Ok(Found::at(Location::Url(url.into())))
        }
        _ => Err(refused(
            "expected `git+URL` or `svn+URL`, as the release has it",
        )),
    }
}
