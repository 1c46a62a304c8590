//! The recipe: `bulla.toml` in the checkout says which files belong to a release and how it
//! wants to be installed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::install::{Command, EnvironmentName, Health, Hooks, Install, PersistentPath};
use crate::period::Period;
use crate::{Codec, EntryPath, ProjectName};

/// The file name of the recipe, at the top of a checkout.
pub const RECIPE_FILE: &str = "bulla.toml";

/// What `bulla.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What goes into the bundle.
    pub bundle: BundleSection,
    /// How what stands for content elsewhere is read.
    #[serde(default)]
    pub source: SourceSection,
    /// A build; without it the checkout itself is the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildSection>,
    /// How the release wants to be installed.
    #[serde(default)]
    pub install: InstallSection,
    /// Commands around the switch.
    #[serde(default)]
    pub hooks: Hooks,
    /// What must hold after the switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// `[bundle]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleSection {
    /// The project, also the OCI repository.
    pub project: ProjectName,
    /// Patterns in gitignore syntax of what belongs to the release; all that the VCS tracks when
    /// none is given.
    #[serde(default = "BundleSection::everything")]
    pub include: Vec<String>,
    /// Patterns in gitignore syntax of what does not.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The zstd level, 1 to 19.
    #[serde(default = "BundleSection::default_compression")]
    #[schemars(range(min = 1, max = 19))]
    pub compression: i64,
    /// Platforms whose file names the release must fit.
    #[serde(default)]
    pub platforms: Vec<Platform>,
}

impl BundleSection {
    fn everything() -> Vec<String> {
        vec!["**".to_owned()]
    }

    const fn default_compression() -> i64 {
        Codec::DEFAULT_LEVEL
    }
}

/// A platform with rules of its own for file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Linux: any name that an entry may have.
    Linux,
    /// Windows: no reserved names, no trailing dot or space, no clash of case.
    Windows,
}

/// `[source]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// What is packed where git has a pointer of Git LFS.
    #[serde(default)]
    pub lfs: Lfs,
    /// Revisions of Subversion externals whose definition names none, by their path in the
    /// checkout.
    #[serde(default)]
    pub externals: BTreeMap<EntryPath, u64>,
}

/// What is packed where git has a pointer of Git LFS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lfs {
    /// The content that the pointer stands for.
    #[default]
    Content,
    /// The pointer itself.
    Pointers,
}

/// `[build]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildSection {
    /// The command, as an argument array.
    pub command: Command,
    /// Patterns of what the build makes for the release.
    pub outputs: Vec<String>,
    /// Environment variables of the build.
    #[serde(default)]
    pub environment: BTreeMap<EnvironmentName, String>,
    /// Whether the build may use the network.
    #[serde(default)]
    pub network: bool,
    /// How long the build may take.
    #[serde(default = "BuildSection::default_timeout")]
    pub timeout: Period,
}

impl BuildSection {
    const fn default_timeout() -> Period {
        Period::seconds(30 * 60)
    }
}

/// `[install]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallSection {
    /// Paths kept across releases, never part of one. A `/` at the end says that it is a directory.
    #[serde(default)]
    pub persist: Vec<PersistentPath>,
    /// Those of them, or paths within them, without which a first install is refused.
    #[serde(default)]
    pub require: Vec<PersistentPath>,
    /// Environment variables that must be set on the server.
    #[serde(default)]
    pub environment: Vec<EnvironmentName>,
}

impl Recipe {
    /// Returns what the release document says about installing.
    pub fn install(&self) -> Install {
        Install {
            persist: self.install.persist.clone(),
            require: self.install.require.clone(),
            environment: self.install.environment.clone(),
            hooks: self.hooks.clone(),
            health: self.health.clone(),
        }
    }
}
