//! From what a person types to a release: hashes, channels, revisions and labels, looked up in the
//! verified log and nowhere else.
//!
//! | typed | means |
//! |---|---|
//! | `9f2c81aa`, `sha256:9f2c81aa` | the hash that begins so, 8 digits or more |
//! | `prod` | the head of the channel |
//! | `1c09ff2`, `r4711`, `4711` | the commit whose id begins so, 7 digits or more; the svn revision |
//! | `v1.4` | the label |
//!
//! What is a hash and a revision must mean the same release. A channel that the policy has wins over
//! a label, so that no tag takes its place.

use std::collections::BTreeSet;
use std::str::FromStr;

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName};
use bulla_trust::{LogState, Release};

/// Least digits of a commit id, as git shortens it.
const LEAST_REVISION: usize = 7;
/// Most bytes of a name.
const LONGEST: usize = 255;
/// Most names that a hint lists.
const LISTED: usize = 10;

/// A release as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    text: String,
    prefix: Option<DigestPrefix>,
}

/// What cannot name a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 8 to 64 hex digits of a hash, a channel, a revision or a label; found {found:?}")]
pub struct ReleaseNameError {
    found: String,
}

impl FromStr for ReleaseName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        let prefix = text.parse().ok();
        let is_hash = text.starts_with("sha256:");
        let is_fit = (1..=LONGEST).contains(&text.len())
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if prefix.is_some() || (is_fit && !is_hash) {
            return Ok(Self {
                text: text.to_owned(),
                prefix,
            });
        }
        Err(ReleaseNameError {
            found: text.chars().take(80).collect(),
        })
    }
}

impl std::fmt::Display for ReleaseName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl ReleaseName {
    /// Tells whether it can be looked up in all projects: a hash names a release everywhere.
    pub const fn is_hash(&self) -> bool {
        self.prefix.is_some()
    }

    /// Tells whether a release was made from the revision, or has the label.
    fn is_of(&self, release: &Release) -> bool {
        let digits = self.text.strip_prefix('r').unwrap_or(&self.text);
        let is_commit = self.text.len() >= LEAST_REVISION
            && self.text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        release.statements.iter().any(|record| {
            // A commit id has 40 or 64 digits, a revision number at most 20.
            let is_git = record.revision.len() >= 40;
            record.label == self.text
                || (is_git && is_commit && record.revision.starts_with(&self.text.to_lowercase()))
                || (!is_git && is_number && record.revision == digits)
        })
    }
}

/// Why a name leads to no release, or to more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The log has no such release.
    #[error("the log has no release {name} {}", of(.project.as_ref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where it was looked for; everywhere if absent.
        project: Option<ProjectName>,
        /// The other projects that have such a release.
        elsewhere: Vec<ProjectName>,
        /// The channels of the project that point to a release.
        channels: Vec<ChannelName>,
    },
    /// More than one release is named so.
    #[error("{name} is ambiguous: {}", list(.candidates))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it could mean.
        candidates: Vec<(ProjectName, Digest)>,
    },
    /// Nothing was ever promoted to the channel.
    #[error("`{channel}` of {project} points to nothing yet")]
    EmptyChannel {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The project's channels that point to something.
        others: Vec<ChannelName>,
    },
    /// Neither the policy nor a promotion names the channel.
    #[error("{project} has no channel `{channel}`")]
    UnknownChannel {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The project's channels that point to something.
        others: Vec<ChannelName>,
    },
    /// The log says nothing about the project.
    #[error("the log knows no project {project}")]
    UnknownProject {
        /// The project.
        project: ProjectName,
        /// The projects that it knows.
        known: Vec<ProjectName>,
    },
}

impl Outcome for ResolveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Ambiguous { .. } => FailureKind::Usage,
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown {
                elsewhere,
                channels,
                name,
                ..
            } => Some(match elsewhere.as_slice() {
                [project, ..] => format!("it is a release of {project}: give --project {project}"),
                [] if name.bytes().all(|byte| byte.is_ascii_hexdigit()) && name.len() < 8 => {
                    "if it is a hash, give 8 or more of its digits".to_owned()
                }
                [] if channels.is_empty() => {
                    "`bulla publish` makes a release; its last line is the hash".to_owned()
                }
                [] => format!(
                    "`bulla releases` lists what there is; channels in use: {}",
                    join(channels)
                ),
            }),
            Self::Ambiguous { .. } => Some("give more digits, or --project".to_owned()),
            Self::EmptyChannel {
                others, channel, ..
            } if others.is_empty() => Some(format!(
                "`bulla promote HASH {channel}` points it to a release"
            )),
            Self::UnknownChannel { others, .. } if others.is_empty() => {
                Some("the policy names the channels".to_owned())
            }
            Self::EmptyChannel { others, .. } | Self::UnknownChannel { others, .. } => {
                Some(format!("channels in use: {}", join(others)))
            }
            Self::UnknownProject { known, .. } if known.is_empty() => {
                Some("`bulla publish` makes its first release".to_owned())
            }
            Self::UnknownProject { known, .. } => {
                let listed: Vec<_> = known.iter().take(LISTED).map(ProjectName::as_str).collect();
                let more = match known.len().saturating_sub(LISTED) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                Some(format!(
                    "name one that it knows with --project: {}{more}",
                    listed.join(", ")
                ))
            }
        }
    }
}

/// Finds the one release that is named so: by its hash in one project or in all, by anything else
/// in one project.
pub fn find(
    state: &LogState,
    project: Option<&ProjectName>,
    name: &ReleaseName,
) -> Result<(ProjectName, Digest), ResolveError> {
    if let (None, Some(project)) = (&name.prefix, project)
        && let Ok(channel) = name.text.parse::<ChannelName>()
        && is_channel(state, project, &channel)
    {
        return head(state, project, &channel).map(|hash| (project.clone(), hash));
    }
    let mut found: BTreeSet<(ProjectName, Digest)> = BTreeSet::new();
    if let Some(prefix) = &name.prefix {
        let releases = state.find_release(prefix).into_iter();
        found.extend(releases.map(|(project, release)| (project.clone(), release.hash)));
    }
    if !name.text.starts_with("sha256:") {
        for project in state.projects() {
            found.extend(by_revision(state, project, name).map(|hash| (project.clone(), hash)));
        }
    }
    let (candidates, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|(found, _)| project.is_none_or(|project| project == found));
    match <[_; 1]>::try_from(candidates) {
        Ok([only]) => Ok(only),
        Err(candidates) if !candidates.is_empty() => Err(ResolveError::Ambiguous {
            name: name.to_string(),
            candidates,
        }),
        Err(_) => {
            if let Some(project) = project {
                known_project(state, project)?;
            }
            Err(ResolveError::Unknown {
                name: name.to_string(),
                channels: project.map_or_else(Vec::new, |project| in_use(state, project)),
                project: project.cloned(),
                elsewhere: others.into_iter().map(|(project, _)| project).collect(),
            })
        }
    }
}

/// Returns the releases that were made from the revision or have the label. Those of a clean
/// checkout are meant, where there are some.
fn by_revision<'a>(
    state: &'a LogState,
    project: &ProjectName,
    name: &'a ReleaseName,
) -> impl Iterator<Item = Digest> + use<'a> {
    let (dirty, clean): (Vec<_>, Vec<_>) = state
        .releases(project)
        .filter(|release| name.is_of(release))
        .partition(|release| release.is_dirty());
    let meant = if clean.is_empty() { dirty } else { clean };
    meant.into_iter().map(|release| release.hash)
}

/// Checks that the log says something about a project.
pub fn known_project(state: &LogState, project: &ProjectName) -> Result<(), ResolveError> {
    if state.projects().any(|known| known == project) {
        return Ok(());
    }
    Err(ResolveError::UnknownProject {
        project: project.clone(),
        known: state.projects().cloned().collect(),
    })
}

/// Checks that a project has a channel: in the policy, or in the past.
pub fn known_channel(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<(), ResolveError> {
    known_project(state, project)?;
    if is_channel(state, project, channel) {
        return Ok(());
    }
    Err(ResolveError::UnknownChannel {
        project: project.clone(),
        channel: channel.clone(),
        others: in_use(state, project),
    })
}

fn is_channel(state: &LogState, project: &ProjectName, channel: &ChannelName) -> bool {
    let policy = state.checked_policy();
    state.head(project, channel).is_some()
        || policy.is_some_and(|policy| policy.channel_rule(project, channel).is_some())
}

/// Returns the hash that a channel points to.
pub fn head(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Digest, ResolveError> {
    if let Some(head) = state.head(project, channel) {
        return Ok(head.hash);
    }
    known_channel(state, project, channel)?;
    Err(ResolveError::EmptyChannel {
        project: project.clone(),
        channel: channel.clone(),
        others: in_use(state, project),
    })
}

fn in_use(state: &LogState, project: &ProjectName) -> Vec<ChannelName> {
    let heads = state.channels(project);
    heads.map(|head| head.channel.clone()).collect()
}

fn join(channels: &[ChannelName]) -> String {
    let channels: Vec<_> = channels.iter().map(ChannelName::as_str).collect();
    channels.join(", ")
}

fn of(project: Option<&ProjectName>) -> String {
    project.map_or_else(
        || "of any project".to_owned(),
        |project| format!("of {project}"),
    )
}

fn list(candidates: &[(ProjectName, Digest)]) -> String {
    let candidates: Vec<_> = candidates
        .iter()
        .map(|(project, hash)| format!("{hash} of {project}"))
        .collect();
    candidates.join(", ")
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{self, Organisation, name, project};

    use super::*;

    fn released(acme: &mut Organisation, content: &str, revision: &str, label: &str) -> Digest {
        let hash = Digest::of(content.as_bytes());
        let mut release = testing::release(&project(), hash);
        let definition = &mut release.predicate.build_definition;
        definition.external_parameters.label = label.to_owned();
        definition.resolved_dependencies[0].digest =
            bulla_schemas::statement::DependencyDigest::GitCommit(revision.to_owned());
        let verdict = acme.append_release(&release);
        assert!(verdict.is_effective(), "{verdict:?}");
        hash
    }

    #[test]
    fn a_short_hash_is_looked_up_in_one_project_or_in_all() {
        let mut organisation = Organisation::new();
        let other: ProjectName = name("acme/shop");
        let hash = organisation.publish(&project(), "one");
        organisation.publish(&project(), "two");
        organisation.publish(&other, "three");
        let find = |project: Option<&ProjectName>, text: &str| {
            find(&organisation.state, project, &name(text))
        };
        let prefix = &hash.hex()[..8];
        assert_eq!(find(None, prefix), Ok((project(), hash)));
        assert_eq!(find(Some(&project()), prefix), Ok((project(), hash)));
        let elsewhere = find(Some(&other), prefix).unwrap_err();
        assert!(matches!(elsewhere, ResolveError::Unknown { .. }));
        let hint = format!("--project {}", project());
        assert!(elsewhere.hint().unwrap().contains(&hint), "{elsewhere:?}");
        assert!(matches!(
            find(None, "00000000"),
            Err(ResolveError::Unknown { .. })
        ));
        let unknown: ProjectName = name("acme/biling");
        let error = find(Some(&unknown), "v1").unwrap_err();
        assert!(matches!(error, ResolveError::UnknownProject { .. }));
        assert!(error.hint().unwrap().contains("acme/billing, acme/shop"));
    }

    #[test]
    fn two_releases_that_begin_alike_are_both_named() {
        let mut organisation = Organisation::new();
        let shop = name("acme/shop");
        let hash = organisation.publish(&project(), "one");
        organisation.publish(&shop, "one");
        let prefix = name(&hash.to_string());
        let error = find(&organisation.state, None, &prefix).unwrap_err();
        assert!(error.to_string().contains("acme/shop"), "{error}");
        assert!(find(&organisation.state, Some(&shop), &prefix).is_ok());
    }

    #[test]
    fn a_revision_and_a_label_name_the_release_that_was_made_of_them() {
        let mut acme = Organisation::new();
        let one = released(&mut acme, "one", &"1c09ff2a".repeat(5), "v1.4");
        let two = released(&mut acme, "two", &"2d09ff2a".repeat(5), "");
        let find = |text: &str| {
            let found = find(&acme.state, Some(&project()), &name(text));
            found.map(|(_, hash)| hash)
        };
        assert_eq!(find("v1.4"), Ok(one));
        assert_eq!(find("1c09ff2"), Ok(one));
        assert_eq!(find("2D09FF2A2D09"), Ok(two));
        for nothing in ["1c09ff", "v1.5", "r1"] {
            let error = find(nothing).unwrap_err();
            assert!(matches!(error, ResolveError::Unknown { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_one_releases_hash_and_anothers_revision_is_ambiguous() {
        let mut acme = Organisation::new();
        let one = acme.publish(&project(), "one");
        let revision = format!("{}{}", &one.hex()[..8], "0".repeat(32));
        let two = released(&mut acme, "two", &revision, "");
        let find = |text: &str| find(&acme.state, Some(&project()), &name(text));
        let error = find(&one.hex()[..8]).unwrap_err();
        assert!(matches!(error, ResolveError::Ambiguous { .. }), "{error}");
        assert_eq!(find(&one.to_string()[..15]), Ok((project(), one)));
        assert_eq!(find(&revision), Ok((project(), two)));
    }

    #[test]
    fn no_label_takes_the_place_of_a_channel() {
        let mut acme = Organisation::new();
        let live = acme.publish(&project(), "live");
        released(&mut acme, "tagged", &"ab".repeat(20), "prod");
        let find = |acme: &Organisation| find(&acme.state, Some(&project()), &name("prod"));
        let error = find(&acme).unwrap_err();
        assert!(
            matches!(error, ResolveError::EmptyChannel { .. }),
            "{error}"
        );
        acme.promote("prod", live, &["alice"]);
        assert_eq!(find(&acme), Ok((project(), live)));
    }

    #[test]
    fn a_channel_without_a_head_names_those_that_have_one() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        organisation.promote("prod", hash, &["alice"]);
        let head = |channel: &str| head(&organisation.state, &project(), &name(channel));
        assert_eq!(head("prod"), Ok(hash));
        let hint = |channel: &str| head(channel).unwrap_err().hint().unwrap();
        assert!(hint("dev").contains("prod"), "{}", hint("dev"));
        let error = head("prd").unwrap_err();
        assert!(matches!(error, ResolveError::UnknownChannel { .. }));
        let named = find(&organisation.state, Some(&project()), &name("9f2c81a"));
        let hint = named.unwrap_err().hint().unwrap();
        assert!(hint.contains("8 or more"), "{hint}");
    }

    #[test]
    fn what_looks_like_a_hash_is_one() {
        let hash = Digest::of(b"").to_string();
        for text in [hash.as_str(), "deadbeef", "sha256:deadbeef"] {
            assert!(name::<ReleaseName>(text).is_hash(), "{text}");
        }
        for text in ["prod", "dead", "customer-a", "v1.4", "release/2"] {
            assert!(!name::<ReleaseName>(text).is_hash(), "{text}");
        }
        for text in ["", "a b", "a\n", "sha256:dead"] {
            assert!(text.parse::<ReleaseName>().is_err(), "{text}");
        }
    }
}
