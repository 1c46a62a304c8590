//! `LogSnapshot`: what a log says after so many entries, as one client has replayed it and others begin with.
//! Nothing in it proves which heads and revocations the entries led to, so it is only taken with its digest,
//! which comes by the way that the anchor comes.

use std::path::Path;

use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;
use bulla_trust::LogState;

use super::directory::MOST;
use super::error::FollowError;

/// A verified state to begin with.
#[derive(Debug, Clone)]
pub struct LogSnapshot {
    pub(super) state: LogState,
}

impl LogSnapshot {
    /// Reads a snapshot that somebody who is trusted named by its digest, of the log that passes through
    /// an anchor. Nothing of the file is looked at before the digest is.
    pub fn read(path: &Path, digest: &Digest, anchor: &Anchor) -> Result<Self, FollowError> {
        let bytes = bulla_files::read_up_to(path, MOST)?;
        let bytes = bytes.ok_or_else(|| FollowError::NoSnapshot {
            path: path.to_owned(),
        })?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(FollowError::OtherSnapshot {
                path: path.to_owned(),
                expected: *digest,
                found,
            });
        }
        let state = LogState::from_bytes(&bytes);
        let state = state.map_err(|source| FollowError::Snapshot {
            path: path.to_owned(),
            source,
        })?;
        let (origin, place) = (state.origin().unwrap_or_default(), &anchor.position);
        let is_known = state.size() >= place.size;
        if origin != anchor.origin || (is_known && state.root_at(place.size) != Some(place.root)) {
            return Err(FollowError::OtherAnchor {
                anchor: Box::new(anchor.clone()),
                origin: origin.to_owned(),
                size: state.size(),
            });
        }
        Ok(Self { state })
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::log::LogPosition;
    use bulla_schemas::outcome::{FailureKind, Outcome as _};
    use bulla_trust::testing::{Organisation, project};

    use super::*;

    #[test]
    fn a_snapshot_is_of_the_digest_that_was_named_and_of_the_anchors_log() {
        let mut acme = Organisation::new();
        acme.publish(&project(), "one");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.state");
        let bytes = acme.state.to_bytes();
        std::fs::write(&path, &bytes).unwrap();
        let (digest, anchor) = (Digest::of(&bytes), acme.state.anchor().unwrap());
        let read = LogSnapshot::read(&path, &digest, &anchor).unwrap();
        assert_eq!(read.state, acme.state);
        // The log goes on, and the anchor is of later: the registry has to show what is between.
        let later = Anchor {
            position: LogPosition {
                size: 9,
                root: Digest::of(b"later"),
            },
            ..anchor.clone()
        };
        LogSnapshot::read(&path, &digest, &later).unwrap();
        let other = Anchor {
            position: LogPosition {
                root: Digest::of(b"other"),
                ..anchor.position
            },
            ..anchor.clone()
        };
        let refused = LogSnapshot::read(&path, &digest, &other).unwrap_err();
        assert!(matches!(refused, FollowError::OtherAnchor { .. }));

        // One with another head, whose own sum is right.
        acme.publish(&project(), "two");
        std::fs::write(&path, acme.state.to_bytes()).unwrap();
        let refused = LogSnapshot::read(&path, &digest, &anchor).unwrap_err();
        assert!(matches!(refused, FollowError::OtherSnapshot { .. }));
        assert_eq!(refused.kind(), FailureKind::Refused);
        std::fs::write(&path, b"bulla-log-state 1\n").unwrap();
        let digest = Digest::of(b"bulla-log-state 1\n");
        let refused = LogSnapshot::read(&path, &digest, &anchor).unwrap_err();
        assert!(matches!(refused, FollowError::Snapshot { .. }));
        std::fs::remove_file(&path).unwrap();
        let missing = LogSnapshot::read(&path, &digest, &anchor).unwrap_err();
        assert!(matches!(missing, FollowError::NoSnapshot { .. }));
    }
}
