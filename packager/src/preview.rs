//! What a promotion changes on the servers, told before anybody signs: files, hooks, persistent
//! paths, needed environment, and how the release came to be.

use bulla_bundle::VerifiedBundle;
use bulla_schemas::api::{Change, ChangeKind};
use bulla_schemas::install::{Command, Health, Install};
use bulla_schemas::{Digest, Name};
use bulla_trust::Release;
use serde::Serialize;

/// How a release differs from the one that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What is live; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The release.
    pub to: Digest,
    /// Its commit id cut to 12 digits, or `r` and the revision number.
    pub revision: String,
    /// Who built it first.
    pub built_by: Vec<Name>,
    /// Who built the same bytes after that.
    pub reproduced_by: Vec<Name>,
    /// Bytes of all files that are live.
    pub bytes_before: u64,
    /// Bytes of all files of the release.
    pub bytes_after: u64,
    /// The paths that differ; every path when nothing is live.
    pub changes: Vec<Change>,
    /// How it wants to be installed, where that differs.
    pub install: InstallChanges,
}

/// What differs in how a release wants to be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallChanges {
    /// Hooks that are new, gone or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookChange>,
    /// Persistent paths.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub persist: Names,
    /// Environment variables that must be set on the servers.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub environment: Names,
    /// What must hold after the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthChange>,
}

/// One hook, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookChange {
    /// `prepare`, `activate` or `deactivate`.
    pub hook: &'static str,
    /// What runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Command>,
    /// What would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Command>,
}

/// The health checks, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthChange {
    /// What is checked now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Health>,
    /// What would be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Health>,
}

/// Names that only one of two releases has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// Only the new one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Only the one that is live.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

impl Preview {
    /// Compares what is live with a release.
    pub fn new(live: Option<&VerifiedBundle>, target: &VerifiedBundle, record: &Release) -> Self {
        let entries = live.map(VerifiedBundle::entries).unwrap_or_default();
        let nothing = Install::default();
        let (built_by, reproduced_by) = builders(record);
        Self {
            from: live.map(VerifiedBundle::hash),
            to: target.hash(),
            revision: target.release().source.short_revision(),
            built_by,
            reproduced_by,
            bytes_before: live.map_or(0, |live| live.release().bytes),
            bytes_after: target.release().bytes,
            changes: bulla_bundle::diff(entries, target.entries()),
            install: InstallChanges::between(
                live.map_or(&nothing, |live| &live.release().install),
                &target.release().install,
            ),
        }
    }

    /// Counts the paths that are added, removed and changed otherwise.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |kind| self.changes.iter().filter(|c| c.change == kind).count();
        let (added, removed) = (count(ChangeKind::Added), count(ChangeKind::Removed));
        (added, removed, self.changes.len() - added - removed)
    }
}

impl InstallChanges {
    /// Finds what differs.
    pub fn between(before: &Install, after: &Install) -> Self {
        let hooks = |install: &Install| {
            let hooks = &install.hooks;
            [
                ("prepare", hooks.prepare.clone()),
                ("activate", hooks.activate.clone()),
                ("deactivate", hooks.deactivate.clone()),
            ]
        };
        let changed = hooks(before).into_iter().zip(hooks(after));
        Self {
            hooks: changed
                .filter(|((_, before), (_, after))| before != after)
                .map(|((hook, before), (_, after))| HookChange {
                    hook,
                    before,
                    after,
                })
                .collect(),
            persist: Names::between(&before.persist, &after.persist),
            environment: Names::between(&before.environment, &after.environment),
            health: (before.health != after.health).then(|| HealthChange {
                before: before.health.clone(),
                after: after.health.clone(),
            }),
        }
    }
}

impl Names {
    fn between<T: PartialEq + ToString>(before: &[T], after: &[T]) -> Self {
        let only = |these: &[T], those: &[T]| {
            let only = these.iter().filter(|name| !those.contains(name));
            only.map(ToString::to_string).collect()
        };
        Self {
            added: only(after, before),
            removed: only(before, after),
        }
    }

    /// Tells whether both have the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Who said it first, and who else after that.
fn builders(release: &Release) -> (Vec<Name>, Vec<Name>) {
    let built_by = release.record().builders.clone();
    let others = release.builders().into_iter().cloned();
    let reproduced_by = others.filter(|name| !built_by.contains(name)).collect();
    (built_by, reproduced_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(json: &str) -> Install {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn names_what_is_new_and_what_is_gone() {
        let before = install(
            r#"{"persist":["uploads","cache"],"environment":["A"],"hooks":{"activate":["a","b"]}}"#,
        );
        let after = install(
            r#"{"persist":["uploads","logs"],"environment":["A","B"],"hooks":{"prepare":["p"],"activate":["a"]},"health":{"tcp":"localhost:80"}}"#,
        );
        let changes = InstallChanges::between(&before, &after);
        assert_eq!(changes.persist.added, ["logs"]);
        assert_eq!(changes.persist.removed, ["cache"]);
        assert_eq!(changes.environment.added, ["B"]);
        assert!(changes.environment.removed.is_empty());
        let hooks: Vec<_> = changes.hooks.iter().map(|change| change.hook).collect();
        assert_eq!(hooks, ["prepare", "activate"]);
        assert!(changes.health.unwrap().before.is_none());
        assert_eq!(
            InstallChanges::between(&before, &before),
            InstallChanges::default()
        );
    }
}
