//! `bulla-installer config show --json`

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::install::{Command, Hooks};
use crate::log::Anchor;
use crate::period::Period;
use crate::statement::Wave;
use crate::{ChannelName, HostName, ProjectName};

/// What holds on a server: what its host file says, and the defaults for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigReport {
    /// The host file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The directory that holds the projects.
    pub root: PathBuf,
    /// The installer's own state.
    pub state: PathBuf,
    /// What the server is called where it reports; absent when that is what it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<HostName>,
    /// How often the agent looks at least whether there is something to do.
    pub poll: Period,
    /// The file for Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<PathBuf>,
    /// The project whose releases carry the installer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<ProjectName>,
    /// What the log of the registries must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// The registries, the first that is asked first.
    pub registries: Vec<HostRegistry>,
    /// The projects that the host file names.
    pub projects: Vec<HostProject>,
}

/// A registry that a server reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostRegistry {
    /// Its address.
    pub url: String,
    /// The file that holds the token for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

/// What holds for a project on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostProject {
    /// The project.
    pub project: ProjectName,
    /// The channel that is followed; absent when the project is not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// The project's folder.
    pub folder: PathBuf,
    /// Who gets the persistent directories that an install creates: `user` or `user:group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persist_owner: Option<String>,
    /// Their permissions in octal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persist_mode: Option<String>,
    /// How unchanged files are taken from other releases.
    pub link: Link,
    /// Which releases stay on the disk.
    pub keep: HostRetention,
    /// The file with the environment of hooks and checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_file: Option<PathBuf>,
    /// The user that hooks run as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whose hooks run around the switch.
    pub hooks: HostHooks,
    /// The server's own hooks, where those run.
    #[serde(default, skip_serializing_if = "Hooks::is_empty")]
    pub own_hooks: Hooks,
    /// What becomes of an install while the live tree is edited.
    pub drift: DriftPolicy,
    /// How long a rollback on the server holds.
    pub hold: HoldPolicy,
    /// The wave that the server is in.
    pub wave: Wave,
    /// When the live release may change; at any time where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// The time zone of these windows.
    pub time_zone: String,
    /// What takes the server out of its load balancer, and back.
    #[serde(default, skip_serializing_if = "LoadBalancer::is_empty")]
    pub load_balancer: LoadBalancer,
}

/// What takes a server out of its load balancer around an activation, and back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// Takes it out, before anything of the live release is touched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<Command>,
    /// Puts it back, once what is live has proved that it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undrain: Option<Command>,
    /// How long each may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

impl LoadBalancer {
    /// Tells whether the server has none.
    pub const fn is_empty(&self) -> bool {
        self.drain.is_none() && self.undrain.is_none()
    }
}

/// How unchanged files are taken from other releases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Reflink where the file system can, else copy.
    #[default]
    Auto,
    /// Reflink, or fail.
    Clone,
    /// Copy.
    Copy,
    /// Hard link. An edit in place then reaches every release that shares the file.
    Hard,
}

impl std::fmt::Display for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Auto => "auto",
            Self::Clone => "clone",
            Self::Copy => "copy",
            Self::Hard => "hard",
        })
    }
}

/// Which releases stay on the disk of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostRetention {
    /// How many at most.
    pub count: usize,
    /// How many hours ago one may have been live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_hours: Option<u64>,
    /// How many bytes their files may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
}

/// Whose hooks run around the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostHooks {
    /// Those of the release.
    Allow,
    /// None.
    Forbid,
    /// The server's own.
    Own,
}

impl std::fmt::Display for HostHooks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Allow => "allow",
            Self::Forbid => "forbid",
            Self::Own => "own",
        })
    }
}

/// What becomes of an install while the live tree is edited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftPolicy {
    /// It goes on and names the edits.
    #[default]
    Warn,
    /// It is refused until a person says otherwise.
    Block,
}

impl std::fmt::Display for DriftPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Warn => "warn",
            Self::Block => "block",
        })
    }
}

/// How long a rollback on a server holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldPolicy {
    /// Until a person releases it.
    UntilRelease,
    /// Until the channel moves past the release that was left, or a person releases it.
    #[default]
    UntilMoved,
}

impl std::fmt::Display for HoldPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::UntilRelease => "until-release",
            Self::UntilMoved => "until-moved",
        })
    }
}
