//! Tags: names of manifests, which move in mutable repositories only, and channels, which only the log
//! moves.

use bulla_schemas::{ChannelName, ProjectName};
use bulla_trust::policy::matches;

use super::changes::Adding;
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

impl Catalog {
    /// Returns what a tag names: a channel's head, or what was pushed under it.
    pub(crate) async fn tagged(
        &self,
        project: &ProjectName,
        tag: &Tag,
    ) -> Result<Option<OciDigest>, PublishError> {
        match self.head(project, tag) {
            Some(head) => Ok(Some(head)),
            None => Ok(self.database.tag(project, tag).await?),
        }
    }

    /// Returns the head of the channel that has a tag's name.
    pub(super) fn head(&self, project: &ProjectName, tag: &Tag) -> Option<OciDigest> {
        let channel: ChannelName = tag.as_str().parse().ok()?;
        let head = self.with_state(|state| state.head(project, &channel).map(|head| head.hash));
        head.map(OciDigest::from)
    }

    /// Tells whether a tag has the name of one of the project's channels: one that points
    /// somewhere, or one that the policy names.
    pub(crate) fn is_channel(&self, project: &ProjectName, tag: &Tag) -> bool {
        let Ok(channel) = tag.as_str().parse::<ChannelName>() else {
            return false;
        };
        self.with_state(|state| {
            let named = || {
                state.policy().is_some_and(|policy| {
                    policy.channels.iter().any(|rule| {
                        rule.channel == channel.as_str() && matches(&rule.project, project.as_str())
                    })
                })
            };
            state.head(project, &channel).is_some() || named()
        })
    }

    /// Returns the names of a project's channels that point somewhere.
    pub(crate) fn channel_names(&self, project: &ProjectName) -> Vec<String> {
        self.with_state(|state| {
            let heads = state.channels(project);
            heads.map(|head| head.channel.to_string()).collect()
        })
    }

    /// Refuses to move a channel, and any tag of a repository that is not mutable: before anything
    /// is stored, and again when the tags are set.
    pub(super) async fn check_tags(
        &self,
        project: &ProjectName,
        tags: &[Tag],
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        for tag in tags {
            if self.is_channel(project, tag) {
                return Err(PublishError::TagIsChannel {
                    tag: tag.to_string(),
                });
            }
            if self.is_mutable(project) {
                continue;
            }
            match self.database.tag(project, tag).await? {
                Some(found) if found != *digest => {
                    return Err(PublishError::TagImmutable {
                        tag: tag.to_string(),
                        digest: found.to_string(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Points tags to a manifest, all of them or none: the records, then the index.
    pub(super) async fn set_tags(
        &self,
        _: &Adding<'_>,
        project: &ProjectName,
        tags: Vec<Tag>,
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        if tags.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.tags.lock().await;
        self.check_tags(project, &tags, digest).await?;
        for tag in tags {
            let (repositories, name) = (self.repositories.clone(), project.clone());
            let (pointer, target) = (tag.clone(), digest.clone());
            blocking(move || repositories.record_tag(&name, &pointer, &target)).await?;
            self.database.set_tag(project, &tag, digest).await?;
        }
        Ok(())
    }
}
