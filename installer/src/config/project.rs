//! What the host file says about one project.

use std::fmt;
use std::path::PathBuf;

use bulla_schemas::ChannelName;
use bulla_schemas::install::Command;
use bulla_schemas::install::Hooks;
pub use bulla_schemas::report::server::{DriftPolicy, HoldPolicy, Link, LoadBalancer};
use bulla_schemas::statement::Wave;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::{self, Age, Mode, Owner, Quota, UserName};
use super::windows::{Window, Windows, Zone};

/// What holds for a project on this server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProjectConfig {
    /// The channel that the server follows; without it the project is not followed.
    pub channel: Option<ChannelName>,
    /// The directory that holds this project instead of the server's.
    #[serde(deserialize_with = "values::absolute_path")]
    pub root: Option<PathBuf>,
    /// Who gets the persistent directories that an install creates.
    pub persist: PersistPolicy,
    /// How unchanged files are taken from other releases.
    pub link: Link,
    /// Which releases stay on this disk.
    pub keep: Retention,
    /// The file with the environment of hooks and checks, as systemd's `EnvironmentFile=`.
    #[serde(deserialize_with = "values::absolute_path")]
    pub environment_file: Option<PathBuf>,
    /// The user that hooks run as; without one, the user who runs the installer.
    pub user: Option<UserName>,
    /// Whose hooks run around the switch.
    pub hooks: HookPolicy,
    /// What becomes of an install while the live tree is edited.
    pub drift: DriftPolicy,
    /// How long a rollback on this server holds.
    pub hold: HoldPolicy,
    /// The wave that the server is in.
    pub wave: Option<Wave>,
    /// When what is live may change; at any time where none is named.
    pub windows: Option<Vec<Window>>,
    /// Where these windows are.
    pub time_zone: Option<Zone>,
    /// What takes the server out of its load balancer around an activation, and back.
    #[serde(deserialize_with = "load_balancer")]
    pub load_balancer: LoadBalancer,
    /// Whether its releases carry this program; the host file says that of the server.
    #[serde(skip)]
    pub carries_installer: bool,
}

impl ProjectConfig {
    /// Returns the wave that the server is in, the first unless the host file says otherwise.
    pub fn wave(&self) -> Wave {
        self.wave.unwrap_or_default()
    }

    /// Returns when what is live may change.
    pub fn windows(&self) -> Windows {
        let zone = self.time_zone.clone().unwrap_or_default();
        Windows::new(self.windows.clone().unwrap_or_default(), zone)
    }
}

/// Who gets the persistent directories that an install creates. What is there already stays as it
/// is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PersistPolicy {
    /// Their owner; without one, the user who runs the installer.
    pub owner: Option<Owner>,
    /// Their permissions, `0755` without this.
    pub mode: Option<Mode>,
}

/// Which releases stay on this disk. The live one and the one before always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Retention {
    /// How many releases at most.
    #[serde(deserialize_with = "values::count")]
    pub count: usize,
    /// How long ago a release may have been live.
    pub age: Option<Age>,
    /// How many bytes their files may have together.
    pub quota: Option<Quota>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            count: 5,
            age: None,
            quota: None,
        }
    }
}

/// Whose hooks run around the switch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HookPolicy {
    /// Those of the release.
    #[default]
    Allow,
    /// None, and a release that asks for some is refused.
    Forbid,
    /// The server's own instead of the release's.
    Own(Hooks),
}

impl<'de> Deserialize<'de> for HookPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HookPolicyVisitor)
    }
}

struct HookPolicyVisitor;

impl<'de> Visitor<'de> for HookPolicyVisitor {
    type Value = HookPolicy;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`allow`, `forbid` or a table of commands")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HookPolicy, E> {
        match text {
            "allow" => Ok(HookPolicy::Allow),
            "forbid" => Ok(HookPolicy::Forbid),
            text => Err(E::custom(format_args!(
                "expected `allow`, `forbid` or a table of commands; found {text:?}"
            ))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HookPolicy, A::Error> {
        let hooks = Hooks::deserialize(MapAccessDeserializer::new(map))?;
        if hooks.is_empty() {
            return Err(A::Error::custom(
                "expected `prepare`, `activate` or `deactivate`, found an empty table; `forbid` \
                 runs no hooks",
            ));
        }
        match relative_program(&hooks) {
            Some(wrong) => Err(A::Error::custom(wrong)),
            None => Ok(HookPolicy::Own(hooks)),
        }
    }
}

/// What a load balancer needs.
pub(super) const BOTH: &str =
    "expected both `drain` and `undrain`, each a list of a program and its arguments";

fn load_balancer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LoadBalancer, D::Error> {
    let found = LoadBalancer::deserialize(deserializer)?;
    let commands = [&found.drain, &found.undrain].map(Option::as_ref);
    let [Some(_), Some(_)] = commands else {
        return Err(D::Error::custom(BOTH));
    };
    match relative(commands.into_iter().flatten()) {
        Some(wrong) => Err(D::Error::custom(wrong)),
        None => Ok(found),
    }
}

/// Says what is wrong with a program that is not named by its path from the root.
pub(super) fn lacks_root(program: &str) -> Option<String> {
    (!program.starts_with('/')).then(|| {
        format!(
            "expected the path of a program from the root, such as `/usr/local/bin/reload`; \
             found {program:?}"
        )
    })
}

/// Says what is wrong with the first program that is not named by its path from the root.
fn relative_program(hooks: &Hooks) -> Option<String> {
    let Hooks {
        prepare,
        activate,
        deactivate,
        timeout: _,
    } = hooks;
    relative([prepare, activate, deactivate].into_iter().flatten())
}

fn relative<'a>(commands: impl Iterator<Item = &'a Command>) -> Option<String> {
    let mut programs = commands.filter_map(|command| command.arguments().first());
    programs.find_map(|program| lacks_root(program))
}
