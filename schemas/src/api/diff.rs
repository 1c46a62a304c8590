//! What changes from one release to another: which paths, and how the release wants to be
//! installed. What `bulla diff --json` prints and the registry answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::install::{Command, EnvironmentName, Health, Hooks, Install, PersistentPath};
use crate::period::Period;
use crate::{Digest, EntryPath};

/// What changes from one release to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diff {
    /// The older release.
    pub from: Digest,
    /// The newer release.
    pub to: Digest,
    /// The paths that differ, sorted. The registry answers with a part of them at a time.
    pub changes: Vec<Change>,
    /// What `?after=` takes for the next part; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many they are, and their bytes.
    pub totals: DiffTotals,
    /// What differs in how the releases want to be installed.
    #[serde(default, skip_serializing_if = "InstallChanges::is_empty")]
    pub install: InstallChanges,
}

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// The path.
    pub path: EntryPath,
    /// What happened to it.
    pub change: ChangeKind,
    /// What was there; absent when it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ChangeSide>,
    /// What is there; absent when it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ChangeSide>,
}

/// What happened to a path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only the newer release has it.
    Added,
    /// Only the older release has it.
    Removed,
    /// Other content, and perhaps another executable bit.
    Changed,
    /// Only the executable bit differs.
    Mode,
    /// A link with another target.
    Link,
    /// Another kind of entry.
    Kind,
}

/// What one of the releases has at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSide {
    /// What it is.
    pub kind: SideKind,
    /// Size in bytes; files only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it points; links only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A kind of entry, with the executable bit of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SideKind {
    /// A file that cannot be executed.
    File,
    /// A file that can.
    Executable,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
}

/// How many paths differ, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiffTotals {
    /// Paths that only the newer release has.
    pub added: u64,
    /// Paths that only the older release has.
    pub removed: u64,
    /// Files with other content.
    pub changed: u64,
    /// Files of which only the executable bit differs.
    pub mode: u64,
    /// Links with another target.
    pub link: u64,
    /// Paths with another kind of entry.
    pub kind: u64,
    /// Bytes in the files that differ, in the older release.
    pub bytes_before: u64,
    /// Bytes in the files that differ, in the newer release.
    pub bytes_after: u64,
}

impl DiffTotals {
    /// Counts changes.
    pub fn of(changes: &[Change]) -> Self {
        let mut totals = Self::default();
        for change in changes {
            *match change.change {
                ChangeKind::Added => &mut totals.added,
                ChangeKind::Removed => &mut totals.removed,
                ChangeKind::Changed => &mut totals.changed,
                ChangeKind::Mode => &mut totals.mode,
                ChangeKind::Link => &mut totals.link,
                ChangeKind::Kind => &mut totals.kind,
            } += 1;
            let size = |side: &Option<ChangeSide>| side.as_ref().and_then(|side| side.size);
            totals.bytes_before += size(&change.before).unwrap_or(0);
            totals.bytes_after += size(&change.after).unwrap_or(0);
        }
        totals
    }

    /// Returns how many paths differ.
    pub const fn paths(&self) -> u64 {
        self.added + self.removed + self.changed + self.mode + self.link + self.kind
    }
}

/// What differs in how two releases want to be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallChanges {
    /// Paths that are kept across releases.
    #[serde(default, skip_serializing_if = "NameChanges::is_empty")]
    pub persist: NameChanges<PersistentPath>,
    /// Variables of the environment that must be set on a server.
    #[serde(default, skip_serializing_if = "NameChanges::is_empty")]
    pub environment: NameChanges<EnvironmentName>,
    /// Hooks, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookChange>,
    /// How long each hook may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_timeout: Option<TimeoutChange>,
    /// What must hold after the switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Box<HealthChange>>,
}

/// Names that one of two lists has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    bound(deserialize = "T: Deserialize<'de>")
)]
#[schemars(rename = "{T}Changes")]
pub struct NameChanges<T> {
    /// Names that only the newer release has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<T>,
    /// Names that only the older release has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<T>,
}

/// A hook that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HookChange {
    /// `prepare`, `activate` or `deactivate`.
    pub hook: String,
    /// The command in the older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Command>,
    /// The command in the newer release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Command>,
}

/// How long hooks may take, where that differs; five minutes where it is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeoutChange {
    /// In the older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Period>,
    /// In the newer release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Period>,
}

/// Health checks that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthChange {
    /// The checks in the older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Health>,
    /// The checks in the newer release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Health>,
}

impl InstallChanges {
    /// Compares how two releases want to be installed.
    pub fn between(before: &Install, after: &Install) -> Self {
        Self {
            persist: NameChanges::between(&before.persist, &after.persist),
            environment: NameChanges::between(&before.environment, &after.environment),
            hooks: hook_changes(&before.hooks, &after.hooks),
            hook_timeout: (before.hooks.timeout != after.hooks.timeout).then_some(TimeoutChange {
                before: before.hooks.timeout,
                after: after.hooks.timeout,
            }),
            health: (before.health != after.health).then(|| {
                Box::new(HealthChange {
                    before: before.health.clone(),
                    after: after.health.clone(),
                })
            }),
        }
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<T> NameChanges<T> {
    /// Tells whether both lists have the same names.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl<T: Clone + PartialEq> NameChanges<T> {
    fn between(before: &[T], after: &[T]) -> Self {
        let only_in = |these: &[T], those: &[T]| {
            let only = these.iter().filter(|name| !those.contains(name));
            only.cloned().collect()
        };
        Self {
            added: only_in(after, before),
            removed: only_in(before, after),
        }
    }
}

impl<T> Default for NameChanges<T> {
    fn default() -> Self {
        Self {
            added: Vec::new(),
            removed: Vec::new(),
        }
    }
}

fn hook_changes(before: &Hooks, after: &Hooks) -> Vec<HookChange> {
    [
        ("prepare", &before.prepare, &after.prepare),
        ("activate", &before.activate, &after.activate),
        ("deactivate", &before.deactivate, &after.deactivate),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(hook, before, after)| HookChange {
        hook: hook.to_owned(),
        before: before.clone(),
        after: after.clone(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_differs_in_an_install_and_nothing_else() {
        let install = |json: &str| serde_json::from_str::<Install>(json).unwrap();
        let before = install(
            r#"{"persist":["var","logs"],"environment":["A"],
                "hooks":{"prepare":["bin/migrate"],"deactivate":["bin/drain"]}}"#,
        );
        let after = install(
            r#"{"persist":["var","uploads/"],"environment":["A","B"],
                "hooks":{"prepare":["bin/migrate","--all"],"deactivate":["bin/drain"],"timeout":"10m"},
                "health":{"tcp":"127.0.0.1:80"}}"#,
        );
        let changes = InstallChanges::between(&before, &after);
        assert_eq!(
            serde_json::to_value(&changes).unwrap(),
            serde_json::json!({
                "persist": { "added": ["uploads/"], "removed": ["logs"] },
                "environment": { "added": ["B"] },
                "hooks": [{
                    "hook": "prepare",
                    "before": ["bin/migrate"],
                    "after": ["bin/migrate", "--all"],
                }],
                "hookTimeout": { "after": "10m" },
                "health": { "after": after.health },
            })
        );
        assert!(InstallChanges::between(&after, &after).is_empty());
    }
}
