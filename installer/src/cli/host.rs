//! Which server a command is about: the host file, and the directories that the command was given.

use std::path::{Path, PathBuf};

use bulla_registry_client::LogDirectory;
use bulla_schemas::ProjectName;
use bulla_terminal::{Failure, stderr};
use clap::Args;

use super::path::whole_path;
use crate::config::{ConfigError, HostConfig, HostFile, ProjectConfig};
use crate::fetch::{FetchError, FollowedLog};
use crate::site::Server;

#[derive(Debug, Clone, Args)]
pub(super) struct HostArguments {
    /// The host file, which says what this server is to do [default: /etc/bulla/server.toml, where
    /// --root and --state are the usual ones]
    #[arg(long, global = true, value_name = "FILE", env = "BULLA_CONFIG", value_parser = whole_path())]
    config: Option<PathBuf>,
    /// The directory that holds the projects [default: `root` of the host file, else /srv]
    #[arg(long, global = true, value_name = "DIR", value_parser = whole_path())]
    root: Option<PathBuf>,
    /// The installer's own state [default: `state` of the host file, else /var/lib/bulla]
    #[arg(long, global = true, value_name = "DIR", value_parser = whole_path())]
    state: Option<PathBuf>,
}

/// What the command needs of a host file that a person named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// It must be there.
    Read,
    /// The command creates it.
    Changed,
}

/// A server, and what its host file says.
#[derive(Debug)]
pub(super) struct Host {
    file: Option<HostFile>,
    config: HostConfig,
    server: Server,
}

impl HostArguments {
    /// Returns the host file that counts, if one does.
    pub(super) fn file(&self) -> Option<HostFile> {
        let (root, state) = (self.root.as_deref(), self.state.as_deref());
        match &self.config {
            Some(path) => Some(HostFile::named(path.clone())),
            None => HostFile::usual(root, state),
        }
    }

    /// Reads the host file.
    pub(super) fn open(self, needed: Needed) -> Result<Host, Failure> {
        let file = self.file();
        let config = match (&file, needed) {
            (Some(file), Needed::Read) => file.read()?,
            (Some(file), Needed::Changed) => match file.read() {
                Err(ConfigError::Missing { .. }) => HostConfig::default(),
                read => read?,
            },
            (None, _) => HostConfig::default(),
        };
        let server = config.server(self.root.as_deref(), self.state.as_deref());
        let server = match &file {
            Some(file) if file.is_named() => server.with_flags(&self.flags(file)),
            // Directories that such a file names are known without a flag.
            Some(_) => server.with_flags(&[]),
            None => server,
        };
        Ok(Host {
            file,
            config,
            server,
        })
    }

    /// What a hint has to repeat of the command line; the file says the rest.
    fn flags<'a>(&'a self, file: &'a HostFile) -> Vec<(&'static str, &'a Path)> {
        let config = Some(("--config", file.path()));
        let root = self.root.as_deref().map(|root| ("--root", root));
        let state = self.state.as_deref().map(|state| ("--state", state));
        [config, root, state].into_iter().flatten().collect()
    }
}

impl Host {
    /// The server that an image below a directory will be, as its own host file says.
    pub(super) fn below(image: &Path) -> Result<Self, Failure> {
        let path = HostFile::DEFAULT.trim_start_matches('/');
        let file = HostFile::named(image.join(path));
        let config = if file.path().exists() {
            file.read()?
        } else {
            HostConfig::default()
        };
        Ok(Self {
            server: config.server(None, None),
            config,
            file: Some(file),
        })
    }

    /// Tells whether a person named the host file.
    pub(super) fn is_named(&self) -> bool {
        self.file.as_ref().is_some_and(HostFile::is_named)
    }

    /// The host file that counts, there or not.
    pub(super) const fn file(&self) -> Option<&HostFile> {
        self.file.as_ref()
    }

    /// The host file that a command changes.
    pub(super) fn file_to_change(&self) -> Result<&HostFile, Failure> {
        self.file.as_ref().ok_or_else(|| {
            Failure::usage("no host file counts where --root or --state is not the usual one")
                .with_hint("name the file with --config; it is created if missing")
        })
    }

    /// What the host file says.
    pub(super) const fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Opens the log for a command, which says whom it waits for.
    pub(super) fn log(&self, command: &'static str) -> Result<FollowedLog, FetchError> {
        let directory = LogDirectory::from(&self.server.log());
        let directory = directory
            .read_by(command)
            .on_wait(|sentence| stderr::say(sentence));
        FollowedLog::open_in(directory, &self.server, &self.config)
    }

    /// The server's directories.
    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// The directories that projects lie in elsewhere than in the server's root.
    pub(super) fn own_roots(&self) -> Vec<PathBuf> {
        let projects = self.config.projects.values();
        projects
            .filter_map(|project| project.root.clone())
            .collect()
    }

    /// All directories that the agent writes to besides the server's own.
    pub(super) fn written(&self) -> Vec<PathBuf> {
        let metrics = self.config.metrics.iter();
        let metrics = metrics.filter_map(|file| file.parent().map(Path::to_owned));
        self.own_roots().into_iter().chain(metrics).collect()
    }

    /// What holds for a project.
    pub(super) fn project(&self, project: &ProjectName) -> ProjectConfig {
        self.config.project(project)
    }
}
