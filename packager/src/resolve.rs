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

mod error;
mod name;

use std::collections::BTreeSet;

use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::{LogState, policy};

pub use error::ResolveError;
pub use name::{ReleaseName, ReleaseNameError};

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
        project: Some(project.clone()),
        channel: channel.clone(),
        known: channels(state, Some(project)).into_iter().collect(),
    })
}

/// Checks that some project has a channel: in the policy, or in the past.
pub fn known_channel_of_any(state: &LogState, channel: &ChannelName) -> Result<(), ResolveError> {
    let known = channels(state, None);
    if known
        .iter()
        .any(|one| policy::matches(one, channel.as_str()))
    {
        return Ok(());
    }
    Err(ResolveError::UnknownChannel {
        project: None,
        channel: channel.clone(),
        known: known.into_iter().collect(),
    })
}

/// Returns the channels of a project, or of all, as the policy writes them, and those that point to
/// something.
fn channels(state: &LogState, project: Option<&ProjectName>) -> BTreeSet<String> {
    let rules = state
        .policy()
        .into_iter()
        .flat_map(|policy| &policy.channels);
    let of_rules = rules.filter(|rule| {
        project.is_none_or(|project| policy::matches(&rule.project, project.as_str()))
    });
    let projects = state
        .projects()
        .filter(|one| project.is_none_or(|project| project == *one));
    let used = projects.flat_map(|project| in_use(state, project));
    let used = used.map(|channel| channel.to_string());
    used.chain(of_rules.map(|rule| rule.channel.clone()))
        .collect()
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

#[cfg(test)]
mod tests {
    use bulla_schemas::outcome::Outcome as _;
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
        assert_eq!(error.hint().unwrap(), "channels: dev, prod, staging, vault");
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
