//! Where a rollback goes: to the earlier head that was named, else to the newest one that servers can
//! still fetch.

use bulla_registry_client::Client;
use bulla_schemas::report::PassedOver;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::LogState;

use super::error::RollbackError;
use super::heads::{candidates, heads_before};
use crate::resolve::{self, ReleaseName};

/// Where a rollback goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The release.
    pub hash: Digest,
    /// Later heads that the registry does not have any more, the latest first.
    pub passed_over: Vec<PassedOver>,
}

/// Finds where a rollback goes. Where no head is named, those are passed over that the registry says
/// that it does not have, unless a person says `despite_missing`. What it cannot be asked about is not
/// passed over.
pub async fn find(
    client: &Client,
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    named: Option<&ReleaseName>,
    despite_missing: bool,
) -> Result<Target, RollbackError> {
    let mut passed_over = Vec::new();
    for hash in meant(state, project, channel, named)? {
        // One that was named is refused later where it is missing, with what can be done about it.
        if despite_missing || named.is_some() {
            return Ok(Target { hash, passed_over });
        }
        match client.find_missing(project, &hash).await {
            Ok(Some(missing)) => passed_over.push(PassedOver {
                hash,
                reason: missing.to_string(),
            }),
            Ok(None) | Err(_) => return Ok(Target { hash, passed_over }),
        }
    }
    Err(RollbackError::NoneThere {
        project: project.clone(),
        channel: channel.clone(),
        passed_over,
    })
}

/// Returns the one head that was named, else all that can be meant, the latest first: at least one.
fn meant(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    named: Option<&ReleaseName>,
) -> Result<Vec<Digest>, RollbackError> {
    resolve::head(state, project, channel)?;
    let (project, channel) = (project.clone(), channel.clone());
    let Some(name) = named else {
        let heads = heads_before(state, &project, &channel);
        if heads.is_empty() {
            return Err(RollbackError::NothingBefore {
                has_others: !candidates(state, &project, &channel).is_empty(),
                project,
                channel,
            });
        }
        return Ok(heads);
    };
    let (_, hash) = resolve::find(state, Some(&project), name)?;
    if state.was_head(&project, &channel, &hash) {
        return Ok(vec![hash]);
    }
    Err(RollbackError::NeverHead {
        project,
        channel,
        hash,
    })
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{name, project};

    use super::super::heads::tests::{hash, moved};
    use super::*;

    #[test]
    fn a_named_head_must_have_been_one() {
        let mut organisation = moved("ab");
        let never = organisation.publish(&project(), "never");
        let target = |state: &LogState, named: Option<Digest>| {
            let prefix = named.map(|hash| name(&hash.to_string()));
            meant(state, &project(), &name("prod"), prefix.as_ref())
        };
        let state = &organisation.state;
        assert_eq!(target(state, None).unwrap(), [hash('a')]);
        assert_eq!(target(state, Some(hash('b'))).unwrap(), [hash('b')]);
        let error = target(state, Some(never)).unwrap_err();
        assert!(matches!(error, RollbackError::NeverHead { .. }), "{error}");
        let error = target(&moved("aba").state, None).unwrap_err();
        assert!(
            error.to_string().contains("rolled back or revoked"),
            "{error}"
        );
        let error = target(&moved("a").state, None).unwrap_err();
        assert!(error.to_string().contains("nothing before"), "{error}");
    }
}
