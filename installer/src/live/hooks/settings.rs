//! What this server says about hooks.

use std::path::PathBuf;

use crate::config::{HookPolicy, LoadBalancer, ProjectConfig, UserName};

/// What this server says about the hooks and checks of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookSettings {
    /// Whose hooks run.
    pub policy: HookPolicy,
    /// The user that they run as; without one, the user who runs the installer, unless that is root.
    pub user: Option<UserName>,
    /// The file with their environment.
    pub environment_file: Option<PathBuf>,
    /// What takes the server out of its load balancer, and back.
    pub load_balancer: LoadBalancer,
    /// Whether neither hooks nor checks run: a person in an outage wants the other release.
    pub skip: bool,
    /// Whether the release carries this program, which is then tried before the agent becomes it.
    pub carries_installer: bool,
    /// The hook that started this process, which must not wait for the installer that waits for it.
    pub inside: Option<String>,
}

impl HookSettings {
    /// Takes what the host file says about a project.
    pub fn of(config: &ProjectConfig) -> Self {
        Self {
            policy: config.hooks.clone(),
            user: config.user.clone(),
            environment_file: config.environment_file.clone(),
            load_balancer: config.load_balancer.clone(),
            skip: false,
            carries_installer: config.carries_installer,
            inside: None,
        }
    }
}
