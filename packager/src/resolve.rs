//! From what a person types to a release: shortened hashes and channels, looked up in the
//! verified log and nowhere else.

use std::str::FromStr;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName};
use bulla_trust::LogState;

/// A release as a person names it: a shortened hash, or the channel that points to it. No
/// channel's name looks like a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseName {
    /// A hash.
    Hash(DigestPrefix),
    /// A channel.
    Channel(ChannelName),
}

/// Neither a hash nor a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 8 to 64 hex digits of a hash, or a channel; found {found:?}")]
pub struct ReleaseNameError {
    found: String,
}

impl FromStr for ReleaseName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        let hash = text.parse().map(Self::Hash);
        hash.or_else(|_| text.parse().map(Self::Channel))
            .map_err(|_| ReleaseNameError {
                found: text.chars().take(80).collect(),
            })
    }
}

/// Why a name leads to no release, or to more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The log has no such release.
    #[error("the log has no release {prefix} {}", of(.project.as_ref()))]
    UnknownHash {
        /// What was asked for.
        prefix: DigestPrefix,
        /// Where it was looked for; everywhere if absent.
        project: Option<ProjectName>,
        /// The other projects that have such a release.
        elsewhere: Vec<ProjectName>,
    },
    /// More than one release begins so.
    #[error("{prefix} is ambiguous: {}", list(.candidates))]
    Ambiguous {
        /// What was asked for.
        prefix: DigestPrefix,
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
}

impl ResolveError {
    /// Returns the exit status' kind.
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Ambiguous { .. } => FailureKind::Usage,
            Self::UnknownHash { .. } | Self::EmptyChannel { .. } => FailureKind::Failed,
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownHash { elsewhere, .. } => Some(match elsewhere.as_slice() {
                [] => "`bulla publish` makes a release; its last line is the hash".to_owned(),
                [project, ..] => format!("it is a release of {project}: give --project {project}"),
            }),
            Self::Ambiguous { .. } => Some("give more digits, or --project".to_owned()),
            Self::EmptyChannel { channel, .. } if is_short_hash(channel) => {
                Some("if it is a hash, give 8 or more of its digits".to_owned())
            }
            Self::EmptyChannel {
                others, channel, ..
            } if others.is_empty() => Some(format!(
                "`bulla promote HASH {channel}` points it to a release"
            )),
            Self::EmptyChannel { others, .. } => {
                let others: Vec<_> = others.iter().map(ChannelName::as_str).collect();
                Some(format!("channels in use: {}", others.join(", ")))
            }
        }
    }
}

/// Finds the one release whose hash begins so, in one project or in all.
pub fn find(
    state: &LogState,
    project: Option<&ProjectName>,
    prefix: &DigestPrefix,
) -> Result<(ProjectName, Digest), ResolveError> {
    let found = state.find_release(prefix).into_iter();
    let found = found.map(|(name, release)| (name.clone(), release.hash));
    let (mut candidates, others): (Vec<_>, Vec<_>) =
        found.partition(|(name, _)| project.is_none_or(|project| project == name));
    match (candidates.pop(), candidates.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            candidates.push(last);
            Err(ResolveError::Ambiguous {
                prefix: prefix.clone(),
                candidates,
            })
        }
        (None, _) => Err(ResolveError::UnknownHash {
            prefix: prefix.clone(),
            project: project.cloned(),
            elsewhere: others.into_iter().map(|(name, _)| name).collect(),
        }),
    }
}

/// Tells whether a channel's name is what somebody may take for a hash.
fn is_short_hash(channel: &ChannelName) -> bool {
    channel
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the hash that a channel points to.
pub fn head(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Digest, ResolveError> {
    match state.head(project, channel) {
        Some(head) => Ok(head.hash),
        None => Err(ResolveError::EmptyChannel {
            project: project.clone(),
            channel: channel.clone(),
            others: state
                .channels(project)
                .map(|head| head.channel.clone())
                .collect(),
        }),
    }
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
    use bulla_trust::testing::{Organisation, name, project};

    use super::*;

    #[test]
    fn a_short_hash_is_looked_up_in_one_project_or_in_all() {
        let mut organisation = Organisation::new();
        let other: ProjectName = name("acme/shop");
        let hash = organisation.publish(&project(), "one");
        organisation.publish(&project(), "two");
        let find = |project: Option<&ProjectName>, text: &str| {
            find(&organisation.state, project, &name(text))
        };
        let prefix = &hash.hex()[..8];
        assert_eq!(find(None, prefix), Ok((project(), hash)));
        assert_eq!(find(Some(&project()), prefix), Ok((project(), hash)));
        let elsewhere = find(Some(&other), prefix).unwrap_err();
        assert!(matches!(elsewhere, ResolveError::UnknownHash { .. }));
        let hint = format!("--project {}", project());
        assert!(elsewhere.hint().unwrap().contains(&hint), "{elsewhere:?}");
        assert!(matches!(
            find(None, "00000000"),
            Err(ResolveError::UnknownHash { .. })
        ));
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
    fn a_channel_without_a_head_names_those_that_have_one() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        organisation.promote("prod", hash, &["alice"]);
        let head = |channel: &str| head(&organisation.state, &project(), &name(channel));
        assert_eq!(head("prod"), Ok(hash));
        let hint = |channel: &str| head(channel).unwrap_err().hint().unwrap();
        assert!(hint("dev").contains("prod"), "{}", hint("dev"));
        // Seven digits of a hash are a channel's name.
        assert!(hint("9f2c81a").contains("8 or more"), "{}", hint("9f2c81a"));
    }

    #[test]
    fn what_looks_like_a_hash_is_one() {
        let hash = Digest::of(b"").to_string();
        for text in [hash.as_str(), "deadbeef", "sha256:deadbeef"] {
            assert!(matches!(text.parse(), Ok(ReleaseName::Hash(_))), "{text}");
        }
        for text in ["prod", "dead", "customer-a"] {
            assert!(
                matches!(text.parse(), Ok(ReleaseName::Channel(_))),
                "{text}"
            );
        }
        for text in ["", "Prod", "deadbee/", "sha256:dead"] {
            assert!(text.parse::<ReleaseName>().is_err(), "{text}");
        }
    }
}
