//! The host file as a document: what it says, and the defaults for the rest.

use bulla_schemas::ProjectName;
use bulla_schemas::install::Hooks;
use bulla_schemas::report::server::{
    ConfigReport, HostHooks, HostProject, HostRegistry, HostRetention,
};

use super::file::HostFile;
use super::host::HostConfig;
use super::project::{HookPolicy, ProjectConfig};
use crate::site::Server;

impl HostConfig {
    /// Says what holds on a server.
    pub fn report(&self, file: Option<&HostFile>, server: &Server) -> ConfigReport {
        let registries = self.registries.iter().map(|registry| HostRegistry {
            url: registry.url.to_string(),
            token_file: registry.token_file.clone(),
        });
        let projects = self.projects.iter();
        ConfigReport {
            file: file.map(|file| file.path().to_owned()),
            root: server.root().to_owned(),
            state: server.state().to_owned(),
            name: self.name.clone(),
            poll: self.poll(),
            metrics: self.metrics.clone(),
            installer: self.installer.clone(),
            anchor: self.anchor.clone(),
            registries: registries.collect(),
            projects: projects
                .map(|(project, _)| of_project(project, &self.project(project), server))
                .collect(),
        }
    }
}

fn of_project(project: &ProjectName, config: &ProjectConfig, server: &Server) -> HostProject {
    let (hooks, own_hooks) = match &config.hooks {
        HookPolicy::Allow => (HostHooks::Allow, Hooks::default()),
        HookPolicy::Forbid => (HostHooks::Forbid, Hooks::default()),
        HookPolicy::Own(hooks) => (HostHooks::Own, hooks.clone()),
    };
    let (persist, keep) = (&config.persist, &config.keep);
    HostProject {
        project: project.clone(),
        channel: config.channel.clone(),
        folder: server.site(project).folder().to_owned(),
        persist_owner: persist.owner.as_ref().map(ToString::to_string),
        persist_mode: persist.mode.as_ref().map(ToString::to_string),
        link: config.link,
        keep: HostRetention {
            count: keep.count,
            age_hours: keep.age.map(|age| age.as_duration().as_secs() / 3600),
            quota: keep.quota.map(super::values::Quota::bytes),
        },
        environment_file: config.environment_file.clone(),
        user: config.user.as_ref().map(ToString::to_string),
        hooks,
        own_hooks,
        drift: config.drift,
        hold: config.hold,
        wave: config.wave(),
        windows: config
            .windows
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect(),
        time_zone: config.time_zone.clone().unwrap_or_default().to_string(),
        load_balancer: config.load_balancer.clone(),
    }
}
