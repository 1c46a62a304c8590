//! What a promotion takes out of a channel: revisions that are live there and that the release
//! does not contain, and who promoted them.
//!
//! ```text
//!          ┌─ fix1 (alice promoted it: live)
//!   main ──┴─── fix2 (bob wants it: does not contain fix1)
//! ```
//!
//! Only the verified log says who promoted what; only a checkout can say which git commit has
//! which in its history.

use std::path::Path;

use bulla_schemas::line::few;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::release::Source;
use bulla_schemas::report::Dropped;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::{LogState, Promotion, Release};

use crate::ancestry::{self, AncestryError, Missing, Revision};
use crate::proposal::Proposal;

/// What a channel would lose.
#[derive(Debug)]
pub enum Loss {
    /// Nothing: nothing is live, or the release contains it.
    Nothing,
    /// These, the latest first.
    Revisions {
        /// What was promoted; the live release is the first.
        dropped: Vec<Dropped>,
        /// How many git commits, promoted or not, as far as the checkout knows them.
        commits: Option<usize>,
    },
    /// It cannot be known here.
    Unknown {
        /// What is live.
        live: Box<Dropped>,
        /// Why it cannot be known.
        reason: AncestryError,
    },
}

/// Why a promotion is refused before anybody signs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DropError {
    /// The release does not contain what is live.
    #[error(
        "{} does not contain what is live in `{channel}` of {project}: {}",
        .hash.short(), list(.dropped)
    )]
    Loss {
        /// The release.
        hash: Digest,
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// What the channel would lose.
        dropped: Vec<Dropped>,
    },
    /// Nobody can tell here.
    #[error(
        "cannot know here whether {} contains what is live in `{channel}` of {project}: {live}",
        .hash.short()
    )]
    Unknown {
        /// The release.
        hash: Digest,
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// What is live.
        live: Box<Dropped>,
        /// The reason.
        #[source]
        source: AncestryError,
    },
}

impl Outcome for DropError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Loss { .. } => "merge what is live, publish that and promote it; or give --drop \
                                  to take it out of the channel"
                .to_owned(),
            Self::Unknown { source, .. } => match source.hint() {
                Some(hint) => format!("{hint}; or give --drop to promote it all the same"),
                None => "give --drop to promote it all the same".to_owned(),
            },
        })
    }
}

impl Loss {
    /// Refuses a promotion that loses something, or may, unless that is `meant`.
    pub fn require_meant(self, proposal: &Proposal, meant: bool) -> Result<(), DropError> {
        let Proposal {
            project, channel, ..
        } = proposal;
        let (hash, project, channel) = (proposal.hash, project.clone(), channel.clone());
        match self {
            _ if meant => Ok(()),
            Self::Nothing => Ok(()),
            Self::Revisions { dropped, .. } => Err(DropError::Loss {
                hash,
                project,
                channel,
                dropped,
            }),
            Self::Unknown { live, reason } => Err(DropError::Unknown {
                hash,
                project,
                channel,
                live,
                source: reason,
            }),
        }
    }
}

fn list(dropped: &[Dropped]) -> String {
    /// Most that a sentence names.
    const MOST: usize = 5;
    few(dropped, MOST, "; ", "; and")
}

/// Finds what `proposal` would take out of its channel. `sources` are what the documents of the live
/// and the wanted release say, when they are at hand; without them the log has to do.
pub fn loss(
    state: &LogState,
    proposal: &Proposal,
    sources: Option<(&Source, &Source)>,
    checkout: &Path,
) -> Loss {
    let Some(head) = state.head(&proposal.project, &proposal.channel) else {
        return Loss::Nothing;
    };
    let Some(live) = promoted(state, proposal, &head.hash) else {
        return Loss::Nothing;
    };
    if head.hash == proposal.hash {
        return Loss::Nothing;
    }
    let of_record = |hash| {
        let release = state.release(&proposal.project, hash).map(Release::record);
        release.and_then(Revision::of_record)
    };
    let of_source = |source, hash| {
        let revision = Revision::of_source(source)?;
        let release = state.release(&proposal.project, hash)?;
        Some(revision.found_at(release.record()))
    };
    let revisions = match sources {
        Some((live, target)) => of_source(live, &head.hash).zip(of_source(target, &proposal.hash)),
        None => of_record(&head.hash).zip(of_record(&proposal.hash)),
    };
    let missing = match &revisions {
        Some((live, target)) => ancestry::missing(live, target, checkout),
        None => Err(AncestryError::OtherRepository),
    };
    match missing {
        Ok(Missing::Nothing) => Loss::Nothing,
        Ok(missing) => Loss::Revisions {
            dropped: dropped(state, proposal, live, &missing),
            commits: match &missing {
                Missing::Commits(commits) => Some(commits.len()),
                _ => None,
            },
        },
        Err(reason) => Loss::Unknown {
            live: Box::new(live),
            reason,
        },
    }
}

/// The live release first, then what was promoted before it and is part of it.
fn dropped(
    state: &LogState,
    proposal: &Proposal,
    live: Dropped,
    missing: &Missing,
) -> Vec<Dropped> {
    let is_missing = |promotion: &&Promotion| {
        let release = state.release(&proposal.project, &promotion.hash);
        let revision = release.and_then(|release| Revision::of_record(release.record()));
        revision.is_some_and(|revision| missing.has(&revision))
    };
    let mut dropped = vec![live];
    let mut add = |promotion: &Promotion| {
        if !dropped.iter().any(|known| known.hash == promotion.hash) {
            dropped.extend(promoted(state, proposal, &promotion.hash));
        }
    };
    let moves = state.moves(&proposal.project, &proposal.channel);
    let past = moves.iter().rev();
    match missing {
        // A path is all that is known of a branch, which may be as old as the repository: what
        // came to the channel before another branch did was given up then.
        Missing::Svn { .. } => past.take_while(is_missing).for_each(&mut add),
        _ => past.filter(is_missing).for_each(&mut add),
    }
    dropped
}

/// Returns how a release first came to the channel, and who owns it.
pub(crate) fn promoted(state: &LogState, proposal: &Proposal, hash: &Digest) -> Option<Dropped> {
    let release = state.release(&proposal.project, hash)?.record();
    let moves = state.moves(&proposal.project, &proposal.channel);
    let promotion = moves.first(hash)?;
    Some(Dropped {
        hash: *hash,
        revision: release.revision.clone(),
        reference: release.reference.clone(),
        people: promotion.people.clone(),
        reason: promotion.reason.clone(),
        issued_at: promotion.issued_at,
        entry: promotion.entry,
    })
}
