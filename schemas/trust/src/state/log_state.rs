//! `LogState`, and what is read from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::policy::Policy;
use bulla_schemas::statement::{Action, Severity, Wave};
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName, Timestamp};

use super::entries::{Head, PolicyVersion, Promotion, Release, Revocation, Rollout};
use super::list::SharedList;
use super::map::SharedMap;
use super::roots::Roots;
use crate::merkle::Peaks;
use crate::policy::CheckedPolicy;

/// The state of a log after all its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogState {
    pub(super) peaks: Peaks,
    pub(super) roots: Roots,
    pub(super) policies: Vec<Arc<PolicyVersion>>,
    pub(super) projects: SharedMap<ProjectName, Arc<Project>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) releases: SharedList<Release>,
    /// Where in `releases` a hash stands.
    pub(super) by_hash: SharedMap<Digest, usize>,
    pub(super) promotions: SharedList<Promotion>,
    pub(super) channels: BTreeMap<ChannelName, Arc<Channel>>,
    pub(super) revocations: SharedList<Revocation>,
    pub(super) revoked: SharedMap<Digest, Severity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) head: Head,
    /// Where in the project's releases those stand that the channel ever pointed to.
    pub(super) past: SharedMap<u32, ()>,
}

impl LogState {
    /// Returns how many entries were replayed.
    pub const fn size(&self) -> u64 {
        self.peaks.size()
    }

    /// Returns the Merkle root over all entries.
    pub fn root(&self) -> Digest {
        self.roots.last()
    }

    /// Returns the Merkle root over the first `size` entries; `None` beyond the end.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        self.roots.at(size)
    }

    /// Returns the place in the log that a statement signed now binds to.
    pub fn position(&self) -> LogPosition {
        LogPosition {
            size: self.size(),
            root: self.root(),
        }
    }

    /// Returns the log's name; `None` before the first policy.
    pub fn origin(&self) -> Option<&str> {
        self.policy().map(|policy| policy.origin.as_str())
    }

    /// Returns the line that a new server starts from; `None` before the first policy.
    pub fn anchor(&self) -> Option<Anchor> {
        Some(Anchor {
            origin: self.origin()?.to_owned(),
            position: self.position(),
        })
    }

    /// Returns the policy in effect.
    pub fn policy(&self) -> Option<&Policy> {
        self.checked_policy().map(CheckedPolicy::policy)
    }

    /// Returns the policy in effect, with its keys.
    pub fn checked_policy(&self) -> Option<&CheckedPolicy> {
        self.policies.last().map(|version| &version.checked)
    }

    /// Returns the version of the policy in effect; 0 before the first.
    pub fn policy_version(&self) -> u64 {
        self.policy().map_or(0, |policy| policy.version)
    }

    /// Returns the sha256 of the policy's payload, the next one's `prev`; zeros before the first.
    pub fn policy_payload(&self) -> Digest {
        self.policies
            .last()
            .map_or(Digest::from_bytes([0; 32]), |version| {
                Digest::of(&version.payload)
            })
    }

    /// Returns every policy that took effect, oldest first.
    pub fn policies(&self) -> impl DoubleEndedIterator<Item = &PolicyVersion> {
        self.policies.iter().map(Arc::as_ref)
    }

    /// Returns the projects that have releases, promotions or revocations, by name.
    pub fn projects(&self) -> impl DoubleEndedIterator<Item = &ProjectName> {
        self.projects.iter().map(|(name, _)| name)
    }

    /// Tells whether a project has any of these.
    pub fn has_project(&self, project: &ProjectName) -> bool {
        self.projects.get(project).is_some()
    }

    /// Returns the heads of a project's channels, by name.
    pub fn channels(&self, project: &ProjectName) -> impl DoubleEndedIterator<Item = &Head> {
        let channels = self.projects.get(project).map(|project| &project.channels);
        channels
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|channel| &channel.head)
    }

    /// Returns what a channel points to.
    pub fn head(&self, project: &ProjectName, channel: &ChannelName) -> Option<&Head> {
        self.channel(project, channel).map(|channel| &channel.head)
    }

    /// Tells whether a channel points or ever pointed to a bundle.
    pub fn was_head(&self, project: &ProjectName, channel: &ChannelName, hash: &Digest) -> bool {
        let release = self
            .projects
            .get(project)
            .and_then(|project| project.number(hash));
        let channel = self.channel(project, channel);
        release
            .zip(channel)
            .is_some_and(|(release, channel)| channel.past.get(&release).is_some())
    }

    fn channel(&self, project: &ProjectName, channel: &ChannelName) -> Option<&Channel> {
        let channels = &self.projects.get(project)?.channels;
        channels.get(channel).map(Arc::as_ref)
    }

    /// Returns a project's releases, in the order of their first statements.
    pub fn releases(&self, project: &ProjectName) -> impl DoubleEndedIterator<Item = &Release> {
        let releases = self.projects.get(project).map(|project| &project.releases);
        releases.into_iter().flat_map(SharedList::iter)
    }

    /// Returns those of a project's releases that stand in the log before an entry, in their order.
    pub fn releases_before(
        &self,
        project: &ProjectName,
        entry: u64,
    ) -> impl DoubleEndedIterator<Item = &Release> {
        let releases = self.projects.get(project).map(|project| &project.releases);
        let is_late = move |release: &Release| release.entry() >= entry;
        releases
            .into_iter()
            .flat_map(move |releases| releases.until(is_late))
    }

    /// Returns how many releases a project has.
    pub fn release_count(&self, project: &ProjectName) -> usize {
        self.projects
            .get(project)
            .map_or(0, |project| project.releases.len())
    }

    /// Returns one release of a project.
    pub fn release(&self, project: &ProjectName, hash: &Digest) -> Option<&Release> {
        let project = self.projects.get(project)?;
        let at = project.by_hash.get(hash)?;
        project.releases.get(*at)
    }

    /// Returns the releases of all projects whose hash begins so.
    pub fn find_release(&self, prefix: &DigestPrefix) -> Vec<(&ProjectName, &Release)> {
        // The prefix with zeros behind it is the first digest that it matches.
        let digits = prefix.to_string();
        let Ok(first) = Digest::from_hex(&format!("{digits:0<64}")) else {
            return Vec::new();
        };
        let in_project = |(name, project)| -> Vec<_> {
            let (name, project): (&ProjectName, &Arc<Project>) = (name, project);
            let found = project.by_hash.from(&first);
            let found = found.take_while(|(hash, _)| prefix.matches(hash));
            let found = found.filter_map(|(_, at)| project.releases.get(*at));
            found.map(|release| (name, release)).collect()
        };
        self.projects.iter().flat_map(in_project).collect()
    }

    /// Returns a project's promotions on all channels, oldest first.
    pub fn promotions(&self, project: &ProjectName) -> impl DoubleEndedIterator<Item = &Promotion> {
        let promotions = self.projects.get(project).map(|p| &p.promotions);
        promotions.into_iter().flat_map(SharedList::iter)
    }

    /// Returns those of a project's promotions that stand in the log before an entry, oldest first.
    pub fn promotions_before(
        &self,
        project: &ProjectName,
        entry: u64,
    ) -> impl DoubleEndedIterator<Item = &Promotion> {
        let promotions = self.projects.get(project).map(|p| &p.promotions);
        let is_late = move |promotion: &Promotion| promotion.entry >= entry;
        promotions
            .into_iter()
            .flat_map(move |promotions| promotions.until(is_late))
    }

    /// Returns when people last said something about how a head is to reach the servers: when they
    /// moved the channel to it, or let waves go since, as they say.
    pub fn last_word(&self, head: &Head) -> Timestamp {
        let mut promotions = self.promotions(&head.project);
        let last = promotions.rfind(|promotion| promotion.channel == head.channel);
        last.map_or(head.issued_at, |last| last.issued_at)
    }

    /// Returns how a bundle was promoted to a channel, with the waves that people let go of it: what
    /// a rollback to it goes by on servers that never had it.
    pub fn promoted(
        &self,
        project: &ProjectName,
        channel: &ChannelName,
        hash: &Digest,
    ) -> Option<Rollout> {
        let promotions = self.promotions(project);
        let of_bundle =
            promotions.filter(|promotion| promotion.channel == *channel && promotion.hash == *hash);
        of_bundle.fold(None, |before, promotion| match promotion.action {
            Action::Promote => Some(Rollout {
                waves: promotion.waves,
                open: Wave::FIRST,
                urgent: promotion.urgent,
            }),
            Action::Widen => before.map(|before| Rollout {
                open: promotion.up_to.unwrap_or(before.open),
                ..before
            }),
            Action::Rollback | Action::Pause => before,
        })
    }

    /// Tells whether people said that a bundle must not be activated, and how severely.
    pub fn revocation(&self, project: &ProjectName, hash: &Digest) -> Option<Severity> {
        self.projects.get(project)?.revoked.get(hash).copied()
    }

    /// Returns a project's revocations, oldest first.
    pub fn revocations(
        &self,
        project: &ProjectName,
    ) -> impl DoubleEndedIterator<Item = &Revocation> {
        let revocations = self.projects.get(project).map(|p| &p.revocations);
        revocations.into_iter().flat_map(SharedList::iter)
    }
}

impl Project {
    /// Returns where in the releases a bundle stands.
    pub(super) fn number(&self, hash: &Digest) -> Option<u32> {
        u32::try_from(*self.by_hash.get(hash)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::empty_root;
    use crate::testing::{Organisation, name, project};

    #[test]
    fn knows_every_root_and_its_place() {
        let mut acme = Organisation::new();
        let mut roots = vec![empty_root(), acme.state.root()];
        for content in ["a", "b", "c"] {
            acme.publish(&project(), content);
            roots.push(acme.state.root());
        }
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(acme.state.root_at(size as u64), Some(*root));
        }
        assert_eq!(acme.state.root_at(5), None);
        assert_eq!(acme.state.root_at(u64::MAX), None);
        let anchor = acme.anchor();
        assert_eq!((anchor.position.size, anchor.position.root), (4, roots[4]));
    }

    #[test]
    fn finds_releases_by_the_beginning_of_their_hash() {
        let mut acme = Organisation::new();
        let shop: ProjectName = name("acme/shop");
        let hashes: Vec<Digest> = (0..40)
            .map(|n| acme.publish(&project(), &format!("release {n}")))
            .collect();
        acme.publish(&shop, "release 0");
        for hash in &hashes {
            for length in [8, 12, 63, 64] {
                let prefix = hash.hex()[..length].parse().unwrap();
                let found = acme.state.find_release(&prefix);
                assert!(found.iter().all(|(_, release)| release.hash == *hash));
                assert_eq!(found.len(), if *hash == hashes[0] { 2 } else { 1 });
            }
        }
        let nothing = "0".repeat(12).parse().unwrap();
        assert!(acme.state.find_release(&nothing).is_empty());
    }

    #[test]
    fn a_copy_is_not_changed_by_what_comes_later() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "a");
        let before = acme.state.clone();
        acme.promote("prod", hash, &["alice"]);
        acme.publish(&project(), "b");
        assert_eq!(before.releases(&project()).count(), 1);
        assert!(before.head(&project(), &name("prod")).is_none());
    }
}
