//! What the host file says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_schemas::log::Anchor;
use bulla_schemas::period::Period;
use bulla_schemas::statement::Wave;
use bulla_schemas::{ChannelName, HostName, ProjectName};
use serde::Deserialize;
use url::Url;

use super::project::ProjectConfig;
use super::values;
use super::windows::{Window, Zone};
use crate::site::Server;

/// What the host file says; all of it can be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostConfig {
    /// The directory that holds the projects.
    #[serde(deserialize_with = "values::absolute_path")]
    pub root: Option<PathBuf>,
    /// The installer's own state.
    #[serde(deserialize_with = "values::absolute_path")]
    pub state: Option<PathBuf>,
    /// What the server is called where it reports; without this, what it calls itself.
    pub name: Option<HostName>,
    /// How often the agent looks at least whether there is something to do.
    #[serde(deserialize_with = "values::poll")]
    pub poll: Option<Period>,
    /// The wave that the server is in.
    pub wave: Option<Wave>,
    /// When what is live may change.
    pub windows: Option<Vec<Window>>,
    /// Where these windows are.
    pub time_zone: Option<Zone>,
    /// A file for Prometheus, which the agent replaces.
    #[serde(deserialize_with = "values::absolute_path")]
    pub metrics: Option<PathBuf>,
    /// The followed project whose releases carry this program.
    pub installer: Option<ProjectName>,
    /// What the log of the registries must contain.
    pub anchor: Option<Anchor>,
    /// The registries that serve the log and its releases; each is asked after those before it.
    #[serde(rename = "registry")]
    pub registries: Vec<Registry>,
    /// The projects that are followed, or have settings of their own.
    #[serde(rename = "project")]
    pub projects: BTreeMap<ProjectName, ProjectConfig>,
}

/// A registry, and how to read it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Registry {
    /// Its address.
    #[serde(deserialize_with = "values::registry_url")]
    pub url: Url,
    /// The file that holds the token for it, and for no other.
    #[serde(default, deserialize_with = "values::absolute_path")]
    pub token_file: Option<PathBuf>,
}

impl HostConfig {
    /// Returns how often the agent looks at least whether there is something to do.
    pub fn poll(&self) -> Period {
        const USUAL: Period = Period::seconds(300);
        self.poll.unwrap_or(USUAL)
    }

    /// Returns what holds for a project.
    pub fn project(&self, project: &ProjectName) -> ProjectConfig {
        let mut config = self.projects.get(project).cloned().unwrap_or_default();
        config.wave = config.wave.or(self.wave);
        // Windows that a project has of its own are in the host's time zone, too.
        config.time_zone = config.time_zone.or_else(|| self.time_zone.clone());
        config.windows = config.windows.or_else(|| self.windows.clone());
        config.carries_installer = self.installer.as_ref() == Some(project);
        config
    }

    /// Tells whether a server can begin to follow the log by this alone.
    pub fn enrolls(&self) -> bool {
        self.anchor.is_some() && !self.registries.is_empty()
    }

    /// Returns the projects that are followed, each with its channel.
    pub fn followed(&self) -> impl Iterator<Item = (&ProjectName, &ChannelName)> {
        let projects = self.projects.iter();
        projects.filter_map(|(project, config)| Some((project, config.channel.as_ref()?)))
    }

    /// Returns the server that the file describes. Directories that a command was given win.
    pub fn server(&self, root: Option<&Path>, state: Option<&Path>) -> Server {
        let chosen = |given: Option<&Path>, said: &Option<PathBuf>, usual: &str| {
            given
                .or(said.as_deref())
                .map_or_else(|| usual.into(), Path::to_owned)
        };
        let own_roots = self
            .projects
            .iter()
            .filter_map(|(project, config)| Some((project.clone(), config.root.clone()?)));
        let root = chosen(root, &self.root, Server::DEFAULT_ROOT);
        Server::new(root, chosen(state, &self.state, Server::DEFAULT_STATE))
            .with_own_roots(own_roots.collect())
    }
}
