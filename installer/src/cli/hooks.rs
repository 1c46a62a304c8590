//! What a command knows about hooks.

use clap::Args;

use crate::config::ProjectConfig;
use crate::live::HookSettings;

#[derive(Debug, Args)]
pub(super) struct HookArguments {
    /// The hook that started this command
    #[arg(long = "hook-from-environment", env = "BULLA_HOOK", hide = true)]
    pub(super) hook: Option<String>,
}

impl HookArguments {
    /// Returns what holds for the hooks of a project.
    pub(super) fn settings(self, config: &ProjectConfig) -> HookSettings {
        HookSettings {
            inside: self.hook,
            ..HookSettings::of(config)
        }
    }
}
