//! Where everything lies on a server; drawn in the crate's documentation. Knows paths only.

use std::path::{Path, PathBuf};

use bulla_schemas::{Digest, ProjectName};

/// The two directories that the installer works in.
#[derive(Debug, Clone)]
pub struct Server {
    root: PathBuf,
    state: PathBuf,
}

impl Server {
    /// Takes the directory that holds the projects and the one that holds the installer's state.
    pub fn new(root: impl Into<PathBuf>, state: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            state: state.into(),
        }
    }

    /// The directory that holds the projects.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The installer's state.
    pub fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    pub(crate) fn synced(&self) -> PathBuf {
        self.state.join("synced")
    }

    pub(crate) fn projects(&self) -> PathBuf {
        self.state.join("projects")
    }

    pub(crate) fn bundle(&self, hash: &Digest) -> PathBuf {
        self.state.join("bundles").join(hash.hex())
    }

    /// Returns where the project lies.
    pub(crate) fn place(&self, project: &ProjectName) -> Place {
        Place {
            project: project.clone(),
            site: self.root.join(project.as_str()),
            state: self.projects().join(project.as_str().replace('/', "%2F")),
        }
    }
}

/// Where one project lies on a server.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) project: ProjectName,
    site: PathBuf,
    state: PathBuf,
}

impl Place {
    pub(crate) fn site(&self) -> &Path {
        &self.site
    }

    pub(crate) fn current(&self) -> PathBuf {
        self.site.join("current")
    }

    pub(crate) fn releases(&self) -> PathBuf {
        self.site.join("releases")
    }

    pub(crate) fn tree(&self, hash: &Digest) -> PathBuf {
        self.releases().join(hash.hex())
    }

    pub(crate) fn persist(&self) -> PathBuf {
        self.site.join("persist")
    }

    pub(crate) fn set_aside(&self) -> PathBuf {
        self.site.join("set-aside")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.site.join(".staging")
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.state.join("history")
    }

    pub(crate) fn hold(&self) -> PathBuf {
        self.state.join("hold")
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.state.join("trees")
    }

    pub(crate) fn record(&self, hash: &Digest) -> PathBuf {
        self.records().join(hash.hex())
    }

    pub(crate) fn spools(&self) -> PathBuf {
        self.state.join("spool")
    }

    pub(crate) fn spool(&self, hash: &Digest) -> PathBuf {
        self.spools().join(hash.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_whose_names_differ_in_a_slash_have_their_own_state() {
        let server = Server::new("/srv", "/var/lib/bulla");
        let place = |name: &str| server.place(&name.parse().unwrap());
        assert_ne!(place("acme/billing").state, place("acme-billing").state);
        assert_eq!(
            place("acme/billing").state,
            Path::new("/var/lib/bulla/projects/acme%2Fbilling")
        );
        assert_eq!(
            place("acme/billing").current(),
            Path::new("/srv/acme/billing/current")
        );
    }
}
